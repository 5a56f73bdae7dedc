# The coordinator, the API and Flower, without torch. Code is the last layer, so rebuilding after a change is quick.
FROM python:3.11-slim AS wheel
WORKDIR /build
COPY constraints.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    grep '^setuptools==' constraints.txt | xargs python3 -m pip install --root-user-action=ignore
COPY pyproject.toml README.md LICENSE ./
COPY services services
COPY shared shared
RUN python3 -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheel .

FROM python:3.11-slim AS lists
# Derives the dependencies from pyproject.toml in a stage of its own, so that they are reinstalled only if the resulting
# lists change, not with every change of pyproject.toml.
WORKDIR /build
COPY pyproject.toml constraints.txt deploy/docker/requirements.py ./
# `data` is not needed: the API reads prompts files as plain JSONL and writes no Parquet (see gpu.Dockerfile).
RUN python3 requirements.py stack

FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# A named volume inherits the owner of its mount point if that exists in the image.
RUN useradd --uid 10001 --home-dir /var/lib/spar --shell /usr/sbin/nologin spar \
 && install -d -o spar -g spar /var/lib/spar /var/lib/spar/work /var/lib/spar/cache /var/lib/spar/locks
WORKDIR /build
COPY --from=lists /build/requirements.txt /build/pins.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m pip install --root-user-action=ignore -c pins.txt -r requirements.txt
RUN --mount=type=bind,from=wheel,source=/wheel,target=/wheel \
    python3 -m pip install --root-user-action=ignore --no-deps --no-index /wheel/*.whl
WORKDIR /var/lib/spar
USER spar
ENV HOME=/var/lib/spar SPAR_WORK_DIR=/var/lib/spar/work SPAR_ALIVE_FILE=/tmp/spar-alive
