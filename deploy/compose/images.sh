# Sourced by demo.sh and scaling.sh, with FILES set. If no image can be pulled, COMPOSE_LAB (a program that builds local
# images under the published names) provides substitutes.
if ! docker info >/dev/null 2>&1 || ! docker pull --quiet redis:8.2 >/dev/null 2>&1; then
  if [ ! -x "${COMPOSE_LAB:-}" ]; then
    echo "error: docker cannot pull redis:8.2, and COMPOSE_LAB is not set to a program that builds local images." >&2
    echo "fix: start Docker, or give this machine access to its registry." >&2
    exit 3
  fi
  echo "No image can be pulled: $COMPOSE_LAB builds local ones."
  "$COMPOSE_LAB" up
  "$COMPOSE_LAB" images "${FILES[@]}"
  export TORCH_INDEX= # the local Python image already contains torch
fi
