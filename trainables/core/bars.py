"""Libraries' progress bars for model downloads and loading, reported as phases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import ExitStack, contextmanager

from huggingface_hub.utils.tqdm import tqdm
from transformers.utils import logging

from trainables.core.progress import BYTES, Gauge, Progress


@contextmanager
def loading_told(progress: Progress) -> Iterator[type[tqdm]]:
    """While the block runs, report the number of a model's tensors that transformers has loaded.

    Yields the class of bars that huggingface_hub should use for downloads.
    """
    with ExitStack() as stack:
        download = _Download(progress)
        stack.callback(download.over)

        def hook(
            factory: Callable[..., object],
            arguments: tuple[object, ...],
            options: Mapping[str, object],
        ) -> object:
            items = arguments[0] if arguments else None
            if not isinstance(items, Sized) or not isinstance(items, Iterable):
                return factory(*arguments, **options)
            download.over()
            return _counted(progress, items, len(items))

        stack.callback(logging.set_tqdm_hook, logging.set_tqdm_hook(hook))
        yield download.bars()


def _counted(progress: Progress, items: Iterable[object], count: int) -> Iterator[object]:
    with progress.phase("tensors", count) as gauge:
        for item in items:
            yield item
            gauge.advance()


class _Download:
    """One phase from the first bytes on, whichever of the hub's bars counts them: some count the
    same bytes twice, and some never end."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._stack = ExitStack()
        self._gauge: Gauge | None = None

    def bars(self) -> type[tqdm]:
        """The class of bars for the hub."""
        download = self

        class Bar(tqdm):
            """Draws nothing, whatever the hub's settings are."""

            def __init__(self, *arguments: object, **options: object) -> None:
                options["disable"] = True
                super().__init__(*arguments, **options)  # type: ignore[no-untyped-call]
                self.counts_bytes = options.get("unit") == BYTES

            def update(self, n: float | None = 1) -> None:
                """Add `n` to the count."""
                self.n += n or 0
                if self.counts_bytes:
                    download.has(self.n, self.total)

        return Bar

    def has(self, done: float, total: float | None) -> None:
        """Report the bytes downloaded so far."""
        if self._gauge is None:
            phase = self._progress.phase("downloading", unit=BYTES)
            self._gauge = self._stack.enter_context(phase)
        self._gauge.set(done, total)

    def over(self) -> None:
        """End the download's phase."""
        self._stack.close()
        self._gauge = None
