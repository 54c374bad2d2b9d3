#!/usr/bin/env bash
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=4
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@300
#SBATCH --requeue
#
# One sweep in one allocation of SLURM:
#
#     sbatch --job-name=my-sweep slurm.sh my.yaml [options of sweep launch]
#
# The job's name is the sweep's. A job of that name continues the sweep if there is one, so the same
# command adds another allocation to a sweep that ran out of time. See docs/slurm.md.
set -euo pipefail

spec=${1:?usage: sbatch --job-name=SWEEP slurm.sh SPEC [options of sweep launch]}
shift
name=$SLURM_JOB_NAME
job=$SLURM_JOB_ID
cpus=${SLURM_CPUS_PER_TASK:-1}
gpus=${SLURM_GPUS_ON_NODE:-0}

# Ports of this job's Ray: jobs that share a node must differ.
port=${RAY_PORT:-$((20000 + 10 * (job % 1000)))}

# Whoever reaches Ray's ports can run code, unless Ray requires a token. srun passes it on.
export RAY_AUTH_MODE=token
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN
# Of each node, and short enough for Ray's sockets.
export RAY_TMPDIR=${RAY_TMPDIR:-/tmp/ray-$job}

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
on() { # NODE COMMAND...: one task there, with all of the node's share
    srun --nodes=1 --ntasks=1 --nodelist="$1" --cpus-per-task="$cpus" --overlap "${@:2}"
}
addresses=$(on "${nodes[0]}" hostname --ip-address)
head=${addresses%% *}

steps=()
# shellcheck disable=SC2329  # called by the trap
end_ray() {
    # The steps alone, by their ids: `ray stop` would end the Ray of other jobs on the node, too.
    kill "${steps[@]}" 2>/dev/null || true
    wait "${steps[@]}" 2>/dev/null || true
}
trap end_ray EXIT

on "${nodes[0]}" ray start --head --block --node-ip-address="$head" --port="$port" \
    --dashboard-port=$((port + 1)) --ray-client-server-port=$((port + 2)) \
    --num-cpus="$cpus" --num-gpus="$gpus" >"ray-$job.log" 2>&1 &
steps+=($!)
for node in "${nodes[@]:1}"; do
    on "$node" ray start --block --address="$head:$port" \
        --num-cpus="$cpus" --num-gpus="$gpus" >>"ray-$job.log" 2>&1 &
    steps+=($!)
done

# A sweep counts its slots at its start.
python - "$head:$port" "${#nodes[@]}" <<'PYTHON'
import logging, socket, sys, time

import ray

address, wanted = sys.argv[1], int(sys.argv[2])
host, port = address.rsplit(":", 1)
until = time.monotonic() + 300
while True:
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
        break
    except OSError:
        if time.monotonic() > until:
            sys.exit(f"no Ray at {address} after 300 s; see the job's ray-*.log")
        time.sleep(1)
ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
while (up := sum(node["Alive"] for node in ray.nodes())) < wanted:
    if time.monotonic() > until:
        sys.exit(f"{up} of {wanted} nodes joined Ray within 300 s; see the job's ray-*.log")
    time.sleep(1)
PYTHON

if sweep status "$name" >/dev/null 2>&1; then
    sweep resume "$name" --address "$head:$port" &
else
    sweep launch "$spec" --name "$name" --address "$head:$port" "$@" &
fi
sweep=$!
# Before the time limit and before preemption: running trials write a checkpoint, as with Ctrl-C.
trap 'kill -TERM "$sweep" 2>/dev/null || true' TERM INT
code=0
wait "$sweep" || code=$?
if kill -0 "$sweep" 2>/dev/null; then # the signal ended the wait, not the sweep
    code=0
    wait "$sweep" || code=$?
fi
exit "$code"
