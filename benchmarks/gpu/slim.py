"""Removes libraries from a bitsandbytes wheel that no supported torch loads: slim.py WHEEL

torch 2.10 and later is built for CUDA 12.6 and later; half of the wheel's size is libraries for
older versions, for ROCm and for XPU.
"""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

_NEEDLESS = re.compile(r"libbitsandbytes_(xpu|rocm|cuda11|cuda12[0-5])\w*\.so")


def slim(wheel: Path) -> None:
    """Rewrite the wheel without those files and their lines in its list of files."""
    draft = wheel.with_suffix(".partial")
    with (
        zipfile.ZipFile(wheel) as whole,
        zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as kept,
    ):
        for member in whole.infolist():
            if _NEEDLESS.search(member.filename):
                continue
            content = whole.read(member)
            if member.filename.endswith(".dist-info/RECORD"):
                lines = content.decode().splitlines(keepends=True)
                content = "".join(each for each in lines if not _NEEDLESS.search(each)).encode()
            kept.writestr(member, content)
    draft.replace(wheel)


if __name__ == "__main__":
    slim(Path(sys.argv[1]))
