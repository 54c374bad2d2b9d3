"""What is in the environment of a sweep is not in anything that it writes or prints."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml
from books import real_tree, sweep_command
from spec_samples import toy_tree

pytestmark = pytest.mark.endtoend

ENVIRONMENT = {
    name: f"planted{number:02d}{name.lower().replace('_', '')}"
    for number, name in enumerate(
        [
            "MLFLOW_TRACKING_USERNAME",
            "MLFLOW_TRACKING_PASSWORD",
            "HF_TOKEN",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "PGPASSWORD",
            "WANDB_API_KEY",
            "OPENAI_API_KEY",
        ]
    )
}
IN_THE_SPEC = "plantedinthespec"
_USER, _PASSWORD = (ENVIRONMENT[f"MLFLOW_TRACKING_{part}"] for part in ("USERNAME", "PASSWORD"))
SECRETS = (
    *ENVIRONMENT.values(),
    IN_THE_SPEC,
    base64.b64encode(f"{_USER}:{_PASSWORD}".encode()).decode(),
)


@pytest.fixture
def rays_own() -> Iterator[Path]:
    """Where Ray keeps its logs; the names of its sockets leave room for a short path only."""
    folder = Path(tempfile.mkdtemp(prefix="s"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def locked_server() -> Iterator[str]:
    """A tracking server that lets nobody in."""

    class Refusal(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(401)
            self.end_headers()
            self.wfile.write(b"wrong password")

        do_POST = do_GET  # noqa: N815

        def log_message(self, *words): ...

    with HTTPServer(("127.0.0.1", 0), Refusal) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def launch(tree: dict, home: Path, ray: Path) -> tuple[int, str]:
    """The exit code, and all that was printed."""
    home.mkdir(exist_ok=True)
    spec = home.parent / f"{tree['name']}.yaml"
    spec.write_text(yaml.safe_dump(tree, sort_keys=False))
    done = subprocess.run(
        sweep_command("launch", str(spec), home=home),
        capture_output=True,
        text=True,
        timeout=400,
        env={**os.environ, **ENVIRONMENT, "RAY_TMPDIR": str(ray), "HF_HUB_OFFLINE": "1"},
    )
    return done.returncode, done.stdout + done.stderr


def found_in(printed: str, *folders: Path) -> list[str]:
    """Every file below the folders that holds a secret, and the terminal where it does."""
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 20, "nothing was written, so nothing was looked at"
    contents = {str(file): file.read_bytes() for file in files} | {"printed": printed.encode()}
    return [
        f"{secret} in {name}"
        for name, content in contents.items()
        for secret in SECRETS
        if secret.encode() in content
    ]


@pytest.mark.parametrize(
    ("changes", "code"),
    [({}, 0), ({"toy": {"crash_above": 1e-9}}, 1)],
    ids=["complete", "failed"],
)
def test_a_toy_sweep_gives_no_secret_away(tmp_path, rays_own, changes, code):
    tree = toy_tree(budget={"trials": 3, "evaluations": 2}, **changes)
    returned, printed = launch(tree, tmp_path / "home", rays_own)
    assert returned == code, printed
    assert found_in(printed, tmp_path / "home", rays_own) == []


def test_a_real_sweep_gives_no_secret_away(tmp_path, rays_own):
    if "SWEEP_TEST_DATA" not in os.environ:
        pytest.skip("SWEEP_TEST_DATA names no folder with real data")
    tree = real_tree(
        Path(os.environ["SWEEP_TEST_DATA"]),
        budget={"trials": 2, "steps": 2, "evaluations": 1},
        # The second one fails inside of the trainer.
        space={"lora.target_modules": {"choice": [["q_proj"], ["no_such_module"]]}},
        search={"sampler": "grid", "early_stopping": "none"},
    )
    returned, printed = launch(tree, tmp_path / "home", rays_own)
    assert returned == 0 and "no_such_module" in printed, printed
    assert found_in(printed, tmp_path / "home", rays_own) == []


def test_a_tracking_server_that_refuses_is_named_and_no_password_is(tmp_path, rays_own):
    with locked_server() as uri:
        tree = toy_tree(tracking={"uri": uri})
        returned, printed = launch(tree, tmp_path / "home", rays_own)
    assert returned == 2 and uri in printed and "401" in printed, printed
    assert found_in(printed, tmp_path / "home", rays_own) == []


def test_a_password_in_the_spec_is_refused_and_nothing_is_written(tmp_path, rays_own):
    tree = toy_tree(tracking={"uri": f"postgresql://me:{IN_THE_SPEC}@localhost/mlflow"})
    returned, printed = launch(tree, tmp_path / "home", rays_own)
    assert returned == 2 and "PGPASSWORD" in printed
    assert IN_THE_SPEC not in printed
    assert not any((tmp_path / "home").iterdir())
