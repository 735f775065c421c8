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

# helms FOLDER: builds Helm 4 and Helm 3 as helm4 and helm3.
helms() {
  local major
  for major in 4 3; do
    task helm "Helm $major, from its Go module" \
      go -C hack/chart build -buildvcs=false -o "$1/helm$major" "helm.sh/helm/v$major/cmd/helm"
  done
}
