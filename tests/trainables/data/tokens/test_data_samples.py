from __future__ import annotations

import numpy as np
import pytest
from data_samples import tiny_tokenizer

from trainables.data.tokens.examples import Example
from trainables.data.tokens.samples import decoded, sample
from trainables.data.tokens.segment import Segment
from trainables.data.tokens.sequences import TokenSequence

TOKENIZER = tiny_tokenizer()


def sequence(*stretches):
    """From (text, trained) stretches, each tokenised by itself."""
    tokens, targets = [TOKENIZER.bos_token_id], [False]
    for text, trained in stretches:
        ids = TOKENIZER(text, add_special_tokens=False)["input_ids"]
        tokens += ids
        targets += [trained] * len(ids)
    return TokenSequence.of(tokens, targets)


def test_a_sequence_reads_as_it_was_written_with_what_is_trained_marked():
    stretches = [("ask 细胞", False), ("say</s>", True), ("\n\nask", False), ("é</s>", True)]
    first, *others = decoded(sequence(*stretches), TOKENIZER)
    assert first == Segment("<s>ask 细胞", False)
    assert others == [Segment(*each) for each in stretches[1:]]


@pytest.mark.parametrize("ending", ["", "</s>"])
@pytest.mark.parametrize("bytes_left", [0, 1, 2])
def test_half_a_character_at_the_cut_is_left_out(ending, bytes_left):
    half = TOKENIZER("胞", add_special_tokens=False)["input_ids"][:bytes_left]
    whole = sequence(("say 细", True))
    end = [TOKENIZER.eos_token_id] if ending else []
    cut = TokenSequence(
        np.array([*whole.tokens, *half, *end], dtype=np.int32),
        np.array([*whole.targets, *[True] * (len(half) + len(end))]),
    )
    assert "".join(each.text for each in decoded(cut, TOKENIZER)) == f"<s>say 细{ending}"


def test_a_pair_is_its_prompt_and_both_answers():
    chosen, rejected = (sequence(("ask ", False), (text, True)) for text in ("yes", "no"))
    texts = sample(Example((chosen, rejected)), TOKENIZER, "dpo").texts
    assert texts == {
        "prompt": (Segment("<s>ask ", False),),
        "chosen": (Segment("yes", True),),
        "rejected": (Segment("no", True),),
    }


def test_a_reward_models_pair_is_what_both_begin_with_and_how_each_goes_on():
    chosen, rejected = (sequence((text, False)) for text in ("ask yes", "ask no"))
    texts = sample(Example((chosen, rejected)), TOKENIZER, "reward").texts
    assert {name: text[0].text for name, text in texts.items()} == {
        "shared": "<s>ask ",
        "chosen": "yes",
        "rejected": "no",
    }


@pytest.mark.parametrize(
    ("objective", "label", "shown"),
    [
        ("classification", 1.0, "pos"),
        ("reward", 0.25, "0.25"),
        ("kto", 1.0, "good"),
        ("kto", 0.0, "bad"),
        ("sft", float("nan"), ""),
    ],
)
def test_a_label_is_shown_by_its_name(objective, label, shown):
    only = sequence(("ask", False), ("say", True))
    sequences = (only, sequence(("other", True))) if objective == "kto" else (only,)
    made = sample(Example(sequences, label), TOKENIZER, objective, ("neg", "pos"))
    assert made.label == shown
    assert made.texts == {"text": (Segment("<s>ask", False), Segment("say", True))}
