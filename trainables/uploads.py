"""What a trial leaves is brought to shared storage while it trains on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Uploads:
    """Uploads beside the training; the block ends when all of them are done.

    There are two lanes, in each of which one follows the other: a checkpoint may be large, and what
    an evaluation leaves does not wait for it. But a checkpoint vouches for all that its trial left
    before. So nothing follows an upload that failed, whose error is raised at the end of the block.
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

    def put(self, upload: Callable[[], T]) -> Future[T]:
        """What an evaluation has left; the future raises what the upload raised."""
        return self._left.submit(self._do, upload)

    def put_checkpoint(self, upload: Callable[[], T]) -> Future[T]:
        """A checkpoint's files, for which nothing vouches yet."""
        return self._checkpoints.submit(self._do, upload)

    def vouch(self, seal: Callable[[], None]) -> None:
        """For a checkpoint, once all is there that was put before."""
        before = self.put(lambda: None)

        def vouched() -> None:
            before.result()
            self._do(seal)

        self._checkpoints.submit(vouched)

    def _do(self, upload: Callable[[], T]) -> T:
        if self._failed:
            raise self._failed
        try:
            return upload()
        except BaseException as error:
            self._failed = error
            raise
