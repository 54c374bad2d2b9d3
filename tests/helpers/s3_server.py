"""A real S3-compatible server, and credentials for it that must be found nowhere."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ports import free_port

from trainables.storage.remote_folder import RemoteFolder

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "plantedaccesskeyid",
    "AWS_SECRET_ACCESS_KEY": "plantedsecretaccesskey",
    "AWS_EC2_METADATA_DISABLED": "true",
}
SECRETS = ("plantedaccesskeyid", "plantedsecretaccesskey")


@contextmanager
def s3_server(log: Path) -> Iterator[str]:
    """The query of each URI by which it is reached. The credentials must be in the environment."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("w") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
        try:
            wait_until_up(port, process, log)
            yield f"?endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"
        finally:
            process.terminate()


def wait_until_up(port: int, process: subprocess.Popen, log: Path) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
    raise TimeoutError("the S3 server does not start")


def make_bucket(name: str, query: str) -> None:
    from pyarrow.fs import FileSystem

    system, path = FileSystem.from_uri(f"s3://{name}{query}&allow_bucket_creation=true")
    system.create_dir(path)


def content(remote: RemoteFolder) -> dict[str, bytes]:
    return {name: remote.read(name) for name in remote.sizes()}
