# Workers with engines and trainers. VARIANT=cuda stands on vLLM's image (whose tag names the CUDA version, if a host
# needs another: VLLM_IMAGE); VARIANT=cpu on plain Python, with the torch of TORCH_INDEX.
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
# What to install, from what pyproject.toml says: only a change of these two files installs again, not one of pyproject's.
WORKDIR /build
COPY pyproject.toml constraints.txt deploy/docker/requirements.py ./
# `eval` for the evaluation worker: a recipe may want IFEval, whose checkers are lm-eval's. Not `data`: no service imports
# prompts or exports files; `spar prompts import` runs where its files are, and the API takes what came out of it.
RUN python3 requirements.py cpu eval

FROM base-${VARIANT}
# vLLM's image starts its server and is made for root: neither is wanted here.
ENTRYPOINT []
ENV PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_BREAK_SYSTEM_PACKAGES=1
RUN useradd --uid 10001 --home-dir /var/lib/spar --shell /usr/sbin/nologin spar \
 && install -d -o spar -g spar /var/lib/spar /var/lib/spar/work /var/lib/spar/cache /var/lib/spar/locks
WORKDIR /build
COPY --from=lists /build/requirements.txt /build/pins.txt ./
# torch by itself: only it comes from another index, which has not all that torch needs; vLLM's image has it already.
ARG TORCH_INDEX=
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m pip install --root-user-action=ignore --no-deps -c pins.txt torch ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} \
 && python3 -m pip install --root-user-action=ignore -c pins.txt -r requirements.txt
# Besides, if a recipe wants it: deepspeed, say.
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
