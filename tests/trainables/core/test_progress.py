from __future__ import annotations

import pytest

from trainables.core.progress import NO_PROGRESS, Phase, Progress


@pytest.fixture
def told() -> list:
    return []


def test_phases_are_told_as_they_open_move_and_end(told):
    progress = Progress(told.append)
    with progress.phase("reading", total=2) as files:
        with progress.phase("a.jsonl"):
            pass
        files.advance()
    assert told == [
        (Phase("reading", 0, 2),),
        (Phase("reading", 0, 2), Phase("a.jsonl")),
        (Phase("reading", 0, 2),),
        (Phase("reading", 1, 2),),
        (),
    ]


def test_an_outer_phase_moves_while_an_inner_one_is_open(told):
    progress = Progress(told.append)
    with progress.phase("training", total=9) as steps, progress.phase("evaluating", total=3):
        steps.set(4)
        assert told[-1] == (Phase("training", 4, 9), Phase("evaluating", 0, 3))


def test_a_total_may_become_known_late(told):
    with Progress(told.append).phase("downloading") as gauge:
        gauge.set(5, 10)
        gauge.set(6)
    assert [phases[0].share for phases in told if phases] == [None, 0.5, 0.6]


def test_an_error_leaves_nothing_open(told):
    progress = Progress(told.append)
    with pytest.raises(KeyboardInterrupt), progress.phase("a"), progress.phase("b"):
        raise KeyboardInterrupt
    assert told[-1] == ()


def test_more_than_all_is_all(told):
    assert Phase("training", 7, 5).share == 1.0
    assert Phase("training", 0, 0).share is None


def test_what_nobody_watches_may_be_shared():
    with NO_PROGRESS.phase("a", total=2) as gauge, NO_PROGRESS.phase("b"):
        gauge.advance()
    assert NO_PROGRESS._open == ()
