"""The ends of commands by a user's mistake or by a full disk: one message, with the way out."""

from __future__ import annotations

import errno
import os

import pytest
import typer
from finished_sweeps import ended_trial, write_ended
from typer.testing import CliRunner

from sweeps.cli.app import app
from sweeps.cli.finished import end_shown
from sweeps.cli.mistakes import mistakes_shown
from sweeps.home.home import SweepHome

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/there/record.json")
DENIED = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/there/record.json")


def ended_by(error, home, capsys) -> str:
    with pytest.raises(typer.Exit) as end, mistakes_shown(), end_shown(SweepHome(home), "ended"):
        raise error
    assert end.value.exit_code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "here"),
    [(FULL, "make room there (`sweep clean`)"), (DENIED, "check its permissions")],
)
def test_a_sweep_that_has_begun_goes_on_where_it_is(error, here, tmp_path, capsys):
    one = ended_trial(0, "complete", {"learning_rate": 1e-3, "lora.rank": 4}, 2.0, 1.3)
    write_ended(tmp_path, [one], budget_trials=4)
    said = ended_by(error, tmp_path, capsys)
    assert said == (
        f"Error: /there/record.json: {error.strerror}; {here}. "
        f"To resume: sweep resume ended --home {tmp_path}\n"
    )


@pytest.mark.parametrize(
    ("error", "elsewhere"), [(FULL, "a larger disk"), (DENIED, "a folder you can write to")]
)
def test_a_sweep_that_has_not_begun_may_have_another_home(error, elsewhere, tmp_path, capsys):
    said = ended_by(error, tmp_path, capsys)
    assert said.endswith(f", or set --home or SWEEP_HOME to {elsewhere}\n")
    assert "resume" not in said


@pytest.mark.parametrize(
    ("words", "meant"), [(["lanch"], "'launch'?"), (["trial", "clnoe"], "'clone'?")]
)
def test_a_misspelt_verb_is_told_the_one_that_was_meant(words, meant):
    done = CliRunner().invoke(app, words)
    said = " ".join(done.output.replace("\u2502", " ").split())
    assert done.exit_code == 2 and f"Did you mean {meant}" in said
    assert "plan" not in said and "clean" not in said


def test_a_word_that_is_like_no_verb_is_not_taken_for_one():
    done = CliRunner().invoke(app, ["train"])
    assert done.exit_code == 2 and "No such command 'train'" in done.output
    assert "Did you mean" not in done.output
