#!/usr/bin/env bash
# `make compose-demo`: builds and starts the stack without a GPU, submits the demo recipe through the API, scales
# refinement during the run, waits for the end, writes the report to runs/compose-demo/, and takes the stack down.
#
#   REPLICAS      refinement workers, scaled up during the run (default 3)
#   ARGS          additional arguments for `spar submit`, such as "--set seed=1"
#   KEEP          1: keep the stack running
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
FILES=(-f docker-compose.yml -f deploy/compose/cpu.yml)
OUT=runs/compose-demo
API=http://127.0.0.1:8000

say() { echo "compose-demo: $*"; }
compose() { docker compose "${FILES[@]}" "$@"; }
spar() { compose exec -T api spar "$@" --api "$API"; }
# These counters cover the database's whole lifetime, so a run's own steps are the difference of two readings.
steps_by_worker() {
  token=$(sed -n 's/^SPAR_API_TOKEN=//p' .env)
  printf 'header = "Authorization: Bearer %s"' "$token" | curl -fsS --config - "http://$(compose port api 8000)/metrics" |
    sed -n 's/^spar_steps_done_total{kind="\(.*\)",worker="\(.*\)"} /\1 \2 /p' | sort
}

make --no-print-directory env
. deploy/compose/images.sh

down() { [ "${KEEP:-}" = 1 ] || compose down --timeout 30; }
trap down EXIT

say "building and starting"
compose up -d --build --wait || { compose logs --no-color --tail 4; exit 3; }  # Docker reports only which container is unhealthy
mkdir -p "$OUT"
steps_by_worker > "$OUT/before.txt"
# shellcheck disable=SC2086 # ARGS may contain several arguments
run=$(spar submit demo ${ARGS:-} | tail -1)
say "submitted $run; the addresses of Flower and the dashboard are set in .env"
until compose exec -T api spar status "$run" --api "$API" --json | grep -q '"iteration": [1-9]'; do sleep 1; done
say "scaling refinement to ${REPLICAS:-3} workers"
compose up -d --no-recreate --wait --scale refinement="${REPLICAS:-3}"
spar watch "$run"
spar report "$run" --json > "$OUT/report.json"
spar report "$run" --out /tmp/report >/dev/null
compose cp api:/tmp/report/report.html "$OUT/report.html"
say "steps of this run by worker:"
steps_by_worker > "$OUT/after.txt"
awk 'FILENAME == ARGV[1] { before[$1, $2] = $3; next } $3 > before[$1, $2] { print $1, $2, $3 - before[$1, $2] }' \
  "$OUT/before.txt" "$OUT/after.txt" | tee "$OUT/workers.txt"
rm "$OUT/before.txt" "$OUT/after.txt"
say "report: $OUT/report.html and $OUT/report.json"
