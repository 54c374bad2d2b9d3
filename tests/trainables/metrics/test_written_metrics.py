"""Metrics of generated answers, against hand-made truths and the field's libraries."""

from __future__ import annotations

import random

import pytest

from trainables.metrics.registry import GENERATED
from trainables.metrics.written import Answer, Written


def answers(*pairs, pattern=r"####\s*(.+)"):
    """(text, reference) or (text, [references]) as answers."""
    return tuple(
        Answer(
            prompt=place,
            question="",
            text=text,
            references=(ref,) if isinstance(ref, str) else tuple(ref),
            tokens=len(text.split()),
            ended=not text.endswith("..."),
            pattern=pattern,
        )
        for place, (text, ref) in enumerate(pairs)
    )


def value(name, *pairs, **options):
    return Written(answers(*pairs, **options), (GENERATED[f"eval_{name}"],)).values[f"eval_{name}"]


@pytest.mark.parametrize(
    ("text", "reference", "same"),
    [
        ("Paris", " paris.", True),
        ('"Paris"', "Paris!", True),
        ("Ｐａｒｉｓ", "Paris", True),
        ("New\n York", "new york", True),
        ("巴黎。", "巴黎", True),
        ("Paris, France", "Paris", False),
        ("-3", "3", False),
        (".5", "5", False),
        ("?", "!", False),
        ("", "Paris", False),
    ],
)
def test_exact_match(text, reference, same):
    assert value("exact_match", (text, reference)) == same


@pytest.mark.parametrize(
    ("text", "reference", "inside"),
    [
        ("The answer is 42.", "42", True),
        ("The answer is 42.", "4", False),
        ("答案是巴黎。", "巴黎", True),
        ("答案是42。", "42", True),
        ("共4个", "4", True),
        ("是-4", "4", False),
        ("答案是42", "4", False),
        ("It costs (about) $5", "(about)", True),
        ("category", "cat", False),
        ("São Paulo", "sao", False),
    ],
)
def test_contains(text, reference, inside):
    assert value("contains", (text, reference)) == inside


@pytest.mark.parametrize(
    ("text", "reference", "same"),
    [
        ("6 + 6 = 12\n#### 12", "so\n#### 12.0", True),
        ("#### 3\nno: #### 4", "#### 4", True),
        ("it is 1,234 dollars", "#### 1234", True),
        ("$1,234.50", "1234.5", True),
        ("25%", "0.25", True),
        ("25%", "25", True),
        ("25", "25%", True),
        ("25%", "25.0%", True),
        ("0.25%", "25%", False),
        ("25%", "2.5", False),
        ("the total is -3.", "#### -3", True),
        ("3", "-3", False),
        ("1e3", "1000", True),
        ("#### blue", "#### Blue.", True),
        ("no number", "#### 7", False),
        ("nan", "nan", True),
        ("12 apples and 13", "#### 12", False),
    ],
)
def test_answer_equality(text, reference, same):
    assert value("answer_equality", (text, reference)) == same


def test_answer_equality_reads_the_users_pattern():
    pairs = [("Answer: (B) because 3", "Answer: (B)"), ("Answer: (C)", "Answer: (B)")]
    assert value("answer_equality", *pairs, pattern=r"Answer: \((\w)\)") == 0.5
    assert value("answer_equality", *pairs, pattern=r"\(\w\)") == 0.5


def test_a_pattern_that_takes_for_ever_is_named(monkeypatch):
    from trainables.metrics import matching

    monkeypatch.setattr(matching, "PATIENCE", 0.05)
    with pytest.raises(ValueError, match=r"evaluation.answer_pattern .* takes longer"):
        value("answer_equality", ("a" * 60 + "b", "a"), pattern=r"^(?:a|aa)+$")


@pytest.mark.parametrize("name", ["exact_match", "answer_equality", "rouge_l", "chrf"])
def test_reasoning_is_not_part_of_the_answer(name):
    assert value(name, ("<think>\n3 or 4?\n</think>\n\n4", "<think>so\n</think>\n4")) == 1
    assert value(name, ("hmm 3</think>4", "4")) == 1
    assert value(name, ("<think>it may be 4", "4")) == 0


def test_token_f1_is_squads():
    # 2 shared words of 3 and 4, articles left out
    assert value("token_f1", ("the cat sat down", "a cat sat on mats")) == pytest.approx(4 / 7)
    assert value("token_f1", ("红色的车", "红车")) == pytest.approx(4 / 6)
    assert value("token_f1", ("", "word")) == 0
    assert value("token_f1", ("the", "a")) == 1


def test_the_best_of_several_references_counts():
    both = ["four", "4"]
    assert value("exact_match", ("4", both), ("four", both), ("five", both)) == pytest.approx(2 / 3)


WORDS = [f"{start}{end}" for start in "bdfgklmn" for end in ("a", "et", "ing")]
CHARACTERS = "红绿蓝大小车房子的是在一二三人来去看说"


def texts(count, chinese, seed=5):
    """Pairs that resemble each other more or less."""
    draw = random.Random(seed)
    alphabet, glue = (CHARACTERS, "") if chinese else (WORDS, " ")
    made = []
    for _ in range(count):
        reference = [draw.choice(alphabet) for _ in range(draw.randint(4, 14))]
        text = [each if draw.random() < 0.7 else draw.choice(alphabet) for each in reference]
        made.append((glue.join(text) + ".", glue.join(reference) + "."))
    return made


@pytest.mark.parametrize("chinese", [False, True])
def test_bleu_and_chrf_are_sacrebleus(chinese):
    import sacrebleu

    pairs = texts(100, chinese)
    hypotheses, references = map(list, zip(*pairs, strict=True))
    tokenize = "zh" if chinese else "13a"
    bleu = sacrebleu.corpus_bleu(hypotheses, [references], tokenize=tokenize).score / 100
    chrf = sacrebleu.corpus_chrf(hypotheses, [references]).score / 100
    assert 0.1 < bleu < 0.9
    assert value("bleu", *pairs) == pytest.approx(bleu)
    assert value("chrf", *pairs) == pytest.approx(chrf)


@pytest.mark.parametrize("kind", ["1", "2", "L"])
def test_rouge_is_the_librarys(kind):
    from rouge_score.rouge_scorer import RougeScorer

    pairs, name = texts(100, chinese=False), f"rouge{kind}"
    scorer = RougeScorer([name])
    expected = [scorer.score(reference, text)[name].fmeasure for text, reference in pairs]
    assert value(f"rouge_{kind.lower()}", *pairs) == pytest.approx(sum(expected) / 100)


@pytest.mark.parametrize("kind", ["1", "2", "L"])
def test_rouge_of_chinese_is_that_of_its_characters(kind):
    """The library's own tokenizer finds no word in Chinese; with letters for characters it does."""
    from rouge_score.rouge_scorer import RougeScorer

    letters = {each: f"w{place}" for place, each in enumerate(CHARACTERS)}
    pairs, name = texts(100, chinese=True), f"rouge{kind}"
    spelt = [
        [" ".join(letters[each] for each in text.removesuffix(".")) for text in pair]
        for pair in pairs
    ]
    scorer = RougeScorer([name])
    expected = [scorer.score(reference, text)[name].fmeasure for text, reference in spelt]
    assert value(f"rouge_{kind.lower()}", *pairs) == pytest.approx(sum(expected) / 100)
    assert scorer.score(pairs[0][1], pairs[0][0])[name].fmeasure == 0


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ('{"a": 1}', True),
        ('```json\n{"a": 1}\n```', True),
        ("[1, 2", False),
        ('{"a": NaN}', False),
        ('Here: {"a": 1}', False),
        ("7", True),
        ("[" * 100_000, False),
    ],
)
def test_json_valid(text, valid):
    assert value("json_valid", (text, "")) == valid


@pytest.mark.parametrize(
    ("text", "reference", "share"),
    [
        ('{"a": 1, "b": [2, 3]}', '{"b": [2, 3], "a": 1.0}', 1),
        ('{"a": 1, "b": [2, 4]}', '{"b": [2, 3], "a": 1}', 2 / 3),
        ('{"a": 1, "c": 2}', '{"a": 1}', 1 / 2),
        ('{"a": true}', '{"a": 1}', 0),
        ('{"a": {}}', '{"a": []}', 0),
        ("none", '{"a": 1}', 0),
    ],
)
def test_json_equal_is_the_share_of_equal_fields(text, reference, share):
    assert value("json_equal", (text, reference)) == pytest.approx(share)


CALL = '{"name": "weather", "arguments": {"city": "Oslo", "days": 2}}'

WRITTEN = '{"name": "weather", "arguments": "{\\"days\\": 2, \\"city\\": \\"Oslo\\"}"}'
"""The same call with its arguments as text."""


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (f"<tool_call>\n{CALL}\n</tool_call>", True),
        (f'[{{"type": "function", "function": {WRITTEN}}}]', True),
        ('{"name": "weather", "parameters": {"days": 2, "city": "Oslo"}}', True),
        (CALL.replace("2", "3"), False),
        (CALL.replace("weather", "time"), False),
        (CALL + CALL, False),
        ("I call weather in Oslo {now}", False),
    ],
)
def test_tool_call_compares_name_and_arguments(text, same):
    assert value("tool_call", (text, f"<tool_call>{CALL}</tool_call>")) == same


def test_lengths_ends_and_repeats():
    pairs = [("one two", ""), ("a b c d a b c d ...", "")]
    assert value("answer_tokens", *pairs) == 5.5
    assert value("ended", *pairs) == 0.5
    assert value("repeats", ("a b c d a b c d", "")) == pytest.approx(1 / 5)
    assert value("repeats", ("好好好好好好", "")) == pytest.approx(2 / 3)
    assert value("repeats", ("short", "")) == 0


def test_macro_f1_of_answers_that_are_labels():
    # good: one of two found, none wrong, so 2/3; bad: one found, one missed, one wrong, so 1/2.
    pairs = [("Good.", "good"), ("bad", "good"), ("<think>so</think>bad", "bad"), ("rather", "bad")]
    assert value("answer_macro_f1", *pairs) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert value("answer_macro_f1", ("fine", ["good", "fine"]), ("bad", "bad")) == 1
    assert value("answer_macro_f1", ("", "good")) == 0
    # 1 for the frequent label alone is no success.
    assert value("answer_macro_f1", *[("good", "good")] * 9, ("good", "bad")) < 0.5


def test_macro_f1_of_labels_is_scikit_learns():
    from sklearn.metrics import f1_score

    draw = random.Random(0)
    for _ in range(30):
        pairs = [(draw.choice("abcx"), draw.choice("abc")) for _ in range(draw.randint(1, 12))]
        given, truth = zip(*pairs, strict=True)
        wanted = f1_score(truth, given, labels=sorted({*truth}), average="macro", zero_division=0)
        assert value("answer_macro_f1", *pairs) == pytest.approx(wanted)


@pytest.mark.parametrize("pattern", [r"(\d*)", r"\d*", r"x?"])
def test_a_pattern_that_matches_nothing_does_not_make_answers_equal(pattern):
    assert not value("answer_equality", ("It is 42", "It is 7"), pattern=pattern)
    assert value("answer_equality", ("It is 42", "42"), pattern=pattern)


@pytest.mark.parametrize(
    ("text", "reference", "same"),
    [
        ("It is \N{MINUS SIGN}5", "-5", True),
        ("\N{MINUS SIGN}5", "5", False),
        ("pages 3-5", "5", True),
        ("2 - -5", "-5", True),
        ("结果是-5。", "-5", True),
        ("结果是-5。", "5", False),
    ],
)
def test_signs_of_final_answers(text, reference, same):
    assert value("answer_equality", (text, reference)) == same


@pytest.mark.parametrize("text", ["1.4", "-4", "4,000", "4.5", "\N{MINUS SIGN}4", "0,4"])
def test_a_number_is_not_contained_in_another(text):
    assert not value("contains", (f"It is {text} now.", "4"))


@pytest.mark.parametrize("text", ["4", "4.", "(4)", "x-4", "4, I think", "4-5"])
def test_a_number_beside_punctuation_is_contained(text):
    assert value("contains", (f"It is {text} now.", "4"))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("3/4", "1/4"),
        ("10:30", "9:30"),
        ("x=4, y=5", "x=3, y=5"),
        ("2^10", "3^10"),
        (r"\frac{1}{2}", r"\frac{3}{2}"),
        ("2024-01-05", "1999-03-05"),
        ("A. 5 of 7", "The answer: B, 7"),
        ("1/2", "-1/2"),
        ("1/2", "11/2"),
        ("1/2", "1 1/2"),
        (r"\frac{1}{2}", r"-\frac{1}{2}"),
        ("Paris", "Comparis"),
        ("Paris", "Paris in 1999"),
        ("B", "AB"),
        ("巴黎", "不知道"),
        ("4 apples", "4 pears"),
        ("x = 4\ny = 5", "x = 3\ny = 5"),
        ("x: 4, y: 5", "x: 3, y: 5"),
    ],
)
@pytest.mark.parametrize("before", ["", "The result is ", "It is **", "结果是"])
def test_a_reference_that_is_no_number_is_no_number_at_its_end(right, wrong, before):
    assert value("answer_equality", (f"{before}{right}.", right))
    assert not value("answer_equality", (f"{before}{wrong}.", right))


@pytest.mark.parametrize("whole", ["3/4", "10:4", "2^4", "x^{4}", "3 / 4"])
def test_a_part_of_an_expression_is_no_final_number(whole):
    assert not value("answer_equality", (f"It is {whole}.", "4"))


@pytest.mark.parametrize(
    "number", ["1000", "1 000", "1,000", "1\u202f000", "1000.0", "$1000", "1e3"]
)
def test_thousands_are_written_in_many_ways(number):
    for reference in ("1000", "1 000", "1\u00a0000", "1,000", "$1,000.00"):
        assert value("answer_equality", (f"It costs {number}.", reference))
        assert not value("answer_equality", (f"It costs {number}.", "1001"))
    assert value("answer_equality", ("Rooms 12 300", "300"))


@pytest.mark.parametrize(
    "reference",
    [
        "3 + 4 = 7",
        "(3 + 4) = 7.",
        "The answer is 7",
        "It is $7.",
        "Answer: 7",
        "答案是7。",
        "He has 3 apples. With 4 more he has 7",
        "3 apples,\n4 more\n= 7",
    ],
)
def test_reasoning_comes_to_the_number_in_which_it_ends(reference):
    assert value("answer_equality", ("7", reference), ("it is 7.0", reference)) == 1
    assert value("answer_equality", ("8", reference), (reference.replace("7", "8"), reference)) == 0
