#!/usr/bin/env bash
# `make bench-scaling`: starts the stack with the simulated model server, measures benchmarks/scaling.py, takes it down.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
FILES=(-f docker-compose.yml -f deploy/compose/cpu.yml -f deploy/compose/simulated.yml)

make --no-print-directory env
. deploy/compose/images.sh
trap 'docker compose "${FILES[@]}" down --timeout 30' EXIT
docker compose "${FILES[@]}" up -d --build --wait
SPAR_API_TOKEN=$(sed -n 's/^SPAR_API_TOKEN=//p' .env)
export SPAR_API_TOKEN
"${PYTHON:-.venv/bin/python}" benchmarks/scaling.py "$@"
