from __future__ import annotations

import io

import pytest
from rich.console import Console
from test_events import CALLS, lines, tell
from test_live import sweep, trial

from sweeps.events import JsonView
from sweeps.live import LiveView, PlainView
from sweeps.terminal import PIPE_WIDTH, Followed, TextConsole, for_far_end, make_console, make_view


def terminal(**options) -> Console:
    return Console(file=io.StringIO(), width=100, **options)


def test_a_pipe_gets_lines_that_nothing_wraps(capsys):
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
