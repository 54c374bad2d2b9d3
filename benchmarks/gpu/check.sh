#!/usr/bin/env bash
# The GPU checks: benchmarks/gpu/check.sh [OUT] [--wheels FOLDER] [--minutes 8] [--only CHECK...] [--tiny]
set -euo pipefail
python="${PYTHON:-python3}"
root="$(cd "$(dirname "$0")/../.." && pwd)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try: PYTHON=python3.11 benchmarks/gpu/check.sh")'
PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" exec "$python" -m benchmarks.gpu "$@"
