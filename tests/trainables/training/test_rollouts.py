"""Rollouts: sampled by seeds of their own, rewarded, trained on, resumed bit for bit."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tiny_training as tiny
import torch
from rollout_training import SHORT, inputs_of, make_asked, rl_trial

from trainables.core.errors import RefusedError
from trainables.core.evaluation import Ending
from trainables.core.progress import Progress
from trainables.training.checkpoints import Checkpoints
from trainables.training.rollouts.drawing import Drawing
from trainables.training.workshop import Workshop


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_asked(tmp_path_factory.mktemp("rollouts"))


@pytest.fixture(scope="module")
def workshop(folder):
    return Workshop(inputs_of(rl_trial(folder), folder))


def adapters(folder):
    from safetensors.torch import load_file

    return load_file(folder / "best" / "adapter_model.safetensors")


@pytest.mark.parametrize("objective", ["grpo", "rloo", "ppo"])
def test_what_is_rewarded_becomes_likelier_and_the_base_stays(
    workshop, folder, objective, tmp_path
):
    config = rl_trial(folder, objective=objective, budget__steps=12)
    before = tiny.fingerprint(workshop._base.shared(config))
    base = workshop.measure_base(config).metrics
    watcher = tiny.Watcher(tmp_path)
    outcome = workshop.train(config, watcher)
    assert outcome.ending is Ending.COMPLETE, outcome.error
    last = watcher.seen[-1].metrics
    assert last["eval_reward"] > base["eval_reward"] + 1
    assert base["eval_kl"] == 0 < last["eval_kl"]
    weighted = sum(weight * last[name] for name, weight in SHORT.items())
    assert last["eval_reward"] == pytest.approx(weighted)
    assert last["train_answer_tokens"] == pytest.approx(-last["train_reward"], abs=0.5)
    assert last["train_gap"] < 1e-4, "what wrote the answers is what is trained"
    assert tiny.fingerprint(workshop._base.shared(config)) == before


def distance(workshop, folder, **params) -> float:
    """The KL divergence from the base at the end of a trial."""
    watcher = tiny.Watcher()
    workshop.train(rl_trial(folder, budget__evaluations=1, **params), watcher)
    return watcher.seen[-1].metrics["eval_kl"]


def test_a_large_beta_keeps_the_policy_at_the_base_but_for_the_optimizers_steps(workshop, folder):
    """Adam's steps are as long as the rate however small the gradient is: a tenth of the rate
    leaves about a hundredth of the distance."""
    steps = {"budget__steps": 14}
    free = distance(workshop, folder, rl__beta=0.0, learning_rate=1e-3, **steps)
    bound = distance(workshop, folder, rl__beta=100.0, learning_rate=1e-3, **steps)
    slow = distance(workshop, folder, rl__beta=100.0, learning_rate=1e-4, **steps)
    assert bound < 0.2 * free and slow < 0.05 * bound


def test_a_large_beta_of_ppo_bounds_the_policy(workshop, folder):
    """Its penalty is of single samples, which keep a policy moving as fast as its rate allows."""
    params = {"objective": "ppo", "learning_rate": 3e-3, "budget__steps": 16}
    free, bound = (distance(workshop, folder, rl__beta=b, **params) for b in (0.0, 100.0))
    assert bound < 0.25 * free


@pytest.mark.parametrize(("objective", "epochs"), [("grpo", 1), ("grpo", 3), ("ppo", 3)])
def test_a_resumed_trial_is_bit_for_bit_the_undisturbed_one(
    workshop, folder, objective, epochs, tmp_path
):
    """Laid aside after step 2: with 3 epochs, between two steps on one rollout."""
    config = rl_trial(folder, objective=objective, budget__steps=6, rl__epochs=epochs)
    alone = tiny.Watcher(tmp_path / "alone")
    workshop.train(config, alone)
    checkpoints = Checkpoints(tmp_path / "checkpoints", every=float("inf"), layout="")
    first = tiny.Watcher(tmp_path / "first", stop_at_step=2, how=Ending.SUSPENDED)
    assert workshop.train(config, first, checkpoints).ending is Ending.SUSPENDED
    rest = tiny.Watcher(tmp_path / "rest")
    outcome = workshop.train(config, rest, checkpoints)
    assert outcome.ending is Ending.COMPLETE
    expected, found = adapters(tmp_path / "alone"), adapters(tmp_path / "rest")
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    names = [name for name in alone.seen[-1].metrics if name != "train_rollout_seconds"]
    assert [rest.seen[-1].metrics[name] for name in names] == pytest.approx(
        [alone.seen[-1].metrics[name] for name in names], rel=1e-12
    )
    assert rest.seen[-1].cost.tokens == alone.seen[-1].cost.tokens


def test_an_adapter_without_a_say_measures_as_the_base(workshop, folder):
    """The reference of the trial is the base with the adapter off: KL 0 before the first step."""
    watcher = tiny.Watcher()
    workshop.train(rl_trial(folder, budget__steps=1, budget__evaluations=1), watcher)
    assert watcher.seen[-1].metrics["train_kl"] == pytest.approx(0, abs=1e-9)


def test_a_full_fine_tuning_has_a_frozen_copy_for_its_reference(workshop, folder):
    config = rl_trial(folder, method="full", budget__steps=6, learning_rate=1e-3)
    watcher = tiny.Watcher()
    assert workshop.train(config, watcher).ending is Ending.COMPLETE
    assert watcher.seen[-1].metrics["eval_kl"] > 0.01
    assert workshop.measure_base(config).metrics["eval_kl"] == 0


def test_micro_batches_do_not_matter(workshop, folder):
    """Apart from rounding, which Adam would blow up where there is next to no gradient."""
    found = []
    for size in (2, 16):
        watcher = tiny.Watcher()
        params = {"micro_batch_size": size, "optimizer__epsilon": 1e-3, "budget__steps": 2}
        workshop.train(rl_trial(folder, **params), watcher)
        found.append(watcher.seen[-1].metrics)
    for name in ("eval_loss", "train_reward", "train_kl", "eval_reward"):
        assert found[0][name] == pytest.approx(found[1][name], abs=1e-4), name


def test_the_values_of_each_prompt_are_on_disk(workshop, folder, tmp_path):
    from test_generation import Answers

    watcher = Answers(tmp_path)
    workshop.train(rl_trial(folder), watcher)
    values = np.load(tmp_path / "answers" / "values.npz")
    last = watcher.seen[-1].metrics
    for name in ("eval_reward", "eval_kl", "eval_ended"):
        assert values[name].mean() == pytest.approx(last[name]), name
    assert len(values["prompts"]) == 13


def test_rewards_that_never_differ_are_said_and_end_the_trial(folder):
    said = []
    config = rl_trial(folder, rl__rewards={"eval_prompt_tokens": 1.0}, budget__steps=12)
    progress = Progress(lambda phases: None, said.append)
    workshop = Workshop(inputs_of(config, folder), progress=progress)
    outcome = workshop.train(config, tiny.Watcher())
    assert "rewards of all answers to a prompt are equal" in said[0]
    assert outcome.ending is Ending.DIVERGED
    assert "10 rollouts in a row" in outcome.error


@pytest.mark.parametrize("beta", [0.04, 0.0])
def test_a_policy_that_runs_away_has_diverged(workshop, folder, beta):
    config = rl_trial(folder, learning_rate=1.0, rl__max_kl=0.5, rl__beta=beta, budget__steps=12)
    outcome = workshop.train(config, tiny.Watcher())
    assert outcome.ending is Ending.DIVERGED
    assert "KL divergence from the base" in outcome.error


@pytest.mark.parametrize(
    ("returned", "says"),
    [("[float('nan')] * len(answers)", "is nan for the answer"), ("0.5", "one for each")],
)
def test_a_reward_that_is_no_number_for_each_answer_fails_the_trial(
    folder, tmp_path, returned, says
):
    file = tmp_path / "own.py"
    file.write_text(f"def mine(prompts, answers, references, records):\n    return {returned}\n")
    config = rl_trial(
        folder,
        metrics={"mine": {"python": f"{file}:mine", "mode": "max"}},
        trust_metric_code=True,
        rl__rewards={"eval_mine": 1.0},
    )
    inputs = inputs_of(config, folder, metric_files={str(file): file.read_text()})
    with pytest.raises(RefusedError, match=says):
        Workshop(inputs).train(config, tiny.Watcher())


def test_drawn_tokens_follow_the_softmax_and_know_their_probability():
    scores, draws = torch.tensor([[2.0, 0.0, 1.0, -50.0]]), 4000
    drawing = Drawing(2.0, [(1, number) for number in range(draws)])
    drawn = drawing(None, scores.expand(draws, -1)).argmax(-1)
    expected = torch.softmax(scores[0] / 2, 0)
    shares = torch.bincount(drawn, minlength=4) / draws
    assert torch.allclose(shares, expected, atol=4 * 0.5 / draws**0.5)
    assert torch.allclose(drawing.log_probabilities[0], expected.log()[drawn])


def test_a_draw_depends_on_its_key_alone():
    scores = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))
    keys = [(7, 0, 4, 1), (7, 0, 4, 2), (7, 1, 4, 1)]
    together = Drawing(1.0, keys)(None, scores).argmax(-1)
    for row, key in enumerate(keys):
        alone = Drawing(1.0, [key])(None, scores[row : row + 1]).argmax(-1)
        assert alone.item() == together[row].item()
    same = scores[:1].expand(64, -1)
    assert (
        len({*Drawing(1.0, [(7, 0, 4, n) for n in range(64)])(None, same).argmax(-1).tolist()}) > 8
    )


def test_a_checkpoint_between_two_rollouts_keeps_none(workshop, folder, tmp_path):
    checkpoints = Checkpoints(tmp_path, every=0, layout="")
    workshop.train(
        rl_trial(folder, budget__steps=2, budget__evaluations=1), tiny.Watcher(), checkpoints
    )
    (kept,) = tmp_path.glob("checkpoint-1")
    assert not (kept / "rollout.npz").exists()
    assert json.loads((kept / "rollouts.json").read_text())["journal"]["tokens"] > 0


def test_questions_with_marked_answers_are_prompts_that_can_be_checked(folder, tmp_path):
    """GSM8K's form: the answer is what follows the marks, in the file and in what is written."""
    from data_samples import write_lines

    from trainables.data.tokens.prompts import Prompts
    from trainables.metrics.registry import GENERATED
    from trainables.metrics.written import Answer

    row = {"question": "3 apples and 4 more?", "answer": "3 + 4 = <<3+4=7>>7\n#### 7"}
    rows = [row, *({**row, "question": f"{n} apples and 4 more?"} for n in range(10, 18))]
    write_lines(tmp_path / "rows.jsonl", rows)
    changes = {"data__train": str(tmp_path / "rows.jsonl"), "data__validation": 0.3}
    config = rl_trial(folder, rl__rewards={"eval_answer_equality": 1.0}, **changes)
    prompts = Prompts(inputs_of(config, tmp_path).train)
    prompt = prompts[0]
    assert prompt.question.endswith("apples and 4 more?")
    written = [
        Answer(
            0, prompt.question, text, prompt.references, 3, True, config.evaluation.answer_pattern
        )
        for text in ("it is 7", "#### 7.0", "7 + 1 = 8\n#### 8")
    ]
    assert GENERATED["eval_answer_equality"].each(written) == [1.0, 1.0, 0.0]
