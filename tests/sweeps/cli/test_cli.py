from __future__ import annotations

import errno
import json
import re
import subprocess
import sys
from importlib.metadata import version

import pytest
import typer
import yaml
from live_samples import sweep, trial, two_metrics
from spec_samples import toy_tree
from typer.testing import CliRunner

from results.records.cluster_record import ClusterRecord, SlotRecord
from sweeps.cli.app import app
from sweeps.cli.mistakes import mistakes_shown
from sweeps.home.home import SweepHome
from sweeps.run.dry_run.result import DryRun

HEAVY = ("torch", "ray", "mlflow", "transformers", "optuna", "pandas", "peft", "deepspeed", "numpy")


@pytest.fixture
def home(tmp_path, monkeypatch) -> SweepHome:
    monkeypatch.setenv("SWEEP_HOME", str(tmp_path))
    home = SweepHome(tmp_path)
    store = home.sweep("alpaca-lora").store
    store.write_sweep(sweep(state="complete"))
    store.write_trial(trial(0, "complete", 2.5, 2.6, run_id="r0"))
    store.write_trial(trial(1, "failed", error="boom"))
    return home


def run(*arguments: str):
    return CliRunner().invoke(app, arguments)


@pytest.mark.parametrize(
    "code",
    [
        "from typer.testing import CliRunner; from sweeps.cli.app import app; "
        "CliRunner().invoke(app, ['--help'])",
        "from sweeps.spec.spec import SweepSpec; from spec_samples import toy_tree; "
        "SweepSpec.parse(toy_tree())",
        "from sweeps import Sweep",
    ],
    ids=["help", "spec", "python"],
)
def test_what_should_be_quick_imports_nothing_heavy(code):
    check = f"{code}\nimport sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", check],
        capture_output=True,
        text=True,
        check=True,
        cwd="tests/helpers",
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "what",
    ["sweeps.run.launch", "sweeps.search.searcher, sweeps.books.recorder, sweeps.cluster.slots"],
    ids=["what refuses a launch at once", "what runs beside slots"],
)
def test_what_needs_no_model_library_waits_for_none(what):
    code = f"import {what}, sys; print({{'torch', 'transformers', 'peft'}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_help_imports_no_spec_and_no_records():
    code = (
        "from typer.testing import CliRunner; from sweeps.cli.app import app; "
        "CliRunner().invoke(app, ['--help']); import sys; print('pydantic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_status_as_json_has_the_promised_keys(home):
    report = json.loads(run("status", "alpaca-lora", "--json").stdout)
    assert list(report) == ["name", "state", "trials", "best"]
    assert report["trials"] == {
        "waiting": 0,
        "running": 0,
        "complete": 1,
        "pruned": 0,
        "diverged": 0,
        "failed": 1,
        "infeasible": 0,
        "interrupted": 0,
    }
    assert report["best"]["trial"] == 0


def test_status_has_the_slots_and_their_cost_once_a_driver_has_looked(home):
    slot = SlotRecord(name="slot-0", device="A10G", trials=2)
    seen = ClusterRecord(at=1.0, slots=[slot], node_seconds={"worker": 3600.0})
    home.sweep("alpaca-lora").store.write_cluster(seen)
    report = json.loads(run("status", "alpaca-lora", "--json").stdout)
    assert list(report) == ["name", "state", "trials", "best", "cluster"]
    assert (report["cluster"]["cost"], report["cluster"]["unpriced"]) == (None, ["worker"])
    priced = run("status", "alpaca-lora", "--price", "worker=1.25")
    lines = [line.rstrip() for line in priced.stdout.splitlines()]
    assert "  slot-0       2         0  A10G" in lines
    assert "cost: $1.25 for 60 min of worker" in lines
    wrong = run("status", "alpaca-lora", "--price", "1.25")
    assert wrong.exit_code == 2 and "--price: must be TYPE=DOLLARS" in wrong.stderr


def test_status_says_where_a_sweep_is_tracked_unless_at_home(home):
    assert "MLflow" not in run("status", "alpaca-lora").stdout
    theirs = {"tracking_uri": "https://me:hunter2@ml.example", "experiment": "team"}
    record = sweep(state="complete", tracking_source="MLFLOW_TRACKING_URI", **theirs)
    home.sweep("alpaca-lora").store.write_sweep(record)
    said = "MLflow: https://***@ml.example, experiment team (from MLFLOW_TRACKING_URI)"
    assert said in run("status", "alpaca-lora").stdout


def test_from_afar_the_next_command_leads_there(home, monkeypatch):
    home.sweep("alpaca-lora").store.write_sweep(sweep(state="interrupted"))
    monkeypatch.setenv("SWEEP_FROM_AFAR", " --cluster my.yaml")
    assert "sweep resume alpaca-lora --cluster my.yaml" in run("status", "alpaca-lora").stdout
    assert "sweep resume alpaca-lora --cluster my.yaml" in run("winners", "alpaca-lora").stdout


def test_winners_as_json_has_the_promised_keys(home):
    report = json.loads(run("winners", "alpaca-lora", "--json").stdout)
    assert list(report) == ["sweep", "metric", "mode", "base", "winners", "left_out"]
    assert list(report["winners"][0]) == ["trial", "status", "params", "metrics", "run_id"]
    assert report["winners"][0]["metrics"] == {"eval_loss": 2.5}, (
        "the best evaluation, not the last"
    )
    assert report["left_out"] == [{"trial": 1, "status": "failed", "why": "failed: boom"}]


def test_winners_as_json_are_all_of_them_unless_fewer_are_asked_for(home):
    store = home.sweep("alpaca-lora").store
    for number in range(2, 9):
        store.write_trial(trial(number, "complete", 2.5 + number))
    every = [0, *range(2, 9)]
    for options, expected in (((), every), (("--top", "3"), every[:3])):
        report = json.loads(run("winners", "alpaca-lora", "--json", *options).stdout)
        assert [winner["trial"] for winner in report["winners"]] == expected
    shown = run("winners", "alpaca-lora").stdout
    assert "and 3 more: sweep winners alpaca-lora --top 8" in shown


def test_list_status_and_winners_for_people(home):
    assert "eval_loss 2.5000" in run("list").stdout
    assert "trial 1: failed: boom" in run("winners", "alpaca-lora").stdout
    *lines, size = run("status", "alpaca-lora").stdout.splitlines()
    assert re.fullmatch(r"\d\.\d kB in .*alpaca-lora", size)
    assert lines == [
        "alpaca-lora: complete",
        "complete 1  failed 1",
        "best: trial 0  eval_loss 2.5000  learning_rate 0.00021  lora.rank 8  schedule wsd  "
        "batch_size 16",
        "base model: eval_loss 4.5000",
        "trial 1: failed: boom",
    ]


def test_a_validation_set_that_was_trained_on_is_told_wherever_a_result_is(home):
    shared = {"validation": {"shared": 40, "records": 40}}
    store = home.sweep("alpaca-lora").store
    store.write_sweep(store.sweep().with_changes(overlaps=shared))
    for command in ("status", "winners"):
        words = " ".join(run(command, "alpaca-lora").stdout.split())
        assert "Evaluated on training data: all 40 validation records" in words
        told = json.loads(run(command, "alpaca-lora", "--json").stdout)
        assert told["overlaps"] == shared


def test_a_message_that_many_trials_share_is_told_once(home):
    message = "the folder /srv/share/data cannot be read: " + "because " * 19
    store = home.sweep("alpaca-lora").store
    for number in range(2, 12):
        store.write_trial(trial(number, "failed", error=message))
    for command in ("status", "winners"):
        shown = run(command, "alpaca-lora").stdout
        assert shown.count("cannot be read") == 1
        assert "10 trials (2 to 11): failed: the folder /srv/share/data" in shown
        assert "trial 1: failed: boom" in shown
    why = [
        each["why"]
        for each in json.loads(run("winners", "alpaca-lora", "--json").stdout)["left_out"]
    ]
    assert len(why) == 11, "scripts get each trial"


@pytest.mark.parametrize("text", ["[/x]", "[bold]x", ":bomb:"])
@pytest.mark.parametrize("several", [False, True])
def test_what_looks_like_markup_is_shown_as_it_stands(home, text, several):
    goals = {"other_metrics": {f"b{text}": "min"}} if several else {}
    store = home.sweep("odd").store
    base = {f"a{text}": 4.0}
    odd = sweep(name="odd", state="failed", metric=f"a{text}", base=base, error=text, **goals)
    store.write_sweep(odd.with_changes(tracking_uri=f"http://{text}"))
    metrics = {f"a{text}": 2.0, f"b{text}": 1.0}
    for number in (0, 1):
        record = trial(number, "complete", 1.0)
        (last,) = record.measurements
        measured = (last.with_changes(metrics=metrics),)
        params = {text: 1, f"p{number}": text}
        store.write_trial(record.with_changes(measurements=measured, params=params))
    store.write_trial(trial(2, "failed", error=f"boom {text} y"))
    store.write_cluster(ClusterRecord(at=1.0, slots=[SlotRecord(name=text, device=text, trials=2)]))
    for command, least in (("list", 1 - several), ("status", 6), ("winners", 6), ("ui", 1)):
        done = run(command, *(["odd"] if command in ("status", "winners") else []))
        assert done.output.count(text) >= least, done.output
        assert not done.exception or isinstance(done.exception, SystemExit)
    assert f"trial 2: failed: boom {text} y" in run("winners", "odd").stdout


def test_a_home_that_looks_like_markup_is_shown_as_it_stands(tmp_path):
    (tmp_path / "h[" / "x]").mkdir(parents=True)
    done = run("list", "--home", f"{tmp_path}/h[/x]")
    assert (done.exit_code, done.stdout) == (0, f"No sweeps in {tmp_path}/h[/x] yet.\n")


def test_a_home_that_does_not_exist_is_said_to_be_none(tmp_path):
    nowhere = str(tmp_path / "nowhere")
    done = run("list", "--home", nowhere)
    said = f"There is no sweep home {nowhere}; set --home or SWEEP_HOME, or launch a sweep."
    assert (done.exit_code, done.stdout) == (0, f"{said}\n")
    done = run("status", "x", "--home", nowhere)
    assert done.exit_code == 2 and said in done.stderr and not (tmp_path / "nowhere").exists()


def test_the_version_is_that_of_the_package():
    done = run("--version")
    assert (done.exit_code, done.stdout) == (0, f"winnow {version('winnow-sweeps')}\n")


@pytest.mark.parametrize(
    ("fit", "options", "code"),
    [(True, [], 0), (False, [], 1), (False, ["--address", "auto"], 0)],
)
def test_a_dry_run_whose_slots_do_not_fit_here_ends_with_1(
    tmp_path, monkeypatch, fit, options, code
):
    """Unless the sweep is for a cluster. The measurement itself is test_dry_run.py's."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    measured = DryRun(
        params={},
        slots="2",
        slots_fit=fit,
        data="",
        base_metrics={"eval_loss": 2.0},
        trial_metrics={"eval_loss": 1.0},
        peak_memory_bytes=1,
        trainable_parameters=1,
        total_parameters=2,
        trials=1,
        seconds_per_step=1.0,
        evaluation_seconds=1.0,
        tokens_per_second=1.0,
        steps=1,
    )
    monkeypatch.setattr("sweeps.run.dry_run.dry_run.dry_run", lambda *asked: measured)
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(toy_tree()))
    assert run("launch", str(tmp_path / "toy.yaml"), "--dry-run", *options).exit_code == code


def test_a_front_for_people(home):
    store = home.sweep("front").store
    store.write_sweep(sweep(name="front", state="complete", other_metrics={"eval_cost": "min"}))
    for number, point in enumerate([(3.0, 0.1), (1.0, 0.9), (2.0, 0.95)]):
        store.write_trial(two_metrics(number, *point))
    assert "front of 2" in run("list").stdout
    lines = run("status", "front").stdout.splitlines()
    assert [line.partition("  lea")[0] for line in lines[2:4]] == [
        "front: trial 1  eval_loss 1.0000  eval_cost 0.9000",
        "front: trial 0  eval_loss 3.0000  eval_cost 0.1000",
    ]
    assert "trial 2: dominated by trial 1" in run("winners", "front").stdout
    assert "and 1 more on the front" in run("winners", "front", "--top", "1").stdout


def test_one_bad_record_hides_no_other_sweep_and_is_named(home):
    home.sweep("zebra").store.write_sweep(sweep(name="zebra"))
    broken = home.sweep("alpaca-lora").store.trial_folder(0) / "record.json"
    broken.write_text('{"sweep": "alp')
    listed = run("list")
    assert listed.exit_code == 2
    assert "zebra" in listed.stdout and "alpaca-lora" not in listed.stdout
    assert "sweep alpaca-lora" in listed.stderr and str(broken) in listed.stderr


@pytest.mark.parametrize(
    ("uri", "how"),
    [
        ("http://ml.example:5000", "open http://ml.example:5000 in a browser"),
        ("postgresql://me:pw@db/x", "mlflow server --backend-store-uri postgresql://***@db/x"),
    ],
)
def test_the_ui_of_a_sweep_that_is_tracked_elsewhere_is_there(home, uri, how):
    home.sweep("alpaca-lora").store.write_sweep(sweep(tracking_uri=uri))
    done = run("ui")
    assert done.exit_code == 2
    assert f"sweep alpaca-lora is tracked elsewhere: {how}" in done.stderr
    assert how in run("winners", "alpaca-lora").stdout


def test_a_mistake_in_a_spec_is_a_message_and_exit_code_2(home, tmp_path):
    spec = tmp_path / "a.yaml"
    spec.write_text(yaml.safe_dump(toy_tree(metod="lora")))
    done = run("launch", str(spec))
    assert done.exit_code == 2
    assert "metod: is not a known field; did you mean method?" in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("launch", "nowhere.yaml"), "the file does not exist"),
        (("status", "nothing"), "no sweep 'nothing'"),
        (("winners", "nothing"), "sweeps there: alpaca-lora"),
        (("status", "../alpaca-lora"), "'../alpaca-lora' is not a valid sweep name"),
        (("winners", "/etc"), "'/etc' is not a valid sweep name"),
        (("ui", "--home", "/nonexistent"), "no tracked sweeps yet"),
    ],
)
def test_mistakes_name_the_way_out(home, arguments, message):
    done = run(*arguments)
    assert done.exit_code == 2 and message in done.stderr


def test_a_folder_that_cannot_be_written_to_says_how_to_name_another(capsys):
    with pytest.raises(typer.Exit) as ended, mistakes_shown():
        raise PermissionError(errno.EACCES, "Permission denied", "/root/x")
    assert ended.value.exit_code == 2
    said = capsys.readouterr().err
    assert "/root/x: Permission denied; check its permissions, or set --home" in said


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("running", "all results so far are saved. To resume: sweep resume alpaca-lora"),
        ("complete", "the sweep is complete: sweep winners alpaca-lora"),
    ],
)
def test_ctrl_c_tells_what_there_is_of_a_sweep(home, monkeypatch, state, said):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("sweeps.run.launch.resume", interrupted)
    home.sweep("alpaca-lora").store.write_sweep(sweep(state=state))
    home.sweep("bare").store.write_sweep(sweep(name="bare"))
    done = run("resume", "alpaca-lora")
    assert (done.exit_code, done.stderr) == (130, f"Interrupted; {said}\n")
    done = run("resume", "bare")
    assert done.stderr == "Interrupted; there are no results to keep.\n"


def test_stopping_a_sweep_that_has_no_trial_yet_says_that_its_name_is_free(home, monkeypatch):
    monkeypatch.setattr("sweeps.home.stop.stop", lambda folder, progress: folder.free())
    done = run("stop", "alpaca-lora")
    said = "alpaca-lora: ended before its first trial; its name is free\n"
    assert (done.exit_code, done.stdout) == (0, said)


def test_a_name_that_is_taken_is_refused_before_anything_starts(home, tmp_path):
    spec = tmp_path / "a.yaml"
    spec.write_text(yaml.safe_dump(toy_tree(name="alpaca-lora")))
    done = run("launch", str(spec))
    assert done.exit_code == 2 and "--name" in done.stderr


@pytest.mark.parametrize("name", ["../out", "/out", "..", ""])
def test_a_name_that_leads_out_of_the_home_is_refused_wherever_it_comes_from(home, tmp_path, name):
    spec = tmp_path / "a.yaml"
    spec.write_text(yaml.safe_dump(toy_tree()))
    for arguments in (("--name", name), ("--set", f"name={name!r}")):
        done = run("launch", str(spec), *arguments)
        assert done.exit_code == 2 and f"name: {name!r} is not a valid name" in done.stderr


@pytest.mark.parametrize("command", ["list", "ui", "doctor", "status", "stop", "resume"])
def test_a_home_that_is_no_path_is_a_message_and_exit_code_2(home, command):
    name = [] if command in ("list", "ui", "doctor") else ["alpaca-lora"]
    done = run(command, *name, "--home", "~nouser/x")
    assert done.exit_code == 2 and "sweep home '~nouser/x' is not a valid path" in done.stderr


def test_a_variable_that_is_no_path_hides_no_sweep_of_the_home_that_is_named(home, monkeypatch):
    monkeypatch.setenv("SWEEP_HOME", "~nouser/x")
    done = run("winners", "alpaca-lora", "--home", str(home.path))
    assert done.exit_code == 0 and f"sweep ui alpaca-lora --home {home.path}" in done.stdout


def test_a_killed_writers_half_record_is_named(home):
    broken = home.sweep("alpaca-lora").store.trial_folder(0) / "record.json"
    broken.write_text('{"sweep": "alp')
    done = run("status", "alpaca-lora")
    assert done.exit_code == 2 and str(broken) in done.stderr
