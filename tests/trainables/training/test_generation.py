"""Answers generated in training: the same for any batch, as plain greedy decoding gives them, and
without a trace in the training."""

from __future__ import annotations

import json

import chat_training as chats
import numpy as np
import pytest
import tiny_training as tiny
from data_samples import CHATML, tiny_tokenizer

METHODS = ("lora", "full", "adapter", "prefix", "prompt", "ptuning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("chats")


@pytest.fixture(scope="module")
def workshop(folder):
    from trainables.training.workshop import Workshop

    return Workshop(chats.make_chats(folder))


class Answers(tiny.Watcher):
    """Keeps what a trial writes into `folder`."""

    def evaluated(self, evaluation):
        from dataclasses import replace

        verdict = super().evaluated(evaluation)
        return replace(verdict, answers=self._folder / "answers")


def test_every_batch_size_gives_the_answers_of_plain_greedy_decoding(workshop, folder):
    model = workshop.lend(chats.chat_trial(folder))
    expected = {n: greedy(workshop, model, n, 8) for n in range(13)}
    assert len(set(map(tuple, expected.values()))) > 5, "else equal answers would say nothing"
    for size in (1, 3, 8):
        config = chats.chat_trial(folder, evaluation__batch_size=size)
        written = workshop.written(config, model)
        assert {each.prompt: each.text for each in written.answers} == {
            n: workshop.tokenizer.decode(ids, skip_special_tokens=True)
            for n, ids in expected.items()
        }, f"batch size {size}"


@pytest.mark.parametrize("method", METHODS)
def test_a_method_in_training_answers_as_its_model_does_without_cache(workshop, folder, method):
    from trainables.models import tuned

    config = chats.chat_trial(folder, method=method)
    model = tuned.attach(workshop.lend(config), config)
    try:
        disturb(model)
        written = workshop.written(config, model)
        texts = [answer.text for answer in written.answers]
        assert texts == [
            workshop.tokenizer.decode(greedy(workshop, model, n, 8), skip_special_tokens=True)
            for n in range(13)
        ]
    finally:
        tuned.detach(model)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_generation_leaves_no_trace_in_training(workshop, folder, temperature):
    shared = {"lora__dropout": 0.2, "budget__evaluations": 4}
    plain = chats.chat_trial(folder, **shared, evaluation__metrics=())
    asked = chats.chat_trial(
        folder, **shared, evaluation__generate_at="every", evaluation__temperature=temperature
    )
    without, with_answers = tiny.Watcher(), tiny.Watcher()
    workshop.train(plain, without)
    workshop.train(asked, with_answers)
    assert with_answers.losses == without.losses
    assert all("eval_exact_match" in each.metrics for each in with_answers.seen)
    assert with_answers.seen[-1].cost.generation_seconds > 0
    assert without.seen[-1].cost.generation_seconds == 0


def test_the_base_is_as_before(workshop, folder):
    config = chats.chat_trial(folder, evaluation__generate_at="every")
    base = workshop.lend(config)
    before = tiny.fingerprint(base), base.generation_config.to_dict(), base.config.use_cache
    workshop.train(config, tiny.Watcher())
    after = tiny.fingerprint(base), base.generation_config.to_dict(), base.config.use_cache
    assert after == before


def test_answers_are_generated_only_at_the_points_asked_for(workshop, folder):
    watcher = tiny.Watcher()
    at = chats.chat_trial(folder, budget__evaluations=4, evaluation__generate_at=(0.5,))
    workshop.train(at, watcher)
    assert ["eval_exact_match" in each.metrics for each in watcher.seen] == [False, True] * 2


def test_sampled_answers_do_not_depend_on_the_batch(workshop, folder):
    model = workshop.lend(chats.chat_trial(folder))

    def texts(**evaluation):
        params = {f"evaluation__{name}": value for name, value in evaluation.items()}
        return [a.text for a in workshop.written(chats.chat_trial(folder, **params), model).answers]

    sampled = texts(temperature=1.0, batch_size=1)
    assert sampled == texts(temperature=1.0, batch_size=5)
    assert sampled != texts()


def test_gumbel_noise_samples_from_the_softmax():
    import torch

    from trainables.training.generation.sampling import GumbelNoise

    scores, draws = torch.tensor([[2.0, 0.0, 1.0]]), 4000
    noise = GumbelNoise(2.0, seed=3, numbers=range(draws))
    drawn = noise(None, scores.expand(draws, -1)).argmax(-1)
    shares = torch.bincount(drawn, minlength=3) / draws
    expected = torch.softmax(scores[0] / 2, 0)
    assert torch.allclose(shares, expected, atol=4 * 0.5 / draws**0.5)


def test_an_answer_ends_with_its_turn_whatever_the_eos_is(tmp_path):
    """A model that has learnt its only answer writes just that, and ends it by itself."""
    from trainables.training.workshop import Workshop

    rows = [{"instruction": f"question {n}", "output": "yes it is"} for n in range(24)]
    workshop = Workshop(chats.make_chats(tmp_path, rows))
    names = ("exact_match", "ended", "answer_tokens")
    config = chats.chat_trial(
        tmp_path,
        method="full",
        budget__steps=60,
        evaluation__metrics=[f"eval_{name}" for name in names],
        evaluation__max_new_tokens=40,
    )
    watcher = Answers(tmp_path)
    workshop.train(config, watcher)
    ids = workshop.tokenizer("yes it is", add_special_tokens=False)["input_ids"]
    assert tiny_tokenizer(chat_template=CHATML).eos_token != "<|im_end|>"
    metrics = watcher.seen[-1].metrics
    assert [metrics[f"eval_{name}"] for name in names] == [1.0, 1.0, len(ids) + 1]
    samples = [*map(json.loads, (tmp_path / "answers/samples.jsonl").read_text().splitlines())]
    assert (
        {each["answer"] for each in samples}
        == {"yes it is"}
        == {each["reference"] for each in samples}
    )
    assert samples[0]["prompt"].startswith("question")
    values = np.load(tmp_path / "answers/values.npz")
    assert values["eval_exact_match"].tolist() == [1.0] * 13


def test_prompts_are_those_of_inference(workshop, folder):
    """The ids are the template's own for the chat so far."""
    from trainables.data.tokens.prompts import Prompts

    prompts = Prompts(workshop.inputs.validation)
    for number, row in enumerate(chats.sums(13)):
        turns = [{"role": "user", "content": row["instruction"]}]
        asked = workshop.tokenizer.apply_chat_template(
            turns, add_generation_prompt=True, tokenize=True, return_dict=False
        )
        assert prompts[number].tokens.tolist() == asked
        assert prompts[number].question == row["instruction"]


def greedy(workshop, model, number, most):
    """The answer to a prompt, one token after the other, each from the whole text so far."""
    import torch

    from trainables.data.tokens.prompts import Prompts
    from trainables.losses.forward import logits_of

    prompts = Prompts(workshop.inputs.validation)
    ids = prompts[number].tokens.tolist()
    start = len(ids)
    model.eval()
    with torch.no_grad():
        while len(ids) - start < most:
            batch = {"input_ids": torch.tensor([ids]), "attention_mask": torch.ones(1, len(ids))}
            ids.append(int(logits_of(model, batch)[0, -1].argmax()))
            if ids[-1] in prompts.stops:
                break
    return ids[start:]


def disturb(model):
    """Give new weights a say: many methods begin as the base."""
    import torch

    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(0.1 * torch.randn_like(weight))
