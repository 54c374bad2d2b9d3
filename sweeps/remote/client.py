"""The commands of `sweep` on a cluster, from the user's own machine."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sweeps.display.terminal import Followed, for_far_end, make_console, waiting
from sweeps.home.home import FROM_AFAR
from sweeps.remote.prices import of_file, refuse_unknown

if TYPE_CHECKING:
    from rich.console import Console

    from sweeps.spec.spec import SweepSpec

INTERRUPTED = 130
"""Exit code of a command ended by Ctrl-C, here or on the cluster."""


@dataclass(frozen=True)
class Elsewhere:
    """A cluster, by its file or the address of its job server, and a sweep home on it."""

    cluster: Path | None
    address: str | None
    home: Path | None

    def run(
        self,
        words: Sequence[str],
        sent: Path | None = None,
        say: Callable[[str], object] | None = None,
    ) -> int:
        """Run `sweep WORDS` there with the files in the folder `sent`; returns the exit code.

        Ctrl-C while it runs raises DetachedError.
        """
        from sweeps.remote.job import connected, run

        there = [*words, *(["--home", str(self.home)] if self.home else [])]
        console = make_console()
        environment = {**for_far_end(console), FROM_AFAR: f" {self._options}"}
        with ExitStack() as stack:
            say = say or stack.enter_context(Followed(console))
            with waiting() as progress, progress.phase("connecting to the cluster"):
                client = stack.enter_context(connected(self.cluster, self.address))
            return run(client, there, sent, say, environment)

    def bring(self, words: Sequence[str], to: Path | None, replaces: bool = True) -> int:
        """Run a command there that sends a file, and write it here; returns the exit code.

        SweepError if the file exists here, unless the command `replaces` it.
        """
        from sweeps.remote.parcel import Parcel

        parcel, console = Parcel(), make_console()
        with Followed(console) as show:
            code = self.run([*words, "--send"], say=lambda line: parcel.takes(line) or show(line))
        if code == 0:
            console.print(f"Written here: {parcel.unpack(to, replaces)}", soft_wrap=True)
        return code

    def launch(self, spec: SweepSpec, console: Console) -> int:
        """Send a sweep and follow it."""
        from sweeps.remote.shipment import SPEC, pack

        with TemporaryDirectory() as folder:
            pack(self._priced(spec), Path(folder))
            return self.follow(["launch", SPEC], spec.name, console, Path(folder))

    def follow(
        self, words: Sequence[str], name: str, console: Console, sent: Path | None = None
    ) -> int:
        """Run a sweep there, displayed like a local one; Ctrl-C leaves it running."""
        from sweeps.remote.job import ConnectionLostError, DetachedError

        try:
            with Followed(console) as say:
                return self.run(words, sent, say)
        except DetachedError:
            why = "Detached"
        except ConnectionLostError as error:
            console.print(f"\n{error}")
            why = "Detached"
        console.print(
            f"\n{why}; the sweep continues.\n"
            f"  sweep status {name} {self._options}\n"
            f"  sweep stop {name} {self._options}",
        )
        return INTERRUPTED

    def _priced(self, spec: SweepSpec) -> SweepSpec:
        """The spec with the cluster file's prices added for its driver, if it has none; SweepError
        if its own are of other node types."""
        from sweeps.spec.fields import changed

        refuse_unknown(spec.slots.prices, self.cluster)
        prices = {} if spec.slots.prices else of_file(self.cluster)
        if not prices:
            return spec
        tree = changed(spec.tree, "slots.prices", prices)
        return type(spec).parse(tree, str(self.cluster), elsewhere=True)

    @property
    def _options(self) -> str:
        words = ["--cluster", self.cluster] if self.cluster else ["--address", self.address]
        return shlex.join(map(str, [*words, *(["--home", self.home] if self.home else [])]))


def elsewhere(cluster: Path | None, address: str | None, home: Path | None) -> Elsewhere | None:
    """The cluster in the options; None for this machine and its own Ray."""
    if cluster is None and not (address or "").startswith(("http://", "https://")):
        return None
    return Elsewhere(cluster, address, home)
