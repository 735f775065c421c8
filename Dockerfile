# Images of the operator (target `manager`), of the bundled service (`workload`), of a team's own service on the toolkit
# (`orders`, an example) and of the load generator (`load`), for linux/amd64 and linux/arm64.
#
#   docker build --target manager --build-arg VERSION=v0.1.0 .       compiles inside; needs a registry for golang:
#   make docker-build                                                 compiles on this machine; needs no registry
#
# The programs bring Mozilla's root certificates and the time zones with them, pinned by go.mod. Certificates that are mounted
# (in /etc/ssl/certs, or where SSL_CERT_FILE or SSL_CERT_DIR say) replace the built-in ones.
#
# BINARIES chooses the stage that the binaries come from. BuildKit builds only that one, so `prebuilt` never asks for golang:.
ARG BINARIES=compile
ARG GO_VERSION=1.26

FROM --platform=${BUILDPLATFORM} golang:${GO_VERSION} AS compile
WORKDIR /src
COPY . .
ARG TARGETOS TARGETARCH
ARG VERSION=dev
ARG WORKLOAD_TAGS=grpcnotrace
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    OUT=/out WORKLOAD_TAGS="${WORKLOAD_TAGS}" GOOS="${TARGETOS}" GOARCH="${TARGETARCH}" VERSION="${VERSION}" sh hack/binaries.sh

# What `make binaries` left: bin/image/<architecture>/.
FROM scratch AS prebuilt
ARG TARGETARCH
COPY bin/image/${TARGETARCH}/ /out/

FROM ${BINARIES} AS binaries

FROM scratch AS manager
ARG VERSION=dev
LABEL org.opencontainers.image.title="goservice-operator" \
      org.opencontainers.image.description="Runs, scales and retunes Go services on Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=binaries /out/manager /manager
USER 65532:65532
ENTRYPOINT ["/manager"]

FROM scratch AS workload
ARG VERSION=dev
LABEL org.opencontainers.image.title="goservice-workload" \
      org.opencontainers.image.description="The bundled Go service: rate limit, worker pool, metrics, tracing, graceful drain" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=binaries /out/workload /workload
USER 65532:65532
EXPOSE 8080 9100
ENTRYPOINT ["/workload"]

FROM scratch AS orders
ARG VERSION=dev
LABEL org.opencontainers.image.title="goservice-orders" \
      org.opencontainers.image.description="The reference service of the toolkit: orders on PostgreSQL, Redis and Kafka" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=binaries /out/orders /orders
USER 65532:65532
EXPOSE 8080 9100
ENTRYPOINT ["/orders"]

FROM scratch AS load
ARG VERSION=dev
LABEL org.opencontainers.image.title="goservice-load" \
      org.opencontainers.image.description="Sends requests at a steady rate to services of the cluster that it runs in" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=binaries /out/load /load
USER 65532:65532
ENTRYPOINT ["/load"]
