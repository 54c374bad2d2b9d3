"""MLflow's own UI, on loopback, for the sweep home's database."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from results.mlflow.tracking_error import TrackingError
from results.records.record import SweepRecord
from results.records.record_error import RecordError
from sweeps.base.errors import SweepError
from sweeps.display.terminal import make_console, waiting
from sweeps.home.home import SweepFolder, SweepHome, is_from_afar
from sweeps.report.tether import Tethered

_HOST = "127.0.0.1"

_LOOK = 0.2
"""Seconds between two checks for the server's answer."""


def serve(home: SweepHome, port: int, page: str | None = None) -> int:
    """Run the UI and its server until Ctrl-C or another signal; returns the exit code.

    Shows a `page`, by default that with the latest runs, and opens it in a browser where there is
    one. SweepError if there is nothing to show or the server does not run.
    """
    if not _database(home).exists():
        known = "; ".join(tracked_elsewhere(home))
        where = known or "no tracked sweeps yet; launch one first"
        raise SweepError(f"{home.path}: {where}")
    _refuse_if_busy(port)
    log, say = home.path / "mlflow-server.log", make_console().print
    say("Starting the MLflow UI")
    with _signals_raised() as ended_by, Tethered(_command(home, port), log, _silent()) as server:
        try:
            with waiting() as progress, progress.phase("starting the MLflow UI"):
                up = _comes_up(server, port)
            if up:
                what = "the latest runs" if page is None else "the sweep's trials"
                address = f"http://{_HOST}:{port}{_newest(home) if page is None else page}"
                say(f"MLflow UI with {what}: {address}   (Ctrl-C stops it)", soft_wrap=True)
                if page is not None:
                    open_in_a_browser(address)
                server.wait()
        except KeyboardInterrupt:
            return 128 + ended_by[0] if ended_by else 0
    raise SweepError(f"the MLflow server has exited: {_last_line(log)}; full output: {log}")


def _database(home: SweepHome) -> Path:
    return home.path / "mlflow.db"


def _command(home: SweepHome, port: int) -> list[str]:
    server = ["server", "--host", _HOST, "--port", str(port), "--workers", "1"]
    stores = ["--backend-store-uri", home.tracking_uri, "--artifacts-destination"]
    return [sys.executable, "-P", "-m", "mlflow", *server, *stores, home.artifacts.as_uri()]


def _silent() -> dict[str, str]:
    """The environment; disables MLflow's telemetry and unneeded job runner by default."""
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return {**quiet, **os.environ}


def _refuse_if_busy(port: int) -> None:
    """SweepError if the port is taken; MLflow would retry for a minute, then exit without error."""
    try:
        socket.create_server((_HOST, port)).close()
    except OSError as error:
        raise SweepError(
            f"--port: port {port} of this machine is not available ({error.strerror}); "
            "choose another"
        ) from error


@contextmanager
def _signals_raised() -> Iterator[list[int]]:
    """Make SIGTERM and SIGHUP raise KeyboardInterrupt, too; yields the signal received, if any.

    Ignored signals, as under nohup, stay ignored.
    """
    came: list[int] = []

    def raise_it(number: int, frame: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)}
    caught = [each for each, handler in before.items() if handler is not signal.SIG_IGN]
    for each in caught:
        signal.signal(each, raise_it)
    try:
        yield came
    finally:
        for each in caught:
            signal.signal(each, before[each])


def _comes_up(server: Tethered, port: int) -> bool:
    """Wait for the server's answer; False if it ends first."""
    direct = build_opener(ProxyHandler({}))  # no proxy for loopback
    while server.ended() is None:
        try:
            direct.open(f"http://{_HOST}:{port}/health", timeout=5).close()
            return True
        except OSError:
            time.sleep(_LOOK)
    return False


def _newest(home: SweepHome) -> str:
    """The page with the newest experiment's runs; MLflow's own first page shows no runs."""
    from results.mlflow.runs import MlflowRuns, reported

    newest = None
    with suppress(TrackingError), reported(home.tracking_uri, "list the runs"):
        newest = MlflowRuns(home.tracking_uri).newest_experiment()
    page = "" if newest is None else f"/{newest}/runs"
    return f"/#/experiments{page}"


def show_sweep(home: SweepHome, name: str, port: int) -> int:
    """Show a sweep's trials in MLflow's UI: served here, or by the server that tracks them."""
    folder = home.existing(name)
    sweep = folder.sweep_record()
    here = _is_here(sweep, home)
    uri = home.tracking_uri if here else str(sweep.tracking_uri)
    if not here and not uri.startswith("http"):
        raise SweepError(f"sweep {name!r} is tracked elsewhere: {how_to_open(sweep, home)}")
    if here and not _database(home).exists():
        raise SweepError(
            f"sweep {name!r}: {_database(home)} does not exist; sweep resume writes it"
        )
    page = _view_of(sweep, folder, uri)
    if here:
        return serve(home, port, page)
    address = f"{uri.rstrip('/')}{page}"
    make_console().print(f"The sweep's trials in MLflow: {address}", soft_wrap=True)
    open_in_a_browser(address)
    return 0


def _view_of(sweep: SweepRecord, folder: SweepFolder, uri: str) -> str:
    from results.mlflow.tracking import share_view

    searched = list(dict.fromkeys(name for each in folder.trials() for name in each.params))
    try:
        page = share_view(uri, sweep, searched)
    except TrackingError as error:
        raise SweepError(f"tracking.uri: {error}") from error
    if page is None:
        raise SweepError(f"sweep {sweep.name!r}: MLflow has no run of it; sweep resume writes it")
    return page


def open_in_a_browser(address: str) -> None:
    """Open the page, if a person at a desktop ran the command; else its address has been shown."""
    desktop = (
        sys.platform in ("darwin", "win32") or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()
    )
    if sys.stdout.isatty() and desktop:
        import webbrowser

        webbrowser.open(address)


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "no output")


def tracked_elsewhere(home: SweepHome) -> Iterator[str]:
    """A sentence for each sweep of the home tracked by another server or database."""
    for folder in home.sweeps():
        try:
            sweep = folder.store.sweep()
        except RecordError:
            continue  # reported by `sweep list`
        if not _is_here(sweep, home):
            yield f"sweep {sweep.name} is tracked elsewhere: {how_to_open(sweep, home)}"


def how_to_open(sweep: SweepRecord, home: SweepHome) -> str:
    """The command or the page that shows a sweep in MLflow."""
    if _is_here(sweep, home):
        where = "   (on the head node)" if is_from_afar() else ""
        return f"sweep ui {sweep.name}{home.option()}{where}"
    uri = str(sweep.tracking_uri)
    if uri.startswith("http"):
        return f"open {uri} in a browser"
    return f"mlflow server --backend-store-uri {uri}"


def _is_here(sweep: SweepRecord, home: SweepHome) -> bool:
    return sweep.tracking_uri in (None, home.tracking_uri)
