# The coordinator, the API and Flower: no torch. Code is the last layer, so a change of it rebuilds in seconds.
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
# What to install, from what pyproject.toml says: only a change of these two files installs again, not one of pyproject's.
WORKDIR /build
COPY pyproject.toml constraints.txt deploy/docker/requirements.py ./
# Not `data`: the API reads a prompts file as plain JSON lines and writes no Parquet (see gpu.Dockerfile).
RUN python3 requirements.py stack

FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# A named volume takes the owner of the folder it is mounted on, when that is in the image.
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
