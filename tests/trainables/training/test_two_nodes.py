"""Checkpoints of a trial whose ranks are on two nodes that share nothing but the storage."""

from __future__ import annotations

import pytest
from torchrun import on_two_workers

pytestmark = pytest.mark.endtoend


def test_each_node_uploads_its_own_files_and_gets_all_of_them(tmp_path):
    for seen in on_two_workers("two_nodes.py", tmp_path):
        assert seen["none"] is None
        assert seen["newest"] == 2, "of the third, one node could not upload its files"
        assert seen["files"] == {"shard-0": "0 at 2", "shard-1": "1 at 2"}
        assert seen["before"] == 1, "the second was damaged then"
