"""Uploads a trial's files to shared storage while the trial goes on training."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Uploads:
    """Uploads in parallel with training; on exit, waits for all and raises the first failure.

    There are two sequential lanes: a checkpoint may be large, and an evaluation's files do not wait
    for it. But a checkpoint counts only once all earlier files of its trial are uploaded.
    """

    def __init__(self) -> None:
        self._left = ThreadPoolExecutor(1, thread_name_prefix="uploads")
        self._checkpoints = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._failed: BaseException | None = None

    def __enter__(self) -> Uploads:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._checkpoints.shutdown()
        self._left.shutdown()
        if kind is None and self._failed:
            raise self._failed

    def put(self, upload: Callable[[], None]) -> Future[None]:
        """Upload an evaluation's files; the future raises the first failure."""
        return self._left.submit(self._in_order, upload)

    def all_left(self) -> Future[None]:
        """Done when all earlier uploads are done."""
        return self.put(lambda: None)

    def put_checkpoint(self, upload: Callable[[], T]) -> Future[T]:
        """Upload a checkpoint's files, or the manifest that makes them count."""
        return self._checkpoints.submit(self._noted, upload)

    def _in_order(self, upload: Callable[[], None]) -> None:
        if self._failed:
            raise self._failed
        self._noted(upload)

    def _noted(self, upload: Callable[[], T]) -> T:
        try:
            return upload()
        except BaseException as error:
            self._failed = self._failed or error
            raise
