#!/usr/bin/env bash
# `make bench-scaling`: starts the stack with the simulated model server, runs benchmarks/scaling.py, takes it down.
#
# With four concurrent searches per worker and 40 ms per token, three replicas are limited by the server, as they would
# be by GPUs, and not by two shared cores. Both values can be set in the environment.
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
