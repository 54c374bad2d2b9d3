"""`register:` in a sweep file: the winner replaces the registered model only if it is better."""

from __future__ import annotations

import pytest
from kept_sweep import answers, kept_sweep, tracked, tree_of
from mlflow import MlflowClient
from spec_samples import toy_tree

from sweeps.export import export as room
from sweeps.export.champion import offer
from sweeps.export.fresh_process import metrics_of
from sweeps.spec.spec import SpecError, SweepSpec

WISH = {"name": "pydoc", "alias": "best"}


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    monkeypatch.setattr(room, "measured_afresh", metrics_of)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A sweep with a better trial 0 and a worse trial 1, on the same data."""
    folder = tmp_path_factory.mktemp("chats")
    tree = tree_of(folder, answers(40), register=WISH)
    return tracked(kept_sweep(folder, tree, [{"learning_rate": 1e-2}, {"learning_rate": 1e-4}]))


def offered(home) -> str:
    return offer(home.sweep("kept"), home)


def version(home):
    return MlflowClient(home.tracking_uri).get_model_version_by_alias("pydoc", "best")


def only(home, number):
    """Make all other trials fail, so that this one wins."""
    store = home.sweep("kept").store
    for record in store.trials():
        status = "complete" if record.number == number else "failed"
        store.write_trial(record.with_changes(status=status))


def test_only_a_better_winner_takes_the_place(trained):
    only(trained, 1)
    assert offered(trained) == "Trial 1 is registered as pydoc@best, version 1."
    assert offered(trained) == "Trial 1 is pydoc@best already: version 1."
    only(trained, 0)
    said = offered(trained)
    assert "Trial 0 is registered as pydoc@best, version 2: eval_loss" in said
    assert "better than version 1 (" in said and "paired over 10 examples)" in said
    assert version(trained).tags["winnow.trial"] == "0"
    only(trained, 1)
    said = offered(trained)
    values = [r.measurements[-1].metrics["eval_loss"] for r in trained.sweep("kept").store.trials()]
    assert said.startswith("Not registered: pydoc@best, version 2, has eval_loss")
    assert f"{min(values):.4f}"[:5] in said
    assert int(version(trained).version) == 2


def test_a_later_sweep_of_the_same_name_is_another_one(trained):
    only(trained, 0)
    before = version(trained)
    assert offered(trained) == f"Trial 0 is pydoc@best already: version {before.version}."
    client, store = MlflowClient(trained.tracking_uri), trained.sweep("kept").store
    for record in store.trials():
        run = client.create_run(client.get_run(record.run_id).info.experiment_id)
        store.write_trial(record.with_changes(run_id=run.info.run_id))
    assert offered(trained).startswith(f"Not registered: pydoc@best, version {before.version}, has")
    client.set_model_version_tag("pydoc", before.version, "winnow.eval_loss", "99.0")
    said = offered(trained)
    assert f"better than version {before.version}; how sure that is was not measured." in said
    assert int(version(trained).version) == int(before.version) + 1


def test_another_data_set_is_not_compared(trained):
    client = MlflowClient(trained.tracking_uri)
    client.create_registered_model("foreign{x}")
    made = client.create_model_version("foreign{x}", str(trained.path), None)
    client.set_registered_model_alias("foreign{x}", "best", made.version)
    folder = trained.sweep("kept")
    text = folder.spec.read_text()
    folder.spec.write_text(text.replace("name: pydoc", "name: foreign{x}"))
    try:
        said = offered(trained)
    finally:
        folder.spec.write_text(text)
    assert "measured on other data (fingerprint unknown, here" in said
    assert "`sweep register kept --as foreign{x}@best" in said


def test_a_registry_that_is_away_is_told_in_one_sentence(trained):
    folder = trained.sweep("kept")
    record = folder.store.sweep()
    text = folder.spec.read_text()
    folder.spec.write_text(text + "\ntracking: {uri: 'http://127.0.0.1:9'}\n")
    folder.store.write_sweep(record.with_changes(tracking_uri=None))
    try:
        said = offered(trained)
    finally:
        folder.spec.write_text(text)
        folder.store.write_sweep(record)
    assert said.startswith("The winner was not registered: ") and "127.0.0.1:9" in said
    assert said.endswith("does it later.") and "\n" not in said


def test_a_sweep_that_registers_nothing_says_nothing(trained):
    folder = trained.sweep("kept")
    record = folder.store.sweep()
    folder.store.write_sweep(record.with_changes(state="interrupted"))
    assert offered(trained) == ""
    folder.store.write_sweep(record)
    text = folder.spec.read_text()
    folder.spec.write_text("\n".join(line for line in text.splitlines() if line[:1] != " "
                                     and not line.startswith("register")) + "\n")  # fmt: skip
    assert offered(trained) == ""
    folder.spec.write_text(text)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"register": {"alias": "x"}}, "register.name: is missing"),
        ({"register": {"name": "a/b"}}, "register.name"),
        ({"register": {"name": "a", "alias": "latest"}}, "MLflow's own word"),
        ({"register": {"name": "a", "alias": "v3"}}, "MLflow's own word"),
        ({"register": None}, "register"),
        ({"register": {"name": "a"}}, "objective toy trains no model"),
        (
            {
                "register": {"name": "a"},
                "search": {"metrics": {"eval_loss": "min", "eval_cost": "min"}},
            },
            "a Pareto front has no winner",
        ),
    ],
)
def test_mistakes_are_found_before_anything_is_trained(changes, message):
    with pytest.raises(SpecError) as error:
        SweepSpec.parse({**toy_tree(), **changes})
    assert message in str(error.value)
