# A small image of the service, run by an ordinary user.
#   docker build -t systembruker .
#   docker build -t systembruker --build-arg FEATURES= .     without the sandbox

FROM rust:1.95-slim-bookworm AS build
ARG FEATURES=sandbox
# The image has one toolchain; the file that pins it asks for parts that a build does not need.
ENV SQLX_OFFLINE=true RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --no-default-features --features "${FEATURES}" \
    && cp target/release/systembruker /systembruker \
    && mkdir /data

# glibc and certificates, no shell; user 65532.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /systembruker /usr/local/bin/systembruker
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
WORKDIR /data
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/systembruker"]
CMD ["serve"]
