# plyr-appview, all in one by default; docker-compose.yml runs it as several processes.
FROM python:3.12-slim AS build
WORKDIR /source
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock requirements-dev.lock ./
# The wheel's build backend comes from the development lock: everything here is checked by hash.
RUN python -m venv /build \
    && /build/bin/pip install --require-hashes --no-deps --only-binary :all: -r requirements-dev.lock \
    && python -m venv /opt/plyr \
    && /opt/plyr/bin/pip install --require-hashes --no-deps --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY lexicons lexicons
COPY migrations migrations
COPY xrpc xrpc
COPY indexer indexer
COPY appview appview
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/plyr/bin/pip install --no-deps --no-index /wheels/*.whl

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /data --create-home plyr
COPY --from=build /opt/plyr /opt/plyr
USER 10001
WORKDIR /data
ENV PATH=/opt/plyr/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PLYR_DATA_DIR=/data \
    PLYR_HOST=0.0.0.0 \
    PLYR_LOG_FORMAT=json
VOLUME /data
EXPOSE 8000
# First start: the embedded database is made before anything answers.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/xrpc/_health', timeout=4)"]
ENTRYPOINT ["plyr-appview"]
CMD ["run"]
