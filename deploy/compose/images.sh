# Sourced by demo.sh and scaling.sh, with FILES set: where no image can be pulled, COMPOSE_LAB (a program that builds
# local images under the published ones' names) stands in for them.
if ! docker info >/dev/null 2>&1 || ! docker pull --quiet redis:8.2 >/dev/null 2>&1; then
  if [ ! -x "${COMPOSE_LAB:-}" ]; then
    echo "error: docker cannot pull redis:8.2, and there is no COMPOSE_LAB to stand in for images." >&2
    echo "fix: start Docker, or let this machine reach its registry." >&2
    exit 3
  fi
  echo "No image can be pulled: $COMPOSE_LAB stands in for them."
  "$COMPOSE_LAB" up
  "$COMPOSE_LAB" images "${FILES[@]}"
  export TORCH_INDEX= # the stand-in of Python brings its own torch
fi
