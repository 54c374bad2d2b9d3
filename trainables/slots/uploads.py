"""What a trial leaves is brought to shared storage while it trains on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Uploads:
    """Uploads beside the training; the block ends when all of them are done, or raises what failed.

    There are two lanes, in each of which one follows the other: a checkpoint may be large, and what
    an evaluation leaves does not wait for it. But a checkpoint counts only when all is there that
    its trial left before it.
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
        """What an evaluation has left; the future raises what the first failure was."""
        return self._left.submit(self._in_order, upload)

    def all_left(self) -> Future[None]:
        """Done when all is there that was put up to now."""
        return self.put(lambda: None)

    def put_checkpoint(self, upload: Callable[[], T]) -> Future[T]:
        """A checkpoint's files, or what makes them count."""
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
