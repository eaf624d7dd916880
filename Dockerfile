# syntax=docker/dockerfile:1
# softswitch as an image: built in one stage, run in another, as a user without rights.
#   docker build -t softswitch .
#   docker run --network host -v "$PWD/configs/bank:/etc/softswitch:ro" -v softswitch:/var/lib/softswitch softswitch
# Notes for running it (addresses, ports, secrets): docs/deploy.md

ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# ------------------------------------------------------------------ build
FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/softswitch
WORKDIR /build
# The locked packages first: this layer changes only with the lock file. Wheels only, nothing of others is compiled.
COPY requirements/run.txt requirements/run.txt
RUN /opt/softswitch/bin/pip install --require-hashes --only-binary :all: -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/softswitch/bin/pip install --no-deps --no-build-isolation . \
    && /opt/softswitch/bin/pip uninstall --yes pip \
    && /opt/softswitch/bin/python -m compileall -q /opt/softswitch/lib

# ------------------------------------------------------------------ run
FROM ${PYTHON_IMAGE} AS run
LABEL org.opencontainers.image.title="softswitch" \
      org.opencontainers.image.description="A call-centre switch that brings the returning caller back to the same person" \
      org.opencontainers.image.licenses="Apache-2.0"
# The voice for texts that are not among the prompts shipped with the package.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends espeak-ng \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 softswitch \
    && useradd --system --uid 10001 --gid softswitch --home-dir /var/lib/softswitch --create-home \
        --shell /usr/sbin/nologin softswitch
COPY --from=build /opt/softswitch /opt/softswitch
COPY configs /usr/share/softswitch/configs
ENV PATH=/opt/softswitch/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SOFTSWITCH_HEALTH_URL=http://127.0.0.1:8060/healthz
# Relative paths of the configuration (database, prompt cache) begin here.
WORKDIR /var/lib/softswitch
VOLUME /var/lib/softswitch
USER 10001:10001
# SIP, and RTP as configs/bank sets it; the HTTP port listens on loop-back only and is not exposed.
EXPOSE 5060/udp 5060/tcp 20000-29999/udp
# SIGTERM: no new calls, the running ones end or are ended, exit 0 within 30 seconds.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(os.environ['SOFTSWITCH_HEALTH_URL'], timeout=2)"]
ENTRYPOINT ["softswitch"]
CMD ["run", "/etc/softswitch"]
