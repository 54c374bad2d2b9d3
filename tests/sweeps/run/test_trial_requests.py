"""`sweep trial add`, `clone` and `stop`: what is queued, and what is refused before that."""

from __future__ import annotations

import pytest
from finished_sweeps import ended_trial, sweep_tree, write_ended
from typer.testing import CliRunner

from sweeps.cli.app import app

WSD = {"learning_rate": 1e-4, "lora.rank": 4, "schedule": "wsd", "wsd.decay_fraction": 0.2}
COSINE = {"learning_rate": 1e-4, "lora.rank": 4, "schedule": "cosine"}


@pytest.fixture
def folder(tmp_path):
    trials = [
        ended_trial(0, "complete", WSD, 2.0),
        ended_trial(1, "interrupted", {"learning_rate": 1e-3, "lora.rank": 8}, 3.0),
    ]
    return write_ended(tmp_path, trials, state="interrupted")


def trial(folder, *words) -> tuple[int, str]:
    words = ["trial", *map(str, words), "--home", str(folder.path.parents[1])]
    done = CliRunner().invoke(app, words, env={"COLUMNS": "400"})
    return done.exit_code, " ".join(done.output.split())


def params_of(folder) -> list[dict]:
    return [dict(each.params) for each in folder.requests.all().values()]


def test_a_trial_is_queued_with_its_values_in_the_spelling_of_the_space(folder):
    code, said = trial(folder, "add", "ended", "learning_rate=1e-4", "lora.rank=8.0")
    assert code == 0, said
    assert params_of(folder) == [{"learning_rate": 1e-4, "lora.rank": 8}]
    assert "sweep resume ended" in said and "ended is interrupted" in said


def test_requests_keep_their_order(folder):
    for rank in (4, 8, 16):
        assert trial(folder, "add", "ended", f"lora.rank={rank}")[0] == 0
    assert [each["lora.rank"] for each in params_of(folder)] == [4, 8, 16]


def test_values_outside_of_the_space_are_queued_if_the_sweep_could_have_them(folder):
    code, said = trial(folder, "add", "ended", "learning_rate=0.5", "lora.dropout=0.1")
    assert code == 0, said
    assert params_of(folder) == [{"learning_rate": 0.5, "lora.dropout": 0.1}]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ([], WSD),
        (["lora.rank=16"], WSD | {"lora.rank": 16}),
        (["schedule=cosine"], COSINE),
    ],
)
def test_a_clone_has_the_values_that_go_with_the_changes(folder, changes, wanted):
    code, said = trial(folder, "clone", "ended", 0, *changes)
    assert code == 0, said
    (request,) = folder.requests.all().values()
    assert dict(request.params) == wanted and request.cloned_from == 0


def test_a_clone_of_a_trial_outside_of_the_space_stays_there(folder):
    outside = ended_trial(2, "complete", {"learning_rate": 0.5, "lora.rank": 4}, 2.0)
    folder.store.write_trial(outside)
    assert trial(folder, "clone", "ended", 2, "lora.rank=16")[0] == 0
    assert params_of(folder) == [{"learning_rate": 0.5, "lora.rank": 16}]


def test_an_open_trial_can_be_stopped_and_an_ended_one_not(folder):
    assert trial(folder, "stop", "ended", 1)[0] == 0
    (request,) = folder.requests.all().values()
    assert (request.kind, request.number) == ("stop", 1)
    code, said = trial(folder, "stop", "ended", 0)
    assert code == 2 and "trial 0 of ended has ended: it is complete" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("add", "name at least one value, e.g. learning_rate=1e-4"),
        ("add learning_rate", "'learning_rate': write NAME=VALUE"),
        ("add lora.rank=4 lora.rank=8", "lora.rank is given twice"),
        ("add lora.rank=[4", "lora.rank, line 1:"),
        ("add learning_rat=1", "not a known name; did you mean learning_rate?"),
        ("add learning_rate=fast", "learning_rate: 'fast': input should be a valid number"),
        ("add lora.rank=0", "lora.rank: 0: input should be greater than 0"),
        ("add lora.rank=null", "lora.rank: null: input should be"),
        ("add budget.epochs=3", "budget.epochs: cannot be searched: trials with unequal budgets"),
        ("add model=other", "model: cannot be searched"),
        ("add schedule=cosine wsd.decay_fraction=0.2", "exists only with schedule wsd"),
        (
            "add schedule=wsd wsd.decay_fraction=0.4 warmup_fraction=0.7",
            "is more than the whole run; lower one of them",
        ),
        ("clone 7", "ended has no trial 7; its trials are 0 to 1"),
        ("stop 7", "ended has no trial 7; its trials are 0 to 1"),
    ],
)
def test_mistakes_are_one_message_and_nothing_is_queued(folder, words, said):
    verb, *others = words.split()
    code, output = trial(folder, verb, "ended", *others)
    assert code == 2 and said in output, output
    assert output.count("Error") == 1 and folder.requests.all() == {}


def test_a_fixed_field_can_take_another_value(tmp_path):
    folder = write_ended(tmp_path, [], sweep_tree(warmup_fraction=0.1, lora={"dropout": 0.1}))
    code, said = trial(folder, "add", "ended", "warmup_fraction=0.2", "lora.dropout=0.0")
    assert code == 0, said
    assert params_of(folder) == [{"warmup_fraction": 0.2, "lora.dropout": 0.0}]


def test_an_unknown_sweep(folder):
    code, said = trial(folder, "add", "other", "lora.rank=4")
    assert code == 2 and "no sweep 'other'" in said


@pytest.mark.parametrize("verb", ["status", "winners"])
def test_requests_that_wait_are_shown(folder, verb):
    trial(folder, "add", "ended", "lora.rank=4")
    words = [verb, "ended", "--home", str(folder.path.parents[1])]
    said = " ".join(CliRunner().invoke(app, words, env={"COLUMNS": "400"}).output.split())
    assert "1 trial added by hand: not begun; sweep resume ended" in said and "trains it" in said
    (file,) = folder.requests.folder.iterdir()
    file.write_text("{")
    said = CliRunner().invoke(app, words, env={"COLUMNS": "400"}).output
    assert f"requests for trials cannot be read: {file}" in said and "2.0000" in said
