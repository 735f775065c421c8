# shellcheck shell=bash
# Sourced by the benchmarks that run on a cluster, after lib.sh.

# bench_cluster makes the images of this checkout, brings the cluster up unless it is there, and leads kubectl, kind, and docker of this shell to it.
bench_cluster() {
  local environment
  hack/images.sh build
  hack/cluster/cluster.sh up
  environment=$(hack/cluster/cluster.sh env)
  eval "$environment"
}
