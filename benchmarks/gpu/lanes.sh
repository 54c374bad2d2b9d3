#!/usr/bin/env bash
# Lanes on a GPU: benchmarks/gpu/lanes.sh [OUT] [--wheels FOLDER] [--minutes 8] [--only CHECK...] [--tiny]
set -euo pipefail
exec "$(dirname "$0")/check.sh" --suite lanes "$@"
