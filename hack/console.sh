#!/usr/bin/env bash
# Runs the tests in headless Chromium: of the search on the site of the docs, and of the plugin's console with 1,000 services. PICTURES names a folder for pictures.
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"

need_browser "the tests of console and docs"
go -C "$REPO_ROOT/hack/site" test -tags e2e -count=1 -v -run TestTheSearchInABrowser .
arguments=()
if [ -n "${PICTURES:-}" ]; then arguments=(-args -pictures "$(realpath -m "$PICTURES")"); fi
go -C "$REPO_ROOT/hack/kubectl-gosvc" test -tags e2e -count=1 -v -run 'TestTheConsoleInABrowser|TestATabThatNobodySees' ./internal/console "${arguments[@]}"
