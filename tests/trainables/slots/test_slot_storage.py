"""Slots that share no folder with the head: a disk in the store's place, and an S3 server."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import tiny_training as tiny
from desk import Desk, without_ray
from s3_server import ENVIRONMENT, make_bucket, s3_server
from waiting import wait_until

from trainables.board.board_client import BoardClient
from trainables.board.job import Job
from trainables.core.errors import StorageError
from trainables.core.evaluation import Cost, Ending, Evaluation, Outcome
from trainables.core.model_source import ModelSource
from trainables.slots import slot
from trainables.slots.board_monitor import BoardMonitor
from trainables.slots.board_progress import BoardProgress
from trainables.slots.remote_checkpoints import RemoteCheckpoints
from trainables.slots.safeguards import Safeguards
from trainables.slots.slot_lanes import LaneSource
from trainables.slots.slot_storage import SlotStorage, stored_inputs
from trainables.slots.uploads import Uploads
from trainables.storage import sealed
from trainables.storage.remote_folder import RemoteFolder
from trainables.training.checkpoints import Checkpoint, Checkpoints
from trainables.training.inputs import Inputs


@pytest.fixture(params=["disk", pytest.param("s3", marks=pytest.mark.endtoend)])
def storage(request, tmp_path, monkeypatch):
    if request.param == "disk":
        yield RemoteFolder((tmp_path / "store").as_uri())
        return
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with s3_server(tmp_path / "server.log") as query:
        make_bucket("bucket", query)
        yield RemoteFolder(f"s3://bucket/folder{query}")


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch):
    monkeypatch.setenv("SWEEP_SCRATCH", str(tmp_path / "scratch"))
    return tmp_path / "scratch"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return tiny.make_inputs(tmp_path_factory.mktemp("prepared"))


def storage_for(storage, folder, inputs=None) -> SlotStorage:
    stored = stored_inputs(inputs, storage / "cache") if inputs else {}
    return SlotStorage(storage / "sweep", storage / "cache", folder, stored, "head").of("slot-0")


@pytest.fixture(autouse=True)
def a_node(monkeypatch):
    without_ray(monkeypatch.setattr)


def trained(
    safeguards: Safeguards, inputs: Inputs, folder: Path, earlier: Sequence[float] = ()
) -> tuple[list[float], Outcome]:
    """A trial of 8 steps and 4 evaluations, of which some were made before, in a new slot."""
    desk = Desk()
    seen = tuple(
        Evaluation(point, 2 * point, {"eval_loss": loss}, Cost())
        for point, loss in enumerate(earlier, 1)
    )
    try:
        config = tiny.trial(budget__steps=8, budget__evaluations=4)
        desk.ask("submit", Job(folder.name, config, folder, seen=seen))
        return desk.trial(desk.worker(inputs, safeguards), config, folder)
    finally:
        desk.shut()


def test_a_trial_goes_on_from_its_checkpoint_on_a_node_that_has_nothing(
    storage, scratch, tmp_path, monkeypatch
):
    inputs = tiny.make_inputs(tmp_path / "head")
    whole, _ = trained(Safeguards(), inputs, tmp_path / "undisturbed")
    sweep, trial = tmp_path / "head" / "sweep", tmp_path / "head" / "sweep" / "trials" / "0000"
    slot_storage = storage_for(storage, sweep, inputs)
    safeguards = Safeguards(checkpoint_seconds=0, storage=slot_storage)
    shutil.move(tmp_path / "head", tmp_path / "out of reach")

    wishes = iter([None] * 4 + [Ending.SUSPENDED])
    with monkeypatch.context() as patch:
        patch.setattr(BoardMonitor, "asked_to_end", lambda self: next(wishes))
        losses, outcome = trained(safeguards, inputs, trial)
    assert (losses, outcome.ending) == (whole[:2], Ending.SUSPENDED)

    checkpoints = storage / "sweep" / "trials" / "0000" / "checkpoints"
    newest = checkpoints / "checkpoint-5"
    weights = next(name for name in newest.sizes() if name.endswith(".safetensors"))
    newest.write(weights, newest.read(weights)[:-100])
    shutil.rmtree(scratch)
    losses, outcome = trained(safeguards, inputs, trial, losses)
    assert (losses, outcome.ending) == (whole, Ending.COMPLETE)
    fetched = slot_storage.local(trial) / "checkpoints"
    assert [each.name for each in fetched.iterdir()] == ["checkpoint-4"]
    left = {name.partition("/")[0].removeprefix("checkpoint-") for name in checkpoints.sizes()}
    assert left - {"5", "7"} == {"6"}, "the trial may have ended before the last one counted"
    assert sealed.is_whole(checkpoints / "checkpoint-6")
    assert not (tmp_path / "head").exists()


def test_lanes_leave_no_files_of_ended_trials_on_their_node(tmp_path, prepared):
    """One session of lanes may last as long as the sweep."""
    head = tmp_path / "head"
    storage = storage_for(RemoteFolder((tmp_path / "store").as_uri()), head, prepared)
    desk = Desk()
    life, board = desk.ask("hello", "slot-0"), BoardClient(desk)
    source = LaneSource(2, lambda kind: desk.ask("take_like", "slot-0", life, kind))
    told, safeguards = BoardProgress(board, gpu=False), Safeguards(storage=storage)
    worker = slot._Worker(board, prepared, safeguards, told, source)
    for number in range(4):
        desk.ask("submit", Job(str(number), tiny.trial(seed=number), head / "trials" / f"{number}"))
    worker.do(desk.ask("take", "slot-0", life, 0.0))
    for number in range(4):
        assert desk.board._queue[str(number)].outcome.ending is Ending.COMPLETE
        losses = storage.sweep / "trials" / str(number)
        assert "sequence_losses.npz" in losses.sizes()
    assert [path.name for path in (storage.place / "trials").iterdir()] == ["0"]
    desk.shut()


def test_inputs_are_put_there_once_and_fetched_once(storage, prepared, scratch, monkeypatch):
    slot_storage = storage_for(storage, scratch, prepared)
    monkeypatch.setattr(RemoteFolder, "push", None)
    assert stored_inputs(prepared, storage / "cache") == slot_storage.inputs
    at_hand = slot_storage.at_hand(prepared, "a node")
    assert at_hand.folders() and len(at_hand.folders()) == len(prepared.folders())
    for theirs, ours in zip(prepared.folders(), at_hand.folders(), strict=True):
        assert tiny_content(ours) == tiny_content(theirs) and ours.startswith(str(scratch))
    monkeypatch.setattr(RemoteFolder, "pull", None)
    assert slot_storage.of("slot-1").at_hand(prepared, "a node") == at_hand
    assert slot_storage.at_hand(prepared, "head") == prepared


def tiny_content(folder):
    folder = Path(folder)
    return {f.relative_to(folder): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_inputs_whose_upload_broke_off_are_put_there_anew(tmp_path, prepared, monkeypatch):
    storage = RemoteFolder((tmp_path / "store").as_uri())
    pushed = []

    def breaks_off(self, file, name, *wanted, push=RemoteFolder.push):
        if len(pushed) == 2:
            raise StorageError(str(self), "away")
        pushed.append(name)
        push(self, file, name, *wanted)

    with monkeypatch.context() as patch:
        patch.setattr(RemoteFolder, "push", breaks_off)
        with pytest.raises(StorageError):
            stored_inputs(prepared, storage / "cache")
    slot_storage = storage_for(storage, tmp_path, prepared)
    assert tiny_content(slot_storage.at_hand(prepared, "a node").model.name) == tiny_content(
        prepared.model.name
    )


def test_inputs_that_are_gone_from_the_store_are_named(tmp_path, prepared):
    slot_storage = storage_for(RemoteFolder((tmp_path / "store").as_uri()), tmp_path, prepared)
    shutil.rmtree(tmp_path / "store")
    with pytest.raises(StorageError, match=r"/store/cache/\w+ has no manifest\.json$"):
        slot_storage.at_hand(prepared, "a node")


def test_what_a_process_that_hung_has_left_is_brought_to_the_store(tmp_path):
    slot_storage = storage_for(RemoteFolder((tmp_path / "store").as_uri()), tmp_path / "sweep")
    place = slot_storage.local(tmp_path / "sweep" / "trials" / "0003")
    place.mkdir(parents=True)
    (place / "hang-rank0.txt").write_text("Thread 0x1")
    (place / "hang-rank1.txt").write_text("")
    slot_storage.clear()
    assert slot_storage.sweep.sizes() == {"trials/0003/hang-rank0.txt": 10}
    assert not place.exists()


def test_a_store_that_stays_away_fails_no_trial_but_closes_the_board(tmp_path, prepared):
    storage = RemoteFolder((tmp_path / "store").as_uri())
    (tmp_path / "store").write_text("in the way")
    safeguards = Safeguards(storage=storage_for(storage, tmp_path))
    _, outcome = trained(safeguards, prepared, tmp_path / "trials" / "0000")
    assert outcome.ending is Ending.SUSPENDED
    assert outcome.error.startswith(f"{storage}/sweep/trials/0000: ")


def test_a_slot_on_a_node_that_does_not_see_the_data_ends_the_sweep_or_itself(tmp_path):
    inputs = Inputs(ModelSource("model"), train=tmp_path / "nowhere", validation=tmp_path)
    desk = Desk()
    board = BoardClient(desk)
    desk.ask("hello", "another slot")
    with pytest.raises(StorageError, match=r"nowhere; set storage\.uri to storage that all nodes"):
        slot._is_blind(board, slot._unseen(inputs, None))
    desk.ask("lost", "another slot")
    assert slot._is_blind(board, slot._unseen(inputs, None))
    assert "cannot read" in desk.ask("why_closed")
    desk.shut()


def test_a_node_that_cannot_use_the_storage_takes_no_trial(tmp_path, prepared):
    storage = RemoteFolder((tmp_path / "store").as_uri())
    slot_storage = storage_for(storage, tmp_path)
    assert slot._unseen(prepared, slot_storage) is None
    shutil.rmtree(tmp_path / "store", ignore_errors=True)
    (tmp_path / "store").write_text("in the way")
    assert "cannot use" in slot._unseen(prepared, slot_storage)


def test_a_checkpoint_that_cannot_be_uploaded_is_left_out(tmp_path, prepared, monkeypatch):
    storage = RemoteFolder((tmp_path / "store").as_uri())

    def away(self, file, name, *wanted, push=RemoteFolder.push):
        if "checkpoint-3" in self.path and name == "weights":
            raise StorageError(str(self), "away")
        push(self, file, name, *wanted)

    monkeypatch.setattr(RemoteFolder, "push", away)
    for step in (1, 2, 3, 4):
        with Uploads() as uploads:
            checkpoints = RemoteCheckpoints(tmp_path / "draft", 0.0, "one", storage, uploads)
            checkpoints.write(Checkpoint(step, 1.0, 1), filled(step))
            checkpoints.settle()
        assert checkpoints.latest() == Checkpoint(2 if step == 3 else step, 1.0, 1)
    assert {name.partition("/")[0] for name in storage.sizes()} == {"checkpoint-2", "checkpoint-4"}
    other = RemoteCheckpoints(tmp_path / "draft", 0.0, "two", storage, Uploads())
    assert other.latest() is None


def test_what_another_sweep_uploads_meanwhile_is_there_all_the_time(
    tmp_path, prepared, monkeypatch
):
    cache = RemoteFolder((tmp_path / "store").as_uri())
    names = stored_inputs(prepared, cache).values()
    is_whole, push, there = sealed.is_whole, RemoteFolder.push, []

    def watched(self, *given):
        there.append(all(is_whole(cache / name) for name in names))
        push(self, *given)

    monkeypatch.setattr(sealed, "is_whole", lambda remote: False)  # it looked before that
    monkeypatch.setattr(RemoteFolder, "push", watched)
    stored_inputs(prepared, cache)
    assert there and all(there)


def test_a_trial_trains_on_while_what_it_left_is_on_its_way(tmp_path, prepared, monkeypatch):
    storage = RemoteFolder((tmp_path / "store").as_uri())
    slot_storage = storage_for(storage, tmp_path / "sweep", prepared)
    third = threading.Event()
    held_up = []

    def slow(self, file, name, *wanted, push=RemoteFolder.push):
        if "checkpoints/" in self.path:
            held_up.append(third.wait(60))
        push(self, file, name, *wanted)

    folder = tmp_path / "sweep" / "trials" / "0000"
    there = slot_storage.remote(slot_storage.local(folder))

    def evaluated(self, evaluation, evaluated=BoardMonitor.evaluated):
        if evaluation.point == 3:
            third.set()
            wait_until(lambda: sealed.is_whole(there / "checkpoints/checkpoint-1"))
        return evaluated(self, evaluation)

    monkeypatch.setattr(RemoteFolder, "push", slow)
    monkeypatch.setattr(BoardMonitor, "evaluated", evaluated)
    losses, outcome = trained(
        Safeguards(checkpoint_seconds=1e-9, storage=slot_storage), prepared, folder
    )
    assert (outcome.ending, len(losses)) == (Ending.COMPLETE, 4)
    assert held_up and all(held_up), "the trial waited for its checkpoint"
    assert sealed.is_whole(there / "best")


def test_weights_that_cannot_be_uploaded_are_vouched_for_by_no_checkpoint(
    tmp_path, prepared, monkeypatch
):
    storage = RemoteFolder((tmp_path / "store").as_uri())
    slot_storage = storage_for(storage, tmp_path / "sweep", prepared)

    def away(self, file, name, *wanted, push=RemoteFolder.push):
        if self.path.endswith("/best"):
            raise StorageError(str(self), "away")
        push(self, file, name, *wanted)

    monkeypatch.setattr(RemoteFolder, "push", away)
    folder = tmp_path / "sweep" / "trials" / "0000"
    _, outcome = trained(Safeguards(checkpoint_seconds=0, storage=slot_storage), prepared, folder)
    assert outcome.ending is Ending.SUSPENDED and "away" in outcome.error
    with Uploads() as uploads:
        there = slot_storage.remote(slot_storage.local(folder)) / "checkpoints"
        layout = f"1 workers, {tiny.trial().deepspeed!r}"
        left = RemoteCheckpoints(tmp_path / "draft", 0.0, layout, there, uploads).latest()
    assert left == Checkpoint(1, left.seconds, left.peak_memory_bytes), "its first evaluation is 2"


def test_a_past_that_is_made_anew_does_not_come_back(tmp_path):
    """A head has lost the evaluation at step 3 with its disk, and the slot dies soon after it."""
    storage = RemoteFolder((tmp_path / "store").as_uri())
    with Uploads() as uploads:
        for checkpoints in (
            Checkpoints(tmp_path / "folder", 0.0, "one"),
            RemoteCheckpoints(tmp_path / "draft", 0.0, "one", storage, uploads),
        ):
            for step in (2, 4):
                checkpoints.write(Checkpoint(step, 1.0, 1), filled(step))
            checkpoints.settle()
            assert checkpoints.latest(before=3) == Checkpoint(2, 1.0, 1)
            assert checkpoints.latest() == Checkpoint(2, 1.0, 1)


def filled(step):
    def fill(folder):
        (folder / f"checkpoint-{step}").mkdir()
        for name in ("optimizer", "weights"):
            (folder / f"checkpoint-{step}" / name).write_bytes(b"1")

    return fill
