#!/usr/bin/env bash
# What check.sh needs beside python, torch and numpy, as wheels for a machine without a network:
#   benchmarks/gpu/wheels.sh [FOLDER] [PYTHON...]     default: gpu-wheels 3.11 3.12
# By the pins of constraints.txt, for x86-64 Linux. What does not fit into MOST megabytes is left out, the last group first.
set -euo pipefail
MOST="${MOST:-60}"
here="$(cd "$(dirname "$0")" && pwd)"
pins="$here/../../constraints.txt"
folder="${1:-gpu-wheels}"
pythons=("${@:2}")
[ ${#pythons[@]} -gt 0 ] || pythons=(3.11 3.12)
python="${PYTHON:-python3}"
groups=(
    "packaging pydantic pydantic_core annotated-types typing-inspection typing_extensions psutil"
    "bitsandbytes"
    "transformers peft accelerate pyyaml tqdm"
    "deepspeed einops hjson msgpack ninja py-cpuinfo"
    "huggingface_hub tokenizers safetensors regex"
    "hf-xet httpx2 httpcore2 h11 anyio idna truststore certifi click typer filelock fsspec"
    "shellingham annotated-doc rich markdown-it-py mdurl pygments"
)

platforms=()
for version in 2_28 2_24 2_17 2_12; do platforms+=(--platform "manylinux_${version}_x86_64"); done
for name in manylinux2014 manylinux2010; do platforms+=(--platform "${name}_x86_64"); done

mkdir -p "$folder"
rm -f "$folder"/*.whl
draft="$(mktemp -d)"
trap 'rm -rf "$draft"' EXIT
for group in "${groups[@]}"; do
    rm -f "$draft"/*
    names="${group/deepspeed/}"
    for version in "${pythons[@]}"; do
        # shellcheck disable=SC2086  # several names
        "$python" -m pip download -q --no-deps --only-binary=:all: --implementation cp \
            --python-version "$version" "${platforms[@]}" -c "$pins" -d "$draft" $names
    done
    if [ "$names" != "$group" ]; then # it has no wheels; without CUDA it builds one of Python only
        "$python" -m pip wheel -q --no-deps -c "$pins" -w "$draft" deepspeed
    fi
    for wheel in "$draft"/bitsandbytes-*.whl; do
        [ ! -f "$wheel" ] || "$python" "$here/slim.py" "$wheel"
    done
    size=$(cat "$draft"/*.whl | wc -c)
    total=$(find "$folder" -name '*.whl' -exec cat {} + | wc -c)
    if [ $((size + total)) -gt $((MOST * 1000000)) ]; then
        echo "left out, $((size / 1000)) kB too many: $group"
        continue
    fi
    mv "$draft"/*.whl "$folder"
    echo "$((size / 1000)) kB: $group"
done
echo "$folder: $(find "$folder" -name '*.whl' -exec cat {} + | wc -c | awk '{printf "%.1f", $1 / 1e6}') MB of $MOST"
