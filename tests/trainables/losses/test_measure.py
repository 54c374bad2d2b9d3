"""How ranks share the work of measuring; each is played here in turn, without a process group."""

from __future__ import annotations

import pytest
import tiny_training as tiny


@pytest.mark.parametrize("count", [1, 9, 13])
@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("micro_batch_size", [1, 3, 8])
def test_each_example_counts_once_in_as_many_passes_on_every_rank(
    count, workers, micro_batch_size, tmp_path, monkeypatch
):
    import torch

    from trainables.data.tokens.examples import Examples
    from trainables.losses import loss as objective

    class Placed:
        """Measures of each example which one it is, so that one counted twice would be another."""

        columns = 1

        def __init__(self):
            self.passes = 0

        def rows(self, model, batch):
            self.passes += 1
            return torch.from_numpy(batch["place"])[:, None] + 1.0

        def scores(self, rows, examples):
            return rows[:, 0]

    examples = Examples(tiny.make_sequences(tmp_path / "set", count, seed=3))
    monkeypatch.setattr(objective, "world_size", lambda: workers)
    monkeypatch.setattr(objective, "sum_over_ranks", lambda rows: rows)
    passes, total = set(), 0
    for rank in range(workers):
        monkeypatch.setattr(objective, "rank", lambda rank=rank: rank)
        placed = Placed()
        cpu, model = torch.device("cpu"), torch.nn.Identity()
        total += objective.measure(placed, model, examples, micro_batch_size, 0, cpu, None)
        passes.add(placed.passes)
    assert total.tolist() == list(range(1, count + 1))
    assert len(passes) == 1


def test_a_model_goes_on_training_after_a_measurement_that_failed(tmp_path):
    """In a slot with lanes other trials use it, whose activations are only then checkpointed."""
    import torch

    from trainables.data.tokens.examples import Examples
    from trainables.losses.loss import measure

    class Failing:
        columns = 1

        def rows(self, model, batch):
            assert not model.training
            raise RuntimeError("out of memory")

    examples = Examples(tiny.make_sequences(tmp_path / "set", 3, seed=3))
    model = torch.nn.Dropout().train()
    with pytest.raises(RuntimeError, match="out of memory"):
        measure(Failing(), model, examples, 1, 0, torch.device("cpu"), None)
    assert model.training
