from __future__ import annotations

import io
import json
import logging
import re
import warnings

import pytest
from event_samples import CALLS, lines, tell
from live_samples import sweep, trial
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from sweeps.base.view import View
from sweeps.display.events import JsonView
from sweeps.display.live import LiveView
from sweeps.display.plain import PlainView
from sweeps.display.terminal import (
    PIPE_WIDTH,
    Followed,
    TextConsole,
    echo_json,
    for_far_end,
    loading,
    make_console,
    make_view,
)


def terminal(**options) -> Console:
    return Console(file=io.StringIO(), width=100, **options)


def test_a_pipe_gets_lines_that_nothing_wraps(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    console = make_console()
    assert (console.width, console.is_terminal) == (PIPE_WIDTH, False)
    assert isinstance(make_view(console), PlainView)
    assert isinstance(make_view(terminal(force_terminal=True)), LiveView)
    assert for_far_end(console) == {}


@pytest.mark.parametrize("kind", [LiveView, PlainView])
def test_what_looks_like_markup_is_shown_as_it_stands(kind):
    console = TextConsole(file=io.StringIO(), width=200, force_terminal=kind is LiveView)
    view = kind(console)
    view.phase("[/1]")
    view.trials_begin(sweep(name="[/2]", metric="[/3]", base={"[/3]": 1.0}), "[/4]")
    view.changed(trial(0, "failed", error="[/5]").with_changes(params={"[/6]": "[/7]"}))
    view.changed(trial(1, "failed").with_changes(params={"[/6]": "[/7]"}))
    view.trials_end()
    assert all(f"[/{number}]" in console.file.getvalue() for number in range(1, 8))


HOSTILE = "a\x1b]0;pwn\x07b\x1b[2J\x9b2Jc\u202ed\r\ud800"
SHOWN = r"a\x1b]0;pwn\x07b\x1b[2J\x9b2Jc\u202ed\r\ud800"


@pytest.mark.parametrize("kind", [LiveView, PlainView])
def test_no_text_commands_the_terminal(kind):
    console = TextConsole(file=io.StringIO(), width=200, force_terminal=kind is LiveView)
    for error in (None, HOSTILE):
        record = trial(0, "failed", 1.0, error=error).with_changes(params={HOSTILE: HOSTILE})
        view = kind(console)
        view.phase(HOSTILE)
        view.trials_begin(sweep(name=HOSTILE, metric=HOSTILE, base={HOSTILE: 1.0}), HOSTILE)
        view.changed(record)
        view.trials_end()
    shown = console.file.getvalue()
    assert SHOWN in shown and not re.search(r"[\x07\x9b\u202e]|\x1b\]|\x1b\[2J[^A-Z]", shown)


def test_what_is_written_out_keeps_its_style_and_its_place():
    console = TextConsole(
        file=io.StringIO(), width=60, force_terminal=True, color_system="standard"
    )
    text = Text.assemble("x", ("a\x1bb", "red"), "c")
    table = Table("one", "two", box=None)
    table.add_row("\x1b", "d")
    table.add_row("eeee", "f")
    console.print(text, Group(table))
    first, _, *rows = console.file.getvalue().splitlines()
    assert first.startswith("x\x1b[31ma") and re.sub(r"\x1b\[\d*m", "", first) == r"xa\x1bbc"
    assert [row.rstrip() for row in rows] == [r" \x1b  d", " eeee  f"]


def test_json_has_no_control_characters_and_reads_back(capsys):
    echo_json({"a": HOSTILE})
    text = capsys.readouterr().out
    assert text.strip().isprintable() and json.loads(text) == {"a": HOSTILE}


def test_a_followed_sweeps_lines_bring_colours_and_no_other_commands(capsys):
    line = "\x1b[31mred\x1b[0m \x1b]8;;x\x07\x1b[2J\x1b\\ \x9b2J \x1b[2J"
    console = terminal(force_terminal=True, color_system="standard")
    for each in (console, terminal()):
        with Followed(each) as say:
            say(line)
    written_out = r"\x1b]8;;x\x07\x1b[2J\x1b\ \x9b2J \x1b[2J"
    assert console.file.getvalue() == f"\x1b[31mred\x1b[0m {written_out}\n"
    assert capsys.readouterr().out == rf"\x1b[31mred\x1b[0m {written_out}" + "\n"


def test_a_command_that_is_followed_writes_for_the_terminal_far_away(monkeypatch, capsys):
    for name, value in for_far_end(terminal(force_terminal=True)).items():
        monkeypatch.setenv(name, value)
    console = make_console()
    assert (console.width, console.is_terminal) == (100, True)
    view = make_view(console)
    assert isinstance(view, JsonView)
    tell(view)
    assert capsys.readouterr().out.splitlines() == lines()


def test_what_is_no_event_is_passed_on_with_its_colours():
    console = terminal(force_terminal=True, color_system="standard")
    with Followed(console) as say:
        say("\x1b[33mNote: [1] a line\x1b[0m")
        say("x" * 150)
    assert console.file.getvalue() == f"\x1b[33mNote: [1] a line\x1b[0m\n{'x' * 150}\n"


def test_a_pipe_gets_a_followed_sweeps_lines_as_they_are(capsys):
    with Followed(terminal()) as say:
        say("trial 3 complete\t[x] :smile: ")
    assert capsys.readouterr().out == "trial 3 complete\t[x] :smile: \n"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ConnectionError])
def test_the_table_is_taken_down_whatever_happens(error):
    console = terminal(force_terminal=True)
    with pytest.raises(error), Followed(console) as say:
        for line in lines()[: len(CALLS) - 1]:
            say(line)
        assert "\x1b[?25l" in console.file.getvalue(), "the cursor is hidden"
        raise error
    assert console.file.getvalue().rstrip().endswith("\x1b[?25h")


def test_libraries_load_in_a_phase_of_their_own_and_their_warnings_stay_out(monkeypatch, capsys):
    told = []

    class Noted(View):
        def at(self, phases):
            told.extend(phase.text for phase in phases)

    monkeypatch.setattr("sweeps.display.terminal.make_view", lambda console: Noted())
    with loading():
        warnings.warn("an option of another library", FutureWarning, stacklevel=1)
        logging.getLogger("bitsandbytes.backends.cpu.ops").warning("pip install kernels")
    assert told == ["loading libraries"]
    assert capsys.readouterr().err == ""
    with pytest.raises(ImportError), loading():
        raise ImportError("a library is broken")
