#!/usr/bin/env bash
# `make compose-demo`: builds and starts the stack without a GPU, submits the demo recipe through the API, scales
# refinement while it runs, waits, fetches the report to runs/compose-demo/, and takes the stack down again.
#
#   REPLICAS      workers of refinement from the middle of the run on (default 3)
#   KEEP          1: leave the stack up
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
FILES=(-f docker-compose.yml -f deploy/compose/cpu.yml)
OUT=runs/compose-demo
API=http://127.0.0.1:8000

say() { echo "compose-demo: $*"; }
compose() { docker compose "${FILES[@]}" "$@"; }
spar() { compose exec -T api spar "$@" --api "$API"; }

make --no-print-directory env
. deploy/compose/images.sh

down() { [ "${KEEP:-}" = 1 ] || compose down --timeout 30; }
trap down EXIT

say "building and starting"
compose up -d --build --wait
run=$(spar submit demo | tail -1)
say "submitted $run; Flower and the dashboard are at the addresses of .env"
until compose exec -T api spar status "$run" --api "$API" --json | grep -q '"iteration": [1-9]'; do sleep 1; done
say "refinement with ${REPLICAS:-3} workers from now on"
compose up -d --no-recreate --wait --scale refinement="${REPLICAS:-3}"
spar watch "$run"
mkdir -p "$OUT"
spar report "$run" --json > "$OUT/report.json"
spar report "$run" --out /tmp/report
compose cp api:/tmp/report/report.html "$OUT/report.html"
say "steps by worker:"
compose exec -T api python3 -c 'import os, urllib.request as u; request = u.Request("http://127.0.0.1:8000/metrics", headers={"Authorization": "Bearer " + os.environ["SPAR_API_TOKEN"]}); print(u.urlopen(request).read().decode())' | grep '^spar_steps_done_total' | sort | tee "$OUT/workers.txt"
say "report: $OUT/report.html and $OUT/report.json"
