"""Two workers generate the answers of one, whatever of the model each of them holds."""

from __future__ import annotations

import json

import chat_training as chats
import pytest
from torchrun import on_two_workers
from two_workers_generation import KINDS, trained

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    from trainables.training.workshop import Workshop

    folder = tmp_path_factory.mktemp("chats")
    inputs = chats.make_chats(folder)
    alone = trained(Workshop(inputs), folder, "plain")
    (folder / "plain").rename(folder / "alone")
    sets = str(inputs.train), str(inputs.validation)
    return folder, alone, on_two_workers("two_workers_generation.py", folder, *sets)


@pytest.mark.parametrize("kind", KINDS)
def test_two_workers_write_what_one_writes(made, kind):
    folder, alone, together = made
    lengths = [run["metrics"]["eval_answer_tokens"] for run in (alone, together[0][kind])]
    assert lengths[0] == lengths[1]
    kept = [(folder / name / "samples.jsonl").read_text() for name in ("alone", kind)]
    texts = [[json.loads(line)["answer"] for line in each.splitlines()] for each in kept]
    assert texts[0] == texts[1] and len(texts[0]) == 13
