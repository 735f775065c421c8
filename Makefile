# Targets for developers; `make help` lists them. Anything longer than a few lines is a script in hack/.

# A tag on a tagged commit, else dev-<hash of the sources>: unchanged sources keep their images.
ifndef VERSION
VERSION := $(shell hack/version.sh)
endif
IMG ?= goservice.dev/manager:$(VERSION)
WORKLOAD_IMG ?= goservice.dev/workload:$(VERSION)
# Kind clusters: the one that a target works on, which has a default of its own in each script, and the one of the end-to-end tests.
CLUSTER ?=
E2E_CLUSTER ?= goservice-e2e
NODES ?=
# Parts of config/ to deploy in addition to the default: prometheus, grafana, network-policy, secret-references.
COMPONENTS ?=
# Timeout of the end-to-end tests, and a regular expression that selects them.
E2E_TIMEOUT ?= 40m
E2E_RUN ?= .
# Parts of `make test-chaos`: leader handover upgrade namespace node etcd apiserver; empty: all.
CHAOS_RUN ?=
# `make mutate`: packages to change (empty: all that it knows), how many changes in each, and the file that keeps what is done.
PACKAGES ?=
CHANGES ?= 110
STATE ?=
# `make load`: requests per second, for how long.
RATE ?= 500
FOR ?= 30s
# Benchmarks: GoServices, whether the monitoring kinds are installed and objectives declared; pods and edits.
N ?= 1000
MONITORED ?= false
SLO ?= true
PODS ?= 10
EDITS ?= 30


SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export VERSION IMG WORKLOAD_IMG COMPONENTS CLUSTER NODES
# Go refuses to read the version control of a clone that belongs to somebody else; nothing reads the stamp.
export GOFLAGS := $(strip $(GOFLAGS) -buildvcs=false)

TOOL := hack/tool.sh

##@ General

.PHONY: help
help: ## Show this list.
	@awk 'BEGIN {FS = ":.*##"} /^[a-z0-9-]+:.*##/ {printf "  \033[36m%-18s\033[0m%s\n", $$1, $$2} /^##@/ {printf "\n%s\n", substr($$0, 5)}' $(MAKEFILE_LIST)

.PHONY: clean
clean: ## Remove build output (bin/, dist/).
	rm -rf bin dist

##@ Code

.PHONY: generate
generate: ## Generate the deep-copy code of api/.
	$(TOOL) controller-gen object:headerFile=hack/boilerplate.go.txt paths=./api/...

.PHONY: manifests
manifests: ## Generate the CRD from api/ and the operator's role from controllers/.
	$(TOOL) controller-gen crd paths=./api/... output:crd:artifacts:config=config/crd/bases
	go run ./hack/crd config/crd/bases/goservice.dev_goservices.yaml
	$(TOOL) controller-gen rbac:roleName=manager-role paths=./controllers/... output:rbac:artifacts:config=config/rbac

.PHONY: chart
chart: ## Generate the templates of the Helm chart from config/.
	go -C hack/chart run .

.PHONY: docs
docs: ## Generate docs/api.md from the comments of api/.
	@mkdir -p docs
	$(TOOL) crd-ref-docs --source-path=api --config=hack/tools/api-docs/config.yaml \
		--templates-dir=hack/tools/api-docs/templates --renderer=markdown --output-path=docs/api.md --log-level=ERROR

.PHONY: dashboards
dashboards: ## Generate the Grafana dashboards in config/grafana.
	go -C hack/dashboards run .

.PHONY: dashboard-pictures
dashboard-pictures: ## Draw both dashboards into docs/images, from a service under load on the cluster of test-e2e: about 15 minutes.
	go -C hack/dashboards test ./...
	hack/dashboards/pictures.sh

.PHONY: argocd
argocd: ## Generate config/argocd/argocd-cm.yaml from the Lua beside it.
	go -C hack/argocd run .

.PHONY: proto
proto: ## Generate the Go code of the .proto files; needs no protoc.
	go -C hack/proto run . $$(git ls-files '*.proto')

.PHONY: fmt
fmt: ## Format the Go code.
	$(TOOL) golangci-lint-kube-api-linter fmt

.PHONY: tidy
tidy: ## Tidy the go.mod of every module.
	RIVALS=true hack/tidy.sh

.PHONY: vet
vet: ## Run go vet, including the end-to-end tests.
	for module in $$(git ls-files 'go.mod' '*/go.mod' ':!hack'); do go -C "$$(dirname "$$module")" vet ./...; done
	go vet -tags e2e ./hack/...

.PHONY: lint
lint: ## Run golangci-lint and, on api/, kube-api-linter; its first build takes minutes.
	hack/lint.sh

.PHONY: verify
verify: ## Regenerate everything and fail if anything differs from the committed files.
	hack/verify.sh

##@ Tests

.PHONY: test
test: verify vet lint test-unit ## All checks that need no cluster: verify, vet, lint, and tests with -race and a real API server.

.PHONY: test-unit
test-unit: ## Only the tests, with -race; controller tests use a real API server.
	hack/test.sh

.PHONY: test-matrix
test-matrix: ## The controller tests on the API servers of all supported versions of Kubernetes, or of KUBERNETES="v1.34.4 …"; RUN selects tests. Builds each for 20 minutes at first.
	hack/test-matrix.sh

.PHONY: test-e2e
test-e2e: export CLUSTER = $(E2E_CLUSTER)
test-e2e: ## End-to-end tests on their own kind cluster, which is kept for the next run (make e2e-down removes it).
	E2E_TIMEOUT=$(E2E_TIMEOUT) E2E_RUN='$(E2E_RUN)' E2E_SKIP='TestNothingIsLost|^TestChaos' hack/e2e.sh

# Minutes of load in which no request may fail: run it alone, on an otherwise idle machine.
.PHONY: test-disruption
test-disruption: export CLUSTER = $(E2E_CLUSTER)-disruption
test-disruption: ## More than 400,000 requests during rollouts, drains, evictions, and retunes on two nodes, to own and foreign services; none may fail.
	NODES=$${NODES:-2} E2E_ADDONS=metrics-server E2E_TIMEOUT=$(E2E_TIMEOUT) E2E_RUN=TestNothingIsLost hack/e2e.sh

.PHONY: test-chaos
test-chaos: export CLUSTER = $(E2E_CLUSTER)-chaos
test-chaos: ## End-to-end tests while leaders are killed, outages of the control plane and of a node, upgrade from 9f9234a; CHAOS_RUN selects parts.
	NODES=$${NODES:-2} E2E_TIMEOUT=$(E2E_TIMEOUT) CHAOS_RUN='$(CHAOS_RUN)' hack/chaos.sh

.PHONY: test-console
test-console: ## The console in headless Chromium with 1,000 services: keys, colors, size, first paint, a hidden tab; and the search of the docs' site. PICTURES=DIR writes pictures.
	PICTURES='$(PICTURES)' hack/console.sh

.PHONY: explore
explore: ## Look for faults: FAULTS=2000 disturbed runs, TRANSITIONS=5000 between generated specs; about 40 minutes. STATE=FILE resumes.
	hack/explore.sh

.PHONY: mutate
mutate: ## How many faults the tests would notice: CHANGES=110 single changes in each of PACKAGES; an hour or two. STATE=FILE resumes.
	go run ./hack/mutate -packages '$(PACKAGES)' -changes $(CHANGES) -seed $${SEED:-1} -parallel $${PARALLEL:-1} -state '$(STATE)'

.PHONY: test-rivals
test-rivals: ## Whether the simulator's models decide as Kubernetes' and Knative's own code does; compiles for minutes. UPDATE=true writes what that answers.
	go -C hack/rivals vet ./...
	go -C hack/rivals test -count=1 -timeout 20m . $(if $(filter true,$(UPDATE)),-update)

.PHONY: test-chart
test-chart: ## Install, upgrade, roll back, and remove the Helm chart with Helm 3 and Helm 4 on a real API server; compiles both, 3 minutes at first.
	go -C hack/chart vet -tags cluster .
	KUBEBUILDER_ASSETS=$$(hack/cluster/envtest.sh) go -C hack/chart test -count=1 -tags cluster .

.PHONY: test-journey
test-journey: ## As a user on a kind cluster: the chart is installed, upgraded, rolled back, and removed under load, and the plugin's commands; the quickstart, and a new service; 25 minutes. RUN selects tests.
	hack/journey.sh

.PHONY: test-bundle
test-bundle: ## Whether Operator Framework's validators accept the bundle for the Operator Lifecycle Manager; compiles for minutes at first.
	go -C hack/bundle vet -tags olm .
	go -C hack/bundle test -count=1 -tags olm .

.PHONY: test-jaeger
test-jaeger: ## Whether a trace through all parts of the reference service arrives in a real Jaeger, which is compiled at first (4 minutes).
	hack/jaeger.sh

.PHONY: e2e-down
e2e-down: ## Remove the cluster of the end-to-end tests.
	CLUSTER=$(E2E_CLUSTER) hack/cluster/cluster.sh down

.PHONY: chaos-down
chaos-down: ## Remove the cluster of test-chaos.
	CLUSTER=$(E2E_CLUSTER)-chaos hack/cluster/cluster.sh down

.PHONY: disruption-down
disruption-down: ## Remove the cluster of test-disruption.
	CLUSTER=$(E2E_CLUSTER)-disruption hack/cluster/cluster.sh down

##@ Build

.PHONY: build
build: ## Compile the operator and the workload into bin/.
	OUT=bin GOOS=$$(go env GOOS) hack/binaries.sh

.PHONY: run
run: install ## Run the operator on this machine against the current cluster.
	WORKLOAD_IMAGE=$(WORKLOAD_IMG) go run -ldflags "-X main.version=$(VERSION)" . --pod-access=apiserver

.PHONY: reproducible
reproducible: ## Whether two builds of all programs (or PROGRAMS), of a new service, and without PROGRAMS of a whole release, with an empty build cache, give the same bits; 45 minutes.
	REPRODUCIBLE='$(or $(PROGRAMS),all)' go -C hack/release test -count=1 -timeout 1h -v -run TheSameBits .
	$(if $(PROGRAMS),,hack/artifacts.sh compare)

.PHONY: release
release: ## Make everything that a release hands out into dist/VERSION, offline: images, chart, plugin, installer, SBOMs, provenance, checksums, notes; 10 minutes at first.
	hack/artifacts.sh

.PHONY: licenses
licenses: ## Print the license of every module in a released program; fails if one is not permissive.
	@go -C hack/artifacts run . -licenses

.PHONY: vulncheck
vulncheck: ## Whether released programs call code with known vulnerabilities; asks vuln.go.dev, or VULNDB (address, folder, or `module`).
	hack/vulncheck.sh

.PHONY: docs-site
docs-site: ## Make a static site of README and docs in dist/site, which needs no server and no network.
	go -C hack/site run . -version '$(VERSION)'

.PHONY: docker-build
docker-build: ## Build the images (manager, workload, the orders example, load generator); needs no registry (BINARIES=compile compiles inside golang:).
	hack/images.sh build

.PHONY: docker-compile
docker-compile: ## Build the images as `docker build .` does, in the Dockerfile's compile stage, and compare with the programs of docker-build; needs no registry; 10 minutes at first.
	hack/images.sh compiled

.PHONY: docker-push
docker-push: ## Push the manager and workload images to IMG and WORKLOAD_IMG.
	hack/images.sh push

.PHONY: docker-buildx
docker-buildx: ## Build and push the manager and workload images for all PLATFORMS (linux/amd64,linux/arm64).
	hack/images.sh publish

.PHONY: build-installer
build-installer: ## Write dist/install.yaml, for `kubectl apply --server-side -f`.
	hack/deploy.sh installer

##@ Cluster

.PHONY: kind-up
kind-up: ## Create a kind cluster (CLUSTER, NODES), with or without a registry.
	hack/cluster/cluster.sh up

.PHONY: kind-load
kind-load: ## Load the images into every node of the kind cluster.
	hack/images.sh load

.PHONY: kind-down
kind-down: ## Remove the kind cluster, and the container engine if it was started for it.
	hack/cluster/cluster.sh down

.PHONY: install
install: ## Install the CRD into the current cluster.
	hack/deploy.sh install

.PHONY: uninstall
uninstall: ## Remove the CRD from the current cluster; if GoServices exist, it needs CONFIRM=delete-services and deletes them.
	hack/deploy.sh uninstall

.PHONY: deploy
deploy: ## Deploy the operator to the current cluster; on kind, with the images of this checkout (COMPONENTS="prometheus network-policy").
	hack/deploy.sh deploy

.PHONY: undeploy
undeploy: ## Remove the operator and the CRD from the current cluster; if GoServices exist, it needs CONFIRM=delete-services and deletes them.
	hack/deploy.sh undeploy

##@ Try it

.PHONY: quickstart
quickstart: ## Create a cluster with the operator and a sample GoService; prints its URL and an edit to try.
	hack/quickstart.sh up

.PHONY: load
load: ## Send RATE requests per second to the sample FOR some time; shows the admitted rate second by second.
	hack/quickstart.sh load -rate $(RATE) -for $(FOR)

.PHONY: quickstart-down
quickstart-down: ## Remove the quickstart's cluster and images; the cache of built components stays.
	hack/quickstart.sh down

##@ Benchmarks; each ends with a RESULT line

.PHONY: bench-reconcile
bench-reconcile: ## How fast N GoServices are applied and what it costs, compared with a bare client; real API server and etcd.
	KUBEBUILDER_ASSETS=$$(hack/cluster/envtest.sh) go -C hack/bench run ./reconcile -n $(N) -monitored=$(MONITORED) -slo=$(SLO)

.PHONY: bench-fairness
bench-fairness: ## Rounds and retunes of 100 well-behaved services, alone and next to 1,000 silent pods in one namespace.
	go run ./controllers/bench/fairness

.PHONY: sim
sim: ## Compare this operator with other autoscalers on simulated loads; TRACES=folder (CSV: seconds,requests), HELDOUT=number, DEVELOPMENT=true, FULL=true (STATE=FILE resumes), RIVALS=true (their own code).
	$(if $(filter true,$(RIVALS)),go -C hack/rivals build -o $(CURDIR)/bin/sim ./cmd && bin/sim,go run ./controllers/sim/cmd) $(if $(TRACES),-traces $(TRACES)) $(if $(TRACES)$(HELDOUT)$(filter true,$(DEVELOPMENT) $(RIVALS)),,-images docs/images) $(if $(HELDOUT),-heldout=$(HELDOUT)) -development=$(or $(DEVELOPMENT),false) -full=$(or $(FULL),false) $(if $(STATE),-state $(STATE))

.PHONY: bench-proxy
bench-proxy: ## What a request costs in Knative's queue-proxy, which is compiled with its own dependencies; the simulator charges Knative for it.
	GOBIN=$(CURDIR)/bin go install knative.dev/serving/cmd/queue@$$(go -C hack/rivals list -m -f '{{.Version}}' knative.dev/serving)
	go -C hack/bench run ./proxy -queue $(CURDIR)/bin/queue

.PHONY: bench-retune
bench-retune: ## How fast PODS pods enforce EDITS of a rate limit, compared with plain ConfigMaps; on the kind cluster, after make deploy.
	KUBECONFIG=$$(hack/cluster/cluster.sh kubeconfig) go -C hack/bench run ./retune -pods $(PODS) -edits $(EDITS)

.PHONY: bench-slo
bench-slo: ## A step to four times the load, with CPU autoscalers and with this operator, measured and simulated; creates a kind cluster. FULL=true: also ramp and bursts, RUNS=4 (STATE=FILE resumes).
	hack/bench-slo.sh

.PHONY: bench-foreign
bench-foreign: ## The same step for a service that is instrumented with otelhttp and knows nothing of the toolkit; creates a kind cluster. FULL=true and STATE=FILE as above.
	FOREIGN=true hack/bench-slo.sh

.PHONY: bench-limit
bench-limit: ## How well a limit that pods share is used and kept, compared with an equal division; creates a kind cluster. FULL=true: more loads, and what lending brings by itself, an hour.
	hack/bench-limit.sh

.PHONY: bench-handoff
bench-handoff: ## What pods gain that share their queue: sixteen with one worker each, with and without, by HTTP and by gRPC; creates a kind cluster. FULL=true: more rounds, an hour.
	hack/bench-handoff.sh

.PHONY: bench-package
bench-package: ## What a release hands out: made twice, the plugin's start beside kubectl's, the console's page, and helm install --wait; creates and removes a kind cluster. FULL=true: makes the whole release twice, half an hour.
	hack/bench-package.sh

.PHONY: bench-toolkit
bench-toolkit: ## The toolkit's limiter, pool, and fan-out compared with common libraries.
	go -C hack/bench run ./toolkit

.PHONY: bench-workload
bench-workload: ## The bundled workload compared with bare net/http and podinfo: throughput, latency, CPU, pauses, start, memory, size.
	go -C hack/bench run ./workload

.PHONY: bench-clients
bench-clients: ## What a well-behaved client sees while others send and read slowly, stream, hang, or flood; beside net/http alone and podinfo.
	go -C hack/bench run ./clients

.PHONY: bench-grpc
bench-grpc: ## Unary gRPC calls through the chain compared with grpc-go's own server and with Connect on bare net/http.
	go -C hack/grpc run ./bench

.PHONY: bench-overload
bench-overload: ## Goodput at four times the capacity, of handlers that compute, wait, or both, with what plan and tuner set, with settings by hand, and with none; and beside the best fixed pool and other libraries' ways; 15 minutes, FULL=true: 25.
	go -C hack/bench run ./overload $(if $(filter true,$(FULL)),-duration 10s -rivals all)
