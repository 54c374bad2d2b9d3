"""A sweep home on a file system without locks is refused in one message.

The file system is made up by a library that is loaded before the C library, and that answers all
locks with ENOLCK, as an NFS mount without a lock daemon does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sweeps.home.locks import lack_of_locks

WITHOUT_LOCKS = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

static int refused(int command) {
    return command == F_SETLK || command == F_SETLKW || command == F_GETLK;
}

#define REPLACED(name)                                              \
    int name(int file, int command, ...) {                          \
        va_list rest;                                               \
        va_start(rest, command);                                    \
        void *argument = va_arg(rest, void *);                      \
        va_end(rest);                                               \
        if (refused(command)) { errno = ENOLCK; return -1; }        \
        int (*theirs)(int, int, ...) = (int (*)(int, int, ...)) dlsym(RTLD_NEXT, #name); \
        return theirs(file, command, argument);                     \
    }

REPLACED(fcntl)
REPLACED(fcntl64)
#ifdef FLOCK_TOO
int flock(int file, int operation) { errno = ENOLCK; return -1; }
#endif
"""

TRY = "from pathlib import Path; from sweeps.home.locks import lack_of_locks as lack; "


def without_locks(folder: Path, *flags: str) -> dict[str, str]:
    compiler = shutil.which("gcc") or shutil.which("cc") or shutil.which("g++")
    if compiler is None:
        pytest.skip("needs a C compiler")
    source, library = folder / "nolocks.c", folder / "nolocks.so"
    source.write_text(WITHOUT_LOCKS)
    command = [compiler, "-x", "c", "-shared", "-fPIC", *flags, str(source), "-o", str(library)]
    subprocess.run([*command, "-ldl"], check=True)
    return {**os.environ, "LD_PRELOAD": str(library)}


def asked(environment: dict[str, str], folder: Path, **options: bool) -> str:
    call = f"{TRY}print(lack(Path({str(folder)!r}), **{options}))"
    done = subprocess.run(
        [sys.executable, "-c", call], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_file_system_with_locks_is_fine_and_nothing_is_left(tmp_path):
    assert lack_of_locks(tmp_path / "not" / "yet") is None
    assert not list(tmp_path.iterdir())


def test_sqlite_without_locks_is_named(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    environment = without_locks(tmp_path)
    said = asked(environment, home)
    assert said.startswith(f"{home} has no working file locks, as some mounts of NFS (SQLite: ")
    assert asked(environment, home, database=False) == "None", "MLflow is elsewhere"
    assert not list(home.iterdir())


def test_a_launch_without_locks_is_refused_in_one_message(tmp_path):
    (tmp_path / "toy.yaml").write_text(
        "{name: toy, model: toy, objective: toy, budget: {trials: 2},\n"
        " space: {learning_rate: {log_uniform: [1e-5, 1e-2]}}}"
    )
    command = [sys.executable, "-m", "sweeps.cli", "launch", "toy.yaml", "--home", "home"]
    done = subprocess.run(
        command,
        env=without_locks(tmp_path, "-DFLOCK_TOO"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    *waited, line = done.stderr.strip().splitlines()
    assert all(" so far" in each for each in waited), "a slow machine says so"
    assert "has no working file locks" in line and "set --home or SWEEP_HOME" in line
    assert "Traceback" not in done.stderr and not (tmp_path / "home").exists()
