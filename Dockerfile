# nextlong-hub in a container:
#
#   docker build -t nextlong-hub .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/data" nextlong-hub build --output nextlong
#
# Debian, not Alpine: numba has no wheels for musl.
FROM python:3.12-slim-bookworm AS wheel
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.12-slim-bookworm
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels pip install --no-cache-dir /wheels/*.whl
# Whoever runs it has no home here: compiled kernels and downloads go to one that everybody may write.
ENV HOME=/home/nextlong
RUN install -d -m 1777 "$HOME" /data
WORKDIR /data
USER 1000:1000
ENTRYPOINT ["nextlong-hub"]
CMD ["--help"]
