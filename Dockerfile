# syntax=docker/dockerfile:1
# The three programs of Stent in one image: api, scheduler and stent.

FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS
ARG TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags="-s -w" -o /out/ ./cmd/api ./cmd/scheduler ./cmd/stent
# Where `stent dev` keeps its file: a volume takes over the owner of the directory.
RUN mkdir /data

FROM busybox:1.37-musl AS probe

# Certificates, time zones and an unprivileged user; no shell, no package manager.
FROM gcr.io/distroless/static-debian12:nonroot
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Stent" \
      org.opencontainers.image.description="Durable functions over HTTP" \
      org.opencontainers.image.source="https://github.com/stent-dev/stent" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /out/ /usr/local/bin/
COPY --from=build --chown=65532:65532 /data /data
# For health checks, which run inside the container.
COPY --from=probe /bin/wget /usr/local/bin/wget
USER 65532:65532
WORKDIR /data
ENV STENT_ADDR=0.0.0.0:8233
EXPOSE 8233
ENTRYPOINT ["/usr/local/bin/stent"]
CMD ["--help"]
