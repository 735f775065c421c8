#!/usr/bin/env bash
# Runs a tool that hack/tools/go.mod pins; built once, then kept by Go's build cache.
#
#   hack/tool.sh [-n] TOOL ARGUMENT…     -n only prints where it is
#
# Go refuses -modfile in a workspace, and the tools themselves load packages in one: it is off only while the tool is built.
set -euo pipefail
print=
if [ "$1" = -n ]; then
  print=true
  shift
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tool=$(GOWORK=off go -C "$root" tool -n -modfile=hack/tools/go.mod "$1")
if [ -n "$print" ]; then
  echo "$tool"
  exit
fi
exec "$tool" "${@:2}"
