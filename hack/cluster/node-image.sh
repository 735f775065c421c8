#!/usr/bin/env bash
# Makes the node image for kind on a machine that can pull none: a Debian root file system with kind's own base files,
# and Kubernetes, containerd and runc built from their Go modules. Prints the image's name, alone, on stdout.
#
#   node-image.sh          makes the image unless the engine has it already
#   node-image.sh name     prints the name only
#
# The name holds a hash over everything that goes in, so that a change makes a new image and nothing else does.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scratch.sh
source "$CLUSTER_DIR/scratch.sh"

NODE_PACKAGES=systemd,dbus,conntrack,iptables,ipset,nftables,iproute2,ethtool,util-linux,mount,kmod,libseccomp2,e2fsprogs
NODE_PACKAGES+=,bash,ca-certificates,curl,jq,procps

image_name() {
  local key
  key=$({
    grep -E '^(KUBERNETES|ETCD|KIND|CONTAINERD|RUNC|CRI_TOOLS|CNI_PLUGINS|COREDNS)_VERSION|^NODE_DEBIAN' "$CLUSTER_DIR/versions.env"
    cat "${BASH_SOURCE[0]}" "$CLUSTER_DIR/scratch.sh" "$CLUSTER_DIR/pause/main.go"
  } | sha256sum | cut -c1-12)
  echo "goservice-testbed/node:$KUBERNETES_VERSION-$key"
}

# root_filesystem FOLDER: writes FOLDER/root.tar.
root_filesystem() {
  local out=$1 overlay=$1/overlay base binary
  base=$(cd "$out" && go mod download -json "sigs.k8s.io/kind@$KIND_VERSION" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')/images/base/files
  mkdir -p "$overlay"/{usr/bin,usr/local/bin,usr/local/sbin,opt/cni/bin,kind/manifests,etc/kubernetes/manifests}
  # Module files are read-only and not executable; give them the modes that kind's own image has.
  cp -r --no-preserve=mode "$base/." "$overlay/"
  chmod 755 "$overlay"/usr/local/bin/* "$overlay"/kind/bin/*
  for binary in kubelet kubeadm kubectl; do
    install "$(component kubernetes)/$binary" "$overlay/usr/bin/"
  done
  install "$(component containerd)"/* "$(component cri-tools)"/* "$overlay/usr/local/bin/"
  install "$(component runc)/runc" "$overlay/usr/local/sbin/"
  install "$(component cni-plugins)"/* "$overlay/opt/cni/bin/"
  printf '%s' "$KUBERNETES_VERSION" >"$overlay/kind/version"
  storage_class >"$overlay/kind/manifests/default-storage.yaml"
  # The machine may lack CAP_SYS_RESOURCE, without which no score can be lowered.
  sed -i 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' "$overlay/etc/containerd/config.toml"
  prepare_script >"$out/prepare"
  # shellcheck disable=SC2016  # $1 is for mmdebstrap's hook, not for here
  mmdebstrap --quiet --variant=minbase --include="$NODE_PACKAGES" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --customize-hook="sync-in '$overlay' /" \
    --customize-hook="upload '$out/prepare' /prepare" \
    --customize-hook='chroot "$1" bash -eu /prepare' \
    --customize-hook='rm "$1/prepare"' \
    "$NODE_DEBIAN" "$out/root.tar"
}

# prepare_script: what is done inside the new root. Systemd in a container must not touch the host's devices, kernel log
# or binary formats, and needs none of a machine's usual units.
prepare_script() {
  cat <<'INSIDE'
chown -R 0:0 /kind /usr/local /opt/cni /etc/containerd /etc/systemd /etc/sysctl.d /etc/default/kubelet /etc/crictl.yaml
chown 0:0 /usr/bin/kubelet /usr/bin/kubeadm /usr/bin/kubectl
find /lib/systemd/system/sysinit.target.wants/ -name systemd-tmpfiles-setup.service -delete
rm -f /lib/systemd/system/multi-user.target.wants/* /etc/systemd/system/*.wants/* \
  /lib/systemd/system/local-fs.target.wants/* /lib/systemd/system/sockets.target.wants/*udev* \
  /lib/systemd/system/sockets.target.wants/*initctl* /lib/systemd/system/basic.target.wants/*
echo ReadKMsg=no >>/etc/systemd/journald.conf
ln -sf /usr/lib/systemd/systemd /sbin/init
systemctl enable kubelet.service containerd.service undo-mount-hacks.service
systemctl mask systemd-binfmt.service
# Every pod starts from this: kind's hook hides the host's product name, and no limits are inherited.
ctr oci spec | jq '.hooks.createContainer += [{"path": "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' \
  >/etc/containerd/cri-base.json
INSIDE
}

# Enough for whatever asks which class is the default; volumes are not made here.
storage_class() {
  cat <<'MANIFEST'
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: standard
  annotations:
    storageclass.kubernetes.io/is-default-class: "true"
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
MANIFEST
}

# kube_proxy_image NAME BUILDER: kube-proxy works by nft and iptables, so its image carries those and what they link to,
# taken from the node's own root.
kube_proxy_image() {
  local name=$1 builder=$2 root
  root=$(mktemp -d -p "$WORK")
  docker exec "$builder" bash -euc '
    cd /
    shopt -s nullglob
    tools=(usr/sbin/xtables-nft-multi usr/sbin/nft usr/sbin/conntrack usr/sbin/ip{,6}tables*)
    libraries=$(for file in "${tools[@]}" usr/lib/*/xtables/*.so; do ldd "$file" 2>/dev/null || true; done |
      grep -o "/[^ ]*" | sort -u | sed "s#^/lib#usr/lib#; s#^/##")
    tar -c --hard-dereference bin sbin lib lib64 "${tools[@]}" etc/alternatives/ip{,6}tables* usr/lib/*/xtables \
      $(for library in $libraries; do echo "$library"; readlink -f "/$library" | cut -c2-; done | sort -u)
  ' | tar -C "$root" -x
  install -D "$(component kubernetes)/kube-proxy" "$root/usr/local/bin/kube-proxy"
  mkdir -p "$root/run" "$root/tmp"
  tar -C "$root" --owner=0 --group=0 -c . | docker import --change 'ENTRYPOINT ["/usr/local/bin/kube-proxy"]' - "$name" >/dev/null
}

# cluster_images BUILDER: makes every image that kubeadm asks for, under the name that it asks for, and moves them into
# the node's containerd.
cluster_images() {
  local builder=$1 name names=() kubernetes pause
  kubernetes=$(component kubernetes)
  pause=$WORK/pause
  build_program "$CLUSTER_DIR/pause" "$pause"
  for name in $(docker exec "$builder" kubeadm config images list --kubernetes-version "$KUBERNETES_VERSION") \
    "$(docker exec "$builder" sed -n 's/.*sandbox_image = "\(.*\)"/\1/p' /etc/containerd/config.toml)"; do
    case "$name" in
    */kube-apiserver:* | */kube-controller-manager:* | */kube-scheduler:*)
      local command=${name##*/}
      scratch_image "$name" "$kubernetes/${command%%:*}" "usr/local/bin/${command%%:*}"
      ;;
    */kube-proxy:*) kube_proxy_image "$name" "$builder" ;;
    */coredns:*) scratch_image "$name" "$(component coredns)/coredns" coredns ;;
    */etcd:*) scratch_image "$name" "$(component etcd)/server" usr/local/bin/etcd ;;
    */pause:*) scratch_image "$name" "$pause" pause ;;
    *) die "kubeadm asks for an image that is not known here: $name" ;;
    esac
    names+=("$name")
  done
  mapfile -t names < <(printf '%s\n' "${names[@]}" | sort -u)
  docker exec -d "$builder" containerd
  # The socket exists a moment before it is served.
  docker exec "$builder" bash -c 'for i in {1..100}; do ctr version >/dev/null 2>&1 && exit; sleep 0.2; done; exit 1'
  docker save "${names[@]}" | docker exec -i "$builder" \
    ctr --namespace=k8s.io images import --label=io.cri-containerd.pinned=pinned --all-platforms --no-unpack --digests -
  # Its database must be whole before it is committed.
  docker exec "$builder" bash -c 'kill $(pidof containerd); while pidof containerd; do sleep 0.1; done'
  docker rmi "${names[@]}" >/dev/null
}

assemble() {
  local image=$1 base builder
  base=$image-base
  builder=goservice-testbed-node-$$
  docker import --change 'ENV container=docker' "$WORK/root.tar" "$base" >/dev/null
  # shellcheck disable=SC2064  # the names of now are meant
  trap "docker rm -f -v $builder >/dev/null 2>&1; docker rmi $base >/dev/null 2>&1 || true" EXIT
  # Systemd ends on this signal; the commit keeps it.
  docker run -d --privileged --stop-signal SIGRTMIN+3 --name "$builder" --entrypoint sleep "$base" infinity >/dev/null
  cluster_images "$builder"
  docker commit --change 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]' "$builder" "$image" >/dev/null
}

IMAGE=$(image_name)
if [ "${1:-}" = name ]; then
  echo "$IMAGE"
  exit
fi
environment=$("$CLUSTER_DIR/docker.sh" env)
eval "$environment"
if ! docker image inspect "$IMAGE" >/dev/null 2>&1; then
  lock node-image
  if ! docker image inspect "$IMAGE" >/dev/null 2>&1; then
    "$CLUSTER_DIR/components.sh" node
    need_packages "the node image" mmdebstrap
    WORK=$(mktemp -d)
    trap 'rm -rf "$WORK"' EXIT
    task "node image" "Debian $NODE_DEBIAN with kind's base files" root_filesystem "$WORK"
    task "node image" "Kubernetes $KUBERNETES_VERSION and its images" assemble "$IMAGE"
    # A gigabyte each: those of older versions go, unless a cluster runs on them.
    docker images --format '{{.Repository}}:{{.Tag}}' goservice-testbed/node | grep -vxF "$IMAGE" |
      xargs -r docker rmi >/dev/null 2>&1 || true
  fi
fi
echo "$IMAGE"
