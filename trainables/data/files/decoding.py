"""A file's text, decoded as `data.encoding` says, or a DataError that names the encoding."""

from __future__ import annotations

import codecs
from pathlib import Path

from trainables.core.data_error import DataError
from trainables.data.files.content import read_bytes

UTF8 = "utf-8"

_WIDE_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16's mark, its own prefix
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_text(path: Path, encoding: str = UTF8) -> str:
    """The file's text with plain newlines; DataError if it is blank or not in `encoding`.

    A UTF-8 byte order mark overrides `encoding`.
    """
    text = _plain_newlines(_decoded(path, read_bytes(path), encoding).removeprefix("\ufeff"))
    if not text.strip():
        raise DataError(f"{path} contains only white space; download or write it again")
    return text


def _plain_newlines(text: str) -> str:
    text = text.replace("\r\n", "\n")
    return text if "\n" in text else text.replace("\r", "\n")


def _decoded(path: Path, raw: bytes, encoding: str) -> str:
    if raw.startswith(codecs.BOM_UTF8):
        encoding = UTF8
    name = codecs.lookup(encoding).name
    if name == UTF8:
        _check_narrow(path, raw)
    elif name.startswith(("utf-16", "utf-32")):
        _check_wide(path, raw, encoding)
    try:
        return raw.decode(encoding)
    except UnicodeError as error:
        raise DataError(_misread(path, raw, encoding, error)) from error


def _check_narrow(path: Path, raw: bytes) -> None:
    wide = _marked(raw) or _wide_by_its_look(raw[:1000])
    if wide:
        raise DataError(
            f"{path} is {wide.upper()}, not UTF-8; set data.encoding: {wide}, or save it as UTF-8"
        )
    if b"\0" in raw[:1000]:
        raise DataError(
            f"{path} is binary, not UTF-8 text (it contains zero bytes); use a text file"
        )


def _check_wide(path: Path, raw: bytes, encoding: str) -> None:
    """Catch ASCII read as UTF-16: it decodes to Chinese characters without an error."""
    if not _marked(raw) and b"\0" not in raw and _is(UTF8, raw):
        raise DataError(f"{path} is not {encoding} as set in data.encoding; correct data.encoding")


def _marked(raw: bytes) -> str | None:
    return next((name for mark, name in _WIDE_MARKS.items() if raw.startswith(mark)), None)


def _wide_by_its_look(raw: bytes) -> str | None:
    """UTF-16 without a mark, if it decodes to common characters; more ASCII is likelier."""
    if b"\0" not in raw:
        return None
    even = raw[: len(raw) // 2 * 2]
    texts = {name: even.decode(name, "replace") for name in ("utf-16-le", "utf-16-be")}
    likely = {
        name: sum(char < "\x80" for char in text)
        for name, text in texts.items()
        if sum(map(_is_common, text)) > 0.9 * len(text)
    }
    return max(likely, key=likely.__getitem__, default=None)


def _is_common(char: str) -> bool:
    """Letter of a living language, or a separator between letters."""
    is_word = "\xa0" <= char <= "\u1fff" or "\u3000" <= char <= "\u9fff" or "가" <= char <= "힣"
    return " " <= char <= "~" or char in "\t\r\n" or is_word or "\uff01" <= char <= "\uff5e"


def _misread(path: Path, raw: bytes, encoding: str, error: UnicodeError) -> str:
    at = error.start if isinstance(error, UnicodeDecodeError) else 0
    line = raw.count(b"\n", 0, at) + 1
    what = f"{path} line {line} is not {encoding.upper()} (byte 0x{raw[at]:02x})"
    if codecs.lookup(encoding).name == UTF8 and _looks_like_gbk(raw):
        return f"{what}; it looks like GBK: set data.encoding: gb18030, or save it as UTF-8"
    return (
        f"{what}; set data.encoding to its encoding (gb18030, utf-16, latin-1, shift_jis ...), "
        "or save it as UTF-8"
    )


def _is(encoding: str, raw: bytes) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _looks_like_gbk(raw: bytes) -> bool:
    """Whether all of it decodes as GB18030, mostly to common Chinese characters."""
    if not _is("gb18030", raw):
        return False
    foreign = [char for char in raw.decode("gb18030") if ord(char) > 127]
    chinese = sum("\u4e00" <= char <= "\u9fff" for char in foreign)
    return chinese > 0.7 * len(foreign)
