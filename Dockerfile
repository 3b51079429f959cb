# The images of this project.
#   docker build --target systembruker-sandbox -t systembruker-sandbox .    everything to try it, on one port
#   docker build --target systembruker -t systembruker .                    the service alone, for production
# With --build-arg COMMIT=$(git rev-parse HEAD) the program can say what it was built from.
# `scripts/check-images.py` carries out the steps of both without a container engine.

FROM rust:1.95-slim-bookworm AS source
# The image has one toolchain; the file that pins it asks for parts that a build does not need.
ENV SQLX_OFFLINE=true RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /build
COPY . .
ARG COMMIT
ENV SYSTEMBRUKER_COMMIT=${COMMIT:-unknown}

FROM source AS build
ARG FEATURES=xpath
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --no-default-features --features "${FEATURES}" \
    && cp target/release/systembruker /systembruker \
    && mkdir /data

FROM source AS build-sandbox
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --no-default-features --features sandbox,xpath \
    && cp target/release/systembruker /systembruker

# Postgres, the issuers and the service, as one user, on one port. Everything that it writes is in /data.
FROM debian:bookworm-slim AS systembruker-sandbox
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends postgresql-common \
    && sed -ri 's/^#?(create_main_cluster) .*$/\1 = false/' /etc/postgresql-common/createcluster.conf \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends ca-certificates postgresql \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /etc/ssl/private/* /etc/ssl/certs/ssl-cert-snakeoil.pem
RUN groupadd --gid 65532 nonroot \
    && useradd --uid 65532 --gid 65532 --home-dir /data --no-create-home --shell /usr/sbin/nologin nonroot \
    && install -d -o 65532 -g 65532 -m 700 /data
COPY LICENSE THIRD-PARTY-NOTICES.txt /usr/share/doc/systembruker/
COPY --from=build-sandbox /systembruker /usr/local/bin/systembruker
# Inside a container it listens on all addresses; which of them is reached, the container's ports say. The folder for the socket of
# Postgres is below /data too, so that nothing else has to be writable.
ENV SYSTEMBRUKER__SERVER__LISTEN=0.0.0.0:8080 \
    SYSTEMBRUKER__SANDBOX__ALLOW_NONLOOPBACK=true \
    SYSTEMBRUKER__SANDBOX__SINGLE_PORT=true \
    SYSTEMBRUKER__SANDBOX__DIR=/data \
    XDG_RUNTIME_DIR=/data
USER 65532:65532
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s CMD ["/usr/local/bin/systembruker", "health"]
ENTRYPOINT ["/usr/local/bin/systembruker"]
CMD ["sandbox"]

# glibc and certificates, no shell; user 65532. Without the sandbox.
FROM gcr.io/distroless/cc-debian12:nonroot AS systembruker
COPY LICENSE THIRD-PARTY-NOTICES.txt /usr/share/doc/systembruker/
COPY --from=build /systembruker /usr/local/bin/systembruker
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
WORKDIR /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/usr/local/bin/systembruker", "health"]
ENTRYPOINT ["/usr/local/bin/systembruker"]
CMD ["serve"]
