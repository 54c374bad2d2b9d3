from __future__ import annotations

import os
import traceback
from pathlib import Path

import pytest
from cpu_time import within
from hypothesis import given
from hypothesis import strategies as st

from sweeps.base.errors import YamlError
from sweeps.spec.yaml_file import parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("1.5E3", 1500.0),
        (".5", 0.5),
        ("3", 3),
        ("true", True),
        ("off", "off"),
        ("no", "no"),
        ("1-2", "1-2"),
        ("12:30", "12:30"),
        ("2024-02-31", "2024-02-31"),
        ("-1_000", -1000),
        ("null", None),
    ],
)
def test_people_mean_what_they_write(text, value):
    parsed = parse_yaml(text, "here")
    assert parsed == value and type(parsed) is type(value)


def test_a_repeated_key_is_refused_with_its_line(tmp_path: Path):
    file = tmp_path / "a.yaml"
    file.write_text("name: a\nmodel: b\nname: c\n")
    with pytest.raises(YamlError, match=r"a\.yaml, line 3: the key 'name' is repeated"):
        read_yaml(file)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path):
    file = tmp_path / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbfname: a\r\nmodel: b\r\n")
    assert read_yaml(file) == {"name": "a", "model": "b"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1", "line 1"),
        (b"", "contains no fields"),
        (b"- a\n- b\n", "contains no fields"),
        (b"\xff\xfe\x00", r"a\.yaml, line 1: byte 0xff is not UTF-8"),
        ("a: 1\nb: gr\u00fcn".encode("latin-1"), "line 2: byte 0xfc is not UTF-8; save the file"),
        ("a: 1".encode("utf-16"), "line 1: byte 0xff is not UTF-8"),
        (b"a: 1\nb: \x00", r"line 2: the character U\+0000 is not allowed"),
        (b"# a\n" * 100_000, "larger than 256 KiB"),
    ],
)
def test_what_is_no_mapping_is_refused(tmp_path: Path, content, message):
    file = tmp_path / "a.yaml"
    file.write_bytes(content)
    with pytest.raises(YamlError, match=message):
        read_yaml(file)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(YamlError, match=r"nowhere\.yaml: the file does not exist"):
        read_yaml(tmp_path / "nowhere.yaml")


def test_a_merge_key_takes_over_the_fields_of_an_anchor():
    text = "a: &a {steps: 10, evaluations: 2}\nb: {<<: *a, steps: 20}"
    assert parse_yaml(text, "here")["b"] == {"steps": 20, "evaluations": 2}


def test_a_key_that_is_a_list_is_refused_with_its_line():
    with pytest.raises(YamlError, match="here, line 2: a key must be plain text"):
        parse_yaml("a: 1\n? [b, c]\n: 2", "here")


def laughs(kind: str) -> str:
    """Each line stands for nine of the line before; the last one for hundreds of millions."""
    lines = [f"l0: &l0 {kind.format('x, x')}"]
    for n in range(1, 10):
        nine = ", ".join([f"*l{n - 1}"] * 9)
        lines.append(f"l{n}: &l{n} {kind.format(nine)}")
    return "\n".join(lines)


MERGES = "\n".join(
    ["l0: &l0 {x: 1}"]
    + [f"l{n}: &l{n} {{<<: [{', '.join([f'*l{n - 1}'] * 9)}]}}" for n in range(1, 10)]
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            laughs("[{}]"),
            "here, line 6: contains more than 50,000 values with its aliases expanded",
        ),
        (MERGES, "here, line 6: contains more than 50,000 values"),
        ("a: &a [1, *a]", r"here, line 1: the alias \*a is inside of the value that it names"),
        ("a: 1\nb: &b {c: *b}", r"here, line 2: the alias \*b is inside"),
        ("[" * 100_000, "here, line 1: is nested more than 32 deep"),
        ("{a: " * 50_000, "here, line 1: is nested more than 32 deep"),
        ("- " * 50_000, "here, line 1: is nested more than 32 deep"),
        (
            "a: 1\nb: !!python/object/apply:os.system [ls]",
            "line 2: tags such as !!python/object/apply",
        ),
        ("a: !!python/name:os.system", "tags such as !!python/name:os.system are not"),
        ("a: !!binary eA==", "tags such as !!binary are not supported; write the plain value"),
        ("a: !mine x", "tags such as !mine are not supported"),
        ("a: 1\n2: x", "here, line 2: the key 2 is not text; put it in quotes"),
        ("null: x", "the key null is not text"),
        ("x: " + "9" * 5000, "here, line 1: the number has 5,000 characters, over 40"),
        ("x: " + "a" * 10_001, "here, line 1: the text has 10,001 characters, over 10,000"),
        ('x: "\\e[2J"', r"here, line 1: the character U\+001B is not allowed"),
        ('x: "\\ud800"', r"the character U\+D800 is not allowed"),
        ("a: 1\n---\nb: 1", "here, line 2: '---' begins a second document; keep one"),
        ("a: *b", r"here, line 1: \*b refers to nothing; a value that starts with \* needs quotes"),
        ("a: 1\nb: {c: 1\nd: 2", "here, line 3: the bracket opened in line 2 lacks its '}'"),
        ("a: 1\nb: [1, 2\nd: 2", "here, line 3: the bracket opened in line 2 lacks its ']'"),
        ("a: 1\nb: {c: 1", "here, line 2: the bracket opened in line 2 lacks its '}'"),
        ("a:\n\tb: 1", "here, line 2: a tab indents the line; use spaces"),
        ("a: @b", "here, line 1: a value cannot start with @; put the value in quotes"),
        ("a: %b", "here, line 1: a value cannot start with %; put the value in quotes"),
        ("a: *", r"here, line 1: a value cannot start with \* or &; put the value in quotes"),
        ("a: b: c", "here, line 1: a ':' stands where no field can begin; .* needs quotes"),
        ("a b\nc: 1", "here, line 2: a ':' stands where no field can begin"),
        ("a: 1\nb\nc: 1", "here, line 3: a name lacks its ':' in line 2 or below"),
        ("a: 1\nb: 'c\nd: 1", "here, line 3: the quote opened in line 2 is not closed"),
        ("a: 1\nb:\n  c: 1\n d: 1", "here, line 4: the line fits to none above it"),
        ("a: 1\n- b", "here, line 2: a list entry stands among fields"),
        ("- a\nb: 1", "here, line 2: a field stands among list entries"),
        ("a: [1,, 2]", "here, line 1: a value is missing between two commas or brackets"),
    ],
    ids=lambda value: value[:16],
)
def test_what_no_sweep_needs_is_refused_at_once_with_its_line(text, message):
    with within(5.0), pytest.raises(YamlError, match=message) as refusal:
        parse_yaml(text, "here")
    assert "\n" not in str(refusal.value)


def test_the_parsers_own_error_which_repeats_the_line_goes_nowhere():
    password = "hunter" + "2"
    with pytest.raises(YamlError) as refusal:
        parse_yaml(f"uri: https://me:{password}@host: x", "here")
    assert password not in "".join(traceback.format_exception(refusal.value))


def test_a_pipe_or_a_device_is_no_sweep_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    for endless in (tmp_path / "pipe.yaml", Path("/dev/zero")):
        with pytest.raises(YamlError, match="is not a regular file; name one"):
            read_yaml(endless)


PLACES = st.text(alphabet="ab:{}[],'\"-*&%@#\t\n 1", max_size=40)


@given(PLACES)
def test_no_words_of_the_parser_are_left(text):
    """Whatever is written: a value, or a line and words that say what to do."""
    try:
        parse_yaml(text, "here")
    except YamlError as error:
        for word in ("while parsing", "while scanning", "<block", "expected the node", "token"):
            assert word not in str(error), str(error)


@pytest.mark.parametrize("text", ["{eval_loss:abc}", "{a: 1, eval_loss:abc}", "x: {eval_loss:abc}"])
def test_a_colon_without_a_space_is_told_with_the_key_and_the_way_to_write_it(text):
    said = r"^here, line 1: the key 'eval_loss:abc' has no value; put a space after the colon: "
    with pytest.raises(YamlError, match=said + r"\{eval_loss: abc\}$"):
        parse_yaml(text, "here")


def test_a_key_with_a_colon_and_a_value_or_in_quotes_stays():
    assert parse_yaml("{a:1: 2, 'b:c': null}", "here") == {"a:1": 2, "b:c": None}


def test_a_key_that_is_an_address_is_told_without_its_password():
    with pytest.raises(YamlError) as told:
        parse_yaml("{uri:postgresql://me:hunter2@db/x}", "--set tracking")
    assert "hunter2" not in str(told.value)
