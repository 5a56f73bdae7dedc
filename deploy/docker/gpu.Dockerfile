# Workers with engines and trainers. VARIANT=cuda is based on vLLM's image (set VLLM_IMAGE to a tag with another CUDA
# version if the host needs one), VARIANT=cpu on plain Python with torch from TORCH_INDEX.
ARG VARIANT=cuda
ARG VLLM_IMAGE=vllm/vllm-openai:v0.32.0

FROM python:3.11-slim AS wheel
WORKDIR /build
COPY constraints.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    grep '^setuptools==' constraints.txt | xargs python3 -m pip install --root-user-action=ignore
COPY pyproject.toml README.md LICENSE ./
COPY services services
COPY shared shared
RUN python3 -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheel .

FROM ${VLLM_IMAGE} AS base-cuda

FROM python:3.11-slim AS base-cpu

FROM base-${VARIANT} AS lists
# Derives the dependencies from pyproject.toml in a stage of its own, so that they are reinstalled only if the resulting
# lists change, not with every change of pyproject.toml.
WORKDIR /build
COPY pyproject.toml constraints.txt deploy/docker/requirements.py ./
# `eval` is for the evaluation worker: a recipe may use IFEval, whose checkers come from lm-eval. `data` is not needed,
# because no service imports prompts or exports files: `spar prompts import` runs where the files are, and its result is
# submitted to the API.
RUN python3 requirements.py cpu eval

FROM base-${VARIANT}
# vLLM's image starts its server and runs as root; override both.
ENTRYPOINT []
ENV PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_BREAK_SYSTEM_PACKAGES=1
RUN useradd --uid 10001 --home-dir /var/lib/spar --shell /usr/sbin/nologin spar \
 && install -d -o spar -g spar /var/lib/spar /var/lib/spar/work /var/lib/spar/cache /var/lib/spar/locks
WORKDIR /build
COPY --from=lists /build/requirements.txt /build/pins.txt ./
# torch is installed separately, because TORCH_INDEX does not have its dependencies. vLLM's image already contains it.
ARG TORCH_INDEX=
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m pip install --root-user-action=ignore --no-deps -c pins.txt torch ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} \
 && python3 -m pip install --root-user-action=ignore -c pins.txt -r requirements.txt
# Optional packages that a recipe needs, such as deepspeed.
ARG GPU_PACKAGES=
RUN --mount=type=cache,target=/root/.cache/pip \
    [ -z "$GPU_PACKAGES" ] || python3 -m pip install --root-user-action=ignore -c pins.txt $GPU_PACKAGES
RUN --mount=type=bind,from=wheel,source=/wheel,target=/wheel \
    python3 -m pip install --root-user-action=ignore --no-deps --no-index /wheel/*.whl
WORKDIR /var/lib/spar
USER spar
ENV HOME=/var/lib/spar SPAR_WORK_DIR=/var/lib/spar/work SPAR_ALIVE_FILE=/tmp/spar-alive SPAR_GPU_LOCK_DIR=/var/lib/spar/locks \
    HF_HOME=/var/lib/spar/cache/huggingface VLLM_CACHE_ROOT=/var/lib/spar/cache/vllm \
    TRITON_CACHE_DIR=/var/lib/spar/cache/triton TORCHINDUCTOR_CACHE_DIR=/var/lib/spar/cache/inductor
