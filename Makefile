# What a developer calls; `make help` lists it. Anything longer than a few lines lives in a script under hack/.

# A tag on a tagged commit, else dev-<hash of the sources>: unchanged sources keep their images.
ifndef VERSION
VERSION := $(shell hack/version.sh)
endif
IMG ?= goservice.dev/manager:$(VERSION)
WORKLOAD_IMG ?= goservice.dev/workload:$(VERSION)
# Kind clusters: the one to try things on, and the one of the end-to-end tests.
CLUSTER ?= goservice
E2E_CLUSTER ?= goservice-e2e
NODES ?=
# Parts of config/ to deploy beside the default: prometheus, grafana, network-policy.
COMPONENTS ?=
# How long the end-to-end tests may take, and which to run.
E2E_TIMEOUT ?= 40m
E2E_RUN ?= .
# `make load`: requests per second, for how long.
RATE ?= 500
FOR ?= 30s
# Benchmarks: GoServices; pods and edits.
N ?= 1000
PODS ?= 10
EDITS ?= 30

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export VERSION IMG WORKLOAD_IMG COMPONENTS CLUSTER NODES

TOOL := go tool -modfile=hack/tools/go.mod

##@ General

.PHONY: help
help: ## Show this.
	@awk 'BEGIN {FS = ":.*##"} /^[a-z0-9-]+:.*##/ {printf "  \033[36m%-18s\033[0m%s\n", $$1, $$2} /^##@/ {printf "\n%s\n", substr($$0, 5)}' $(MAKEFILE_LIST)

.PHONY: clean
clean: ## Remove what was built in the checkout (bin/, dist/).
	rm -rf bin dist

##@ Code

.PHONY: generate
generate: ## Generate the deep-copy code of api/.
	$(TOOL) controller-gen object:headerFile=hack/boilerplate.go.txt paths=./api/...

.PHONY: manifests
manifests: ## Generate the CRD from api/ and the operator's role from controllers/.
	$(TOOL) controller-gen crd paths=./api/... output:crd:artifacts:config=config/crd/bases
	$(TOOL) controller-gen rbac:roleName=manager-role paths=./controllers/... output:rbac:artifacts:config=config/rbac

.PHONY: docs
docs: ## Generate docs/api.md from the comments of api/.
	@mkdir -p docs
	$(TOOL) crd-ref-docs --source-path=api --config=hack/tools/api-docs/config.yaml \
		--templates-dir=hack/tools/api-docs/templates --renderer=markdown --output-path=docs/api.md --log-level=ERROR

.PHONY: fmt
fmt: ## Format the Go code.
	$(TOOL) golangci-lint-kube-api-linter fmt

.PHONY: tidy
tidy: ## Tidy the go.mod of every module.
	for module in $$(git ls-files 'go.mod' '*/go.mod'); do (cd "$$(dirname "$$module")" && go mod tidy); done

.PHONY: vet
vet: ## Run go vet, on the end-to-end tests too.
	go vet ./...
	go vet -tags e2e ./hack/...

.PHONY: lint
lint: ## Run golangci-lint and, on api/, kube-api-linter; its first build takes minutes.
	hack/lint.sh

.PHONY: verify
verify: ## Regenerate everything and demand that nothing differs from what is committed.
	hack/verify.sh

##@ Tests

.PHONY: test
test: verify vet lint test-unit ## Every check that needs no cluster: verify, vet, lint, tests with -race on a real API server.

.PHONY: test-unit
test-unit: ## Only the tests, with -race; controller tests run on a real API server.
	hack/test.sh

.PHONY: test-e2e
test-e2e: export CLUSTER = $(E2E_CLUSTER)
test-e2e: ## End-to-end tests on a kind cluster of their own, which stays for the next run (remove: make e2e-down).
	E2E_TIMEOUT=$(E2E_TIMEOUT) E2E_RUN='$(E2E_RUN)' E2E_SKIP=TestNothingIsLost hack/e2e.sh

# Minutes of load in which not one request may fail: a run of its own, on a machine that does nothing else.
.PHONY: test-disruption
test-disruption: export CLUSTER = $(E2E_CLUSTER)-disruption
test-disruption: ## Over 300,000 requests through rolls, drains, deletions and retunes on two nodes; none may fail.
	NODES=$${NODES:-2} E2E_ADDONS=metrics-server E2E_TIMEOUT=$(E2E_TIMEOUT) E2E_RUN=TestNothingIsLost hack/e2e.sh

.PHONY: explore
explore: ## Look for faults: FAULTS=2000 runs with a fault in each, TRANSITIONS=5000 between generated specs; takes about an hour.
	hack/explore.sh

.PHONY: e2e-down
e2e-down: ## Remove the cluster of the end-to-end tests.
	CLUSTER=$(E2E_CLUSTER) hack/cluster/cluster.sh down

.PHONY: disruption-down
disruption-down: ## Remove the cluster of test-disruption.
	CLUSTER=$(E2E_CLUSTER)-disruption hack/cluster/cluster.sh down

##@ Build

.PHONY: build
build: ## Compile both programs into bin/.
	OUT=bin GOOS=$$(go env GOOS) hack/binaries.sh

.PHONY: run
run: install ## Run the operator on this machine against the current cluster.
	WORKLOAD_IMAGE=$(WORKLOAD_IMG) go run -ldflags "-X main.version=$(VERSION)" . --pod-access=apiserver

.PHONY: docker-build
docker-build: ## Build the images manager and workload; needs no registry (BINARIES=compile builds inside golang:).
	hack/images.sh build

.PHONY: docker-push
docker-push: ## Push the images that docker-build made, to where IMG and WORKLOAD_IMG say.
	hack/images.sh push

.PHONY: docker-buildx
docker-buildx: ## Build and push the images for every one of PLATFORMS (linux/amd64,linux/arm64).
	hack/images.sh publish

.PHONY: build-installer
build-installer: ## Write dist/install.yaml: everything that `kubectl apply -f` needs.
	hack/deploy.sh installer

##@ Cluster

.PHONY: kind-up
kind-up: ## Create a kind cluster (CLUSTER, NODES), with or without a registry.
	hack/cluster/cluster.sh up

.PHONY: kind-load
kind-load: ## Put the images that docker-build made onto every node of the kind cluster.
	hack/images.sh load

.PHONY: kind-down
kind-down: ## Remove the kind cluster, and the container engine if it was started for it.
	hack/cluster/cluster.sh down

.PHONY: install
install: ## Install the CRD into the current cluster.
	hack/deploy.sh install

.PHONY: uninstall
uninstall: ## Remove the CRD from the current cluster; where GoServices exist, CONFIRM=delete-services deletes them.
	hack/deploy.sh uninstall

.PHONY: deploy
deploy: ## Deploy the operator to the current cluster; on kind, with the images of this checkout (COMPONENTS="prometheus network-policy").
	hack/deploy.sh deploy

.PHONY: undeploy
undeploy: ## Remove the operator and the CRD from the current cluster; where GoServices exist, CONFIRM=delete-services deletes them.
	hack/deploy.sh undeploy

##@ Try it

.PHONY: quickstart
quickstart: ## A cluster, the images, the operator and a sample GoService; ends with its URL and an edit to try.
	hack/quickstart.sh up

.PHONY: load
load: ## Send RATE requests per second to the sample FOR a while; shows what is admitted, second by second.
	hack/quickstart.sh load -rate $(RATE) -for $(FOR)

.PHONY: quickstart-down
quickstart-down: ## Remove everything that quickstart made.
	hack/quickstart.sh down

##@ Benchmarks; each ends with a RESULT line

.PHONY: bench-reconcile
bench-reconcile: ## How fast N GoServices are in force and what that costs, beside a bare client; real API server and etcd.
	KUBEBUILDER_ASSETS=$$(hack/cluster/envtest.sh) go -C hack/bench run ./reconcile -n $(N)

.PHONY: bench-fairness
bench-fairness: ## Rounds and retunes of 100 well-behaved services without and beside 1,000 silent pods of one namespace.
	go run ./controllers/bench/fairness

.PHONY: sim
sim: ## Autoscalers beside this operator on simulated loads; TRACE=file.csv (seconds,requests) replays one of your own.
	go run ./controllers/sim/cmd -images docs/images $(if $(TRACE),-trace $(TRACE))

.PHONY: bench-retune
bench-retune: ## How fast PODS pods enforce EDITS of a rate limit, beside plain ConfigMaps; on the kind cluster, after make deploy.
	KUBECONFIG=$$(hack/cluster/cluster.sh kubeconfig) go -C hack/bench run ./retune -pods $(PODS) -edits $(EDITS)

.PHONY: bench-slo
bench-slo: ## A step to four times the load, under a CPU HorizontalPodAutoscaler and under this operator; on a kind cluster that it brings up.
	hack/bench-slo.sh

.PHONY: bench-toolkit
bench-toolkit: ## The toolkit's limiter, pool and fan-out beside the libraries that one would use otherwise.
	go -C hack/bench run ./toolkit

.PHONY: bench-workload
bench-workload: ## The bundled workload beside bare net/http and podinfo: throughput, latency, CPU, pauses, start, memory, size.
	go -C hack/bench run ./workload

.PHONY: bench-overload
bench-overload: ## What is left of a service at four times its capacity, with its limiter and pool and without.
	go -C hack/bench run ./overload
