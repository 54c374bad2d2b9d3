"""A check that does what its last argument says; run as benchmarks/gpu runs its own."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.gpu.finding import Finding, keep

out, does = Path(sys.argv[sys.argv.index("--out") + 1]), sys.argv[-1]
if does == "half, then raise":
    keep(argparse.Namespace(out=out), Finding({"tokens/s": 567}))
if does.endswith("raise"):
    raise RuntimeError("no kernel image is available")
if does == "crash":
    os.kill(os.getpid(), signal.SIGSEGV)
if does == "hang":
    draft = out.with_name("pid.partial")
    draft.write_text(str(os.getpid()))
    draft.rename(out.with_name("pid"))
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], process_group=0):
        time.sleep(60)
if does != "silent":
    fault = "grew by 7 MiB" if does == "fault" else None
    out.write_text(json.dumps({"figures": {"tokens/s": 1234}, "fault": fault}))
