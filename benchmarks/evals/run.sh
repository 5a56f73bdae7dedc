#!/usr/bin/env bash
# Every evaluation once, at small size: the story world's models, and SmolLM2-135M where a real chat model makes sense.
# Run by `make evals`. Results in $OUT; a second call prints existing results and requests only what is missing.
# GENERAL_DATA, if set, names a folder with the published files of gsm8k/, triviaqa/, mmlu/ and humaneval/.
set -euo pipefail
SPAR=${SPAR:-.venv/bin/spar}
DATA=${EVAL_DATA:-../shared/data}
OUT=${EVALS_OUT:-evals}
SMOLLM2=${SMOLLM2:-.smollm2/model}

measure() {
    printf '\n== spar eval %s\n' "$*"
    "$SPAR" eval "$@" --out "$OUT"
}

for folder in ifeval llmbar followbench; do
    test -d "$DATA/$folder" || { echo "error: $DATA/$folder does not exist." >&2; echo "fix: make evals EVAL_DATA=FOLDER (see docs/evaluation.md)" >&2; exit 2; }
done

measure story --model builtin:story/actor --refiner builtin:story/refiner --limit 500
measure story --model builtin:story/backbone --refiner builtin:story/backbone --limit 500
measure refinement --model builtin:story/refiner --judge builtin:story/backbone
measure ifeval --model "$SMOLLM2" --data "$DATA/ifeval" --limit 50 --max-tokens 256
measure ifeval --model "$SMOLLM2" --refiner "$SMOLLM2" --strategy bfs --budget 2 --data "$DATA/ifeval" --limit 8 --max-tokens 256 --judge-tokens 96
measure llmbar --model "$SMOLLM2" --data "$DATA/llmbar" --limit 3 --judge-tokens 128
measure llmbar --model "$SMOLLM2" --data "$DATA/llmbar" --limit 1 --judge-tokens 128 --votes 3
measure followbench --model "$SMOLLM2" --judge "$SMOLLM2" --data "$DATA/followbench" --limit 1 --max-tokens 128 --judge-tokens 128
measure general --model "$SMOLLM2" --tasks tiny_facts --data benchmarks/evals/tasks

if test -n "${GENERAL_DATA:-}"; then
    general=(general --model "$SMOLLM2" --data "$GENERAL_DATA")
    measure "${general[@]}" --tasks gsm8k --limit 20 --max-tokens 160
    measure "${general[@]}" --tasks triviaqa --limit 40 --max-tokens 32
    measure "${general[@]}" --tasks mmlu --limit 1
    measure "${general[@]}" --tasks humaneval --limit 10 --max-tokens 256 --run-code
fi

printf '\n== responses by inference budget\n'
"$SPAR" decode story --limit 100 --budgets 1,2,4 --judge-items 200 --out "$OUT/decode"

printf '\n== the two story models, item by item\n'
mapfile -t stories < <(ls -d "$OUT"/story-*)
"$SPAR" eval compare "${stories[@]:0:2}"

printf '\n== a run that measures its own iterations\n'
"$SPAR" run demo --dir "$OUT/run" --set iterations=1 --set prompts.per_iteration=60 --set evaluation.actor_prompts=200 \
    --set evaluation.judge_items=100 --set evaluation.refine_items=100 --set evaluation.benchmarks.refinement.data=world:story
"$SPAR" reproduce table3 --run "$OUT/run" --as SPaR-8B
