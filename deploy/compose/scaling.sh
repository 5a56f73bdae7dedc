#!/usr/bin/env bash
# `make bench-scaling`: starts the stack with the simulated model server, measures benchmarks/scaling.py, takes it down.
#
# A worker searches four prompts at once and a token takes 40 ms, so that three replicas wait for the server, as they
# would for GPUs, and not for the two cores they share here. Both can be set from outside.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
FILES=(-f docker-compose.yml -f deploy/compose/cpu.yml -f deploy/compose/simulated.yml)

make --no-print-directory env
. deploy/compose/images.sh
export SPAR_THREADS=${SPAR_THREADS:-4} SIMULATED_SECONDS_PER_TOKEN=${SIMULATED_SECONDS_PER_TOKEN:-0.04}
trap 'docker compose "${FILES[@]}" down --timeout 30' EXIT
docker compose "${FILES[@]}" up -d --build --wait || { docker compose "${FILES[@]}" logs --no-color --tail 4; exit 3; }
SPAR_API_TOKEN=$(sed -n 's/^SPAR_API_TOKEN=//p' .env)
export SPAR_API_TOKEN
"${PYTHON:-.venv/bin/python}" benchmarks/scaling.py "$@"
