from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.errors import YamlError
from sweeps.yaml_file import parse_yaml, read_yaml


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
        ("null", None),
    ],
)
def test_people_mean_what_they_write(text, value):
    parsed = parse_yaml(text, "here")
    assert parsed == value and type(parsed) is type(value)


def test_a_repeated_key_is_refused_with_its_line(tmp_path: Path):
    file = tmp_path / "a.yaml"
    file.write_text("name: a\nmodel: b\nname: c\n")
    with pytest.raises(YamlError, match=r"a\.yaml, line 3: the key 'name' is there twice"):
        read_yaml(file)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path):
    file = tmp_path / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbfname: a\r\nmodel: b\r\n")
    assert read_yaml(file) == {"name": "a", "model": "b"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1", "line 1"),
        (b"", "holds no fields"),
        (b"- a\n- b\n", "holds no fields"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
    ],
)
def test_what_is_no_mapping_is_refused(tmp_path: Path, content, message):
    file = tmp_path / "a.yaml"
    file.write_bytes(content)
    with pytest.raises(YamlError, match=message):
        read_yaml(file)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(YamlError, match=r"nowhere\.yaml: there is no such file"):
        read_yaml(tmp_path / "nowhere.yaml")


def test_a_merge_key_takes_over_the_fields_of_an_anchor():
    text = "a: &a {steps: 10, evaluations: 2}\nb: {<<: *a, steps: 20}"
    assert parse_yaml(text, "here")["b"] == {"steps": 20, "evaluations": 2}


def test_a_key_that_is_a_list_is_refused_with_its_line():
    with pytest.raises(YamlError, match="here, line 2: a key must be a plain word"):
        parse_yaml("a: 1\n? [b, c]\n: 2", "here")
