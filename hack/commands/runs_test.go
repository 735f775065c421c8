// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package commands

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// runs says of each command line in a block, by its page and its first words, which tests or make targets of the workflows run it, with other names
// or values perhaps; or, after "not run", why none does, and what comes nearest. The longest entry that fits counts.
var runs = map[string]map[string]string{
	"README.md": {
		"kubectl get gosvc":               "TestManifestBecomesAService TestCommandsRunOnAnAPIServer",
		"kubectl get gosvc checkout -o":   "TestCommandsRunOnAnAPIServer",
		"make quickstart":                 "TestTheQuickstart",
		"eval":                            "make test-e2e",
		"kubectl patch gosvc checkout":    "TestEditRetunesRunningPods TestCommandsRunOnAnAPIServer",
		"kubectl events --for":            "TestEditRetunesRunningPods TestCommandsRunOnAnAPIServer",
		"make docker-build docker-push":   "not run: it pushes to the reader's registry; make test-e2e builds and deploys",
		"helm install goservice-operator": "TestFromNothingToATunedServiceAndBack",
		"kubectl apply -f":                "TestFromNothingToATunedServiceAndBack TestCommandsRunOnAnAPIServer",
		"kubectl wait gosvc checkout":     "TestFromNothingToATunedServiceAndBack TestCommandsRunOnAnAPIServer",
		"make build-installer":            "TestCommandsRunInAShell",
		"make test":                       "make test",
		"make test-e2e":                   "make test-e2e",
		"make help":                       "TestHelpListsTheTargets",
	},
	"docs/conditions.md": {
		"kubectl patch configmap argocd-cm": "TestCommandsRunOnAnAPIServer",
		"kubectl get gosvc -A -o json | jq": "TestCommandsRunOnAnAPIServer TestJqFindsTheServiceInTrouble",
	},
	"docs/hand-off.md": {
		"kubectl get gosvc checkout -o": "TestCommandsRunOnAnAPIServer",
		"kubectl annotate gosvc NAME":   "TestCommandsRunOnAnAPIServer",
	},
	"docs/kubectl.md": {
		"go -C hack/kubectl-gosvc install":                            "TestCommandsRunInAShell",
		"go install goservice.dev/operator/hack/kubectl-gosvc@latest": "TestEveryProgramInstallsByVersion",
		"kubectl gosvc check":                                         "TestCheckOfAnOperatorThatRuns TestThePluginOnACluster",
		"kubectl gosvc explain checkout":                              "TestExplainReadsTheServiceOfTheContextsNamespace TestThePluginOnACluster",
		"kubectl gosvc retune checkout":                               "TestRetuneTellsOfThePodsAsTheyConfirm TestThePluginOnACluster",
		"kubectl gosvc pause checkout":                                "TestPauseAndResume TestThePluginOnACluster",
		"kubectl gosvc resume checkout":                               "TestPauseAndResume TestThePluginOnACluster",
		"kubectl gosvc history checkout":                              "TestHistoryTellsEverythingInTheOrderOfTime TestThePluginOnACluster",
		"kubectl gosvc top --once":                                    "TestTopIsAPlainTableWhereNobodyWatches TestThePluginOnACluster",
		"kubectl gosvc profile checkout cpu":                          "TestThePluginOnACluster",
		"kubectl gosvc console -A":                                    "TestThePluginOnACluster",
		"kubectl gosvc console -A --prometheus":                       "TestThePluginOnACluster",
		"kubectl gosvc replay checkout":                               "TestAReplayComparesSettings TestThePluginOnACluster",
		"kubectl gosvc adopt deployment/checkout -n shop --dry-run":   "TestAdoptShowsWhatItWouldDo TestThePluginOnACluster",
		"kubectl gosvc adopt deployment/checkout -n shop --yes":       "TestAdoptForPrograms TestThePluginOnACluster",
		"kubectl gosvc top -A -o json | jq":                           "TestTopIsAPlainTableWhereNobodyWatches TestJqFindsTheServiceInTrouble",
	},
	"docs/migrate.md": {
		"go run ./hack/migrate -f":                     "TestADeploymentIsHandedOverAndBack TestCommandsRunOnAnAPIServer",
		"go run ./hack/migrate -indicators":            "TestForeignServicesAreMeasured TestCommandsRunOnAnAPIServer",
		"kubectl get":                                  "TestCommandsRunOnAnAPIServer",
		"kubectl annotate -n shop deployment/checkout": "TestADeploymentIsHandedOverAndBack TestCommandsRunOnAnAPIServer",
		"kubectl annotate -n shop gosvc/checkout":      "TestADeploymentIsHandedOverAndBack TestCommandsRunOnAnAPIServer",
		"kubectl delete -n shop gosvc/checkout":        "TestADeploymentIsHandedOverAndBack TestCommandsRunOnAnAPIServer",
		"kubectl patch -n shop service/checkout":       "TestADeploymentIsHandedOverAndBack TestCommandsRunOnAnAPIServer",
		"kubectl apply -f deployment.yaml &&":          "TestADeploymentIsHandedOverAndBack",
		"kubectl apply -f service.yaml":                "TestADeploymentIsHandedOverAndBack TestCommandsRunOnAnAPIServer",
	},
	"docs/network-policy.md": {
		"kubectl describe networkpolicy checkout": "TestCommandsRunOnAnAPIServer",
		"kubectl run stranger":                    "not run: its image is in a registry; TestOnlyNamedClientsConnect runs pods that are kept out",
		"kubectl get gosvc checkout":              "TestManifestBecomesAService TestCommandsRunOnAnAPIServer",
	},
	"docs/operations.md": {
		"helm install goservice-operator": "TestFromNothingToATunedServiceAndBack",
		"helm install goservice-operator config/charts/goservice-operator --namespace goservice-system --create-namespace --set 'watchNamespaces={shop,billing}'": "TestAnOperatorForSomeNamespaces TestRolesFollowTheNamespacesThatAreWatched",
		"kubectl label namespace":           "TestCommandsRunOnAnAPIServer",
		"kubectl -n kube-system set":        "make test-e2e", // cluster.sh does so
		"mkdir bundle &&":                   "not run: it needs a release; TestABundleInstallsWhatTheManifestsInstall reads the bundle",
		"docker build -t":                   "not run: it needs a release and an engine for images",
		"docker push":                       "not run: the reader's registry",
		"opm render":                        "not run: the reader's registry; TestOperatorFrameworkAcceptsTheBundle validates the bundle",
		"helm upgrade goservice-operator":   "TestAnOperatorForSomeNamespaces",
		"kubectl get gosvc -A -o wide":      "TestCommandsRunOnAnAPIServer",
		"kubectl get gosvc NAME -o":         "TestCommandsRunOnAnAPIServer",
		"kubectl -n goservice-system scale": "TestCommandsRunOnAnAPIServer",
		"kubectl delete goservices --all":   "TestAnOperatorForSomeNamespaces",
		"make undeploy":                     "TestUndeployLeavesNothing",
	},
	"docs/releases.md": {
		"sha256sum --check":  "TestARelease",
		"cosign verify-blob": "not run: nothing is signed before it is published",
	},
	"docs/runbooks.md": {
		"kubectl -n NAMESPACE describe gosvc":  "TestManifestBecomesAService TestCommandsRunOnAnAPIServer",
		"kubectl -n NAMESPACE get pods":        "TestAServiceOutlivesItsCharts TestCommandsRunOnAnAPIServer",
		"kubectl -n NAMESPACE logs":            "TestAnOperatorForSomeNamespaces",
		"kubectl -n goservice-system get pods": "TestCommandsRunOnAnAPIServer",
		"kubectl -n goservice-system logs":     "TestAnOperatorForSomeNamespaces",
		"kubectl create clusterrolebinding":    "TestCommandsRunOnAnAPIServer",
		"kubectl get gosvc -A -o json | jq":    "TestCommandsRunOnAnAPIServer TestJqFindsTheServiceInTrouble",
	},
	"docs/toolkit.md": {
		"curl -d":            "not run: the reader's service; TestBothFrontsServeTheSameOrders calls one by Connect",
		"grpcurl -plaintext": "not run: the reader's service; TestBothFrontsServeTheSameOrders calls one by gRPC",
	},
	"docs/workload.md": {
		`printf '%s\n'`: "TestCommandsRunInAShell TestEndpoints",
		"curl -s":       "TestCommandsRunInAShell TestEndpoints",
	},
	"hack/cluster/README.md": {
		"hack/cluster/cluster.sh up":     "make test-e2e",
		"hack/cluster/cluster.sh addons": "make test-e2e",
		"eval":                           "make test-e2e",
		"hack/cluster/smoke.sh":          "not run: make test-e2e uses all that it tries",
		"hack/cluster/cluster.sh down":   "make test-journey",
		"docker buildx build":            "make test-e2e",
	},
	"workload/README.md": {
		"go run goservice.dev/operator/workload/new@latest": "TestTheImageOfANewServiceIsTheSameBits",
		"go -C goservice/workload build":                    "TestTheManifestOfANewServiceIsAGoService",
		"cd checkout && go mod tidy":                        "TestAMadeServiceBuildsAndItsTestsPass",
		"printf":                                            "TestANewServiceIsDeployed",
	},
	"workload/examples/orders/README.md": {
		"GOSERVICE_LIVE_SETTINGS_FILE= go run": "TestCommandsRunInAShell",
		"curl -i":                              "TestCommandsRunInAShell TestBothFrontsServeTheSameOrders",
		"grpcurl -plaintext":                   "TestCommandsRunInAShell TestBothFrontsServeTheSameOrders",
		"apt-get install":                      "make test",
		"go test":                              "make test",
	},
}

// onAnAPIServer is the test that takes its command lines from the table.
const onAnAPIServer = "TestCommandsRunOnAnAPIServer"

// others are blocks that no shell reads, by their first lines. So are the results of benchmarks.
var others = map[string][]string{
	"docs/architecture.md":               {"api/v1alpha1/          the API types: the only part that users program against", "GoService ──▶ observe ──▶ plan ──▶ build ──▶ apply and prune ──▶ confirm ──▶ status"},
	"docs/hand-off.md":                   {"spec:"},
	"docs/network-policy.md":             {"- --metrics-from={namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}"},
	"docs/operations.md":                 {"# kustomization.yaml", "apiVersion: networking.k8s.io/v1"},
	"docs/retune.md":                     {"spec.rateLimit edited", "(1 − ρ)/ρ / (exp(2·(1 − ρ)·b) − 1)"},
	"docs/slo.md":                        {"P(W > t) = C(m, ρ) · e^(−m(1−ρ)·t/c)"},
	"docs/toolkit.md":                    {"GOSERVICE_PEERS_NAMES=shop-metrics.prod.svc   # resolves to all pods, ready or not"},
	"docs/workload.md":                   {"measured and traced → route → deadline → caller → rate limits → small body → worker of the pool → handler"},
	"hack/cluster/README.md":             {"bin/<component>-<version>/     binaries built from Go modules"},
	"workload/README.md":                 {"setUp ──▶ starting ──────▶ ready ───────────▶ draining ─────────────────────────────▶ stopped"},
	"workload/examples/orders/README.md": {"main.go, wire.go, config.go   configuration, constructors, hooks, background work; the only place that knows all parts"},
}

// Each command line in a block has an entry, and each entry a command line.
func TestEachCommandHasATestOrAReason(t *testing.T) {
	blocks, err := Blocks(root)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, block := range blocks {
		if block.Sentence || strings.HasPrefix(block.Text, "RESULT ") {
			continue
		}
		if slices.Contains(others[block.Page], block.First()) {
			used[block.Page+": "+block.First()] = true
			continue
		}
		lines, err := block.Lines()
		if err != nil {
			t.Errorf("no shell reads this block: %v", err)
		}
		for _, line := range lines {
			if entry := entryOf(line); entry == "" {
				t.Errorf("%s: add to the table which test runs this line, or why none does", line)
			} else {
				used[line.Page+": "+entry] = true
			}
		}
	}
	for page, entries := range runs {
		for entry := range entries {
			if !used[page+": "+entry] {
				t.Errorf("%s has no command line that begins with %s", page, entry)
			}
		}
	}
	for page, firsts := range others {
		for _, first := range firsts {
			if !used[page+": "+first] {
				t.Errorf("%s has no block that begins with %s", page, first)
			}
		}
	}
}

// entryOf a line is the longest of its page with which it begins.
func entryOf(line Line) (longest string) {
	for entry := range runs[line.Page] {
		if rest, is := strings.CutPrefix(line.Text, entry); is && len(entry) > len(longest) && (rest == "" || rest[0] == ' ') {
			longest = entry
		}
	}
	return longest
}

var (
	namedTest   = regexp.MustCompile(`\bTest\w+`)
	namedTarget = regexp.MustCompile(`\bmake ([a-z0-9-]+)`)
	declaration = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
)

// Each test that the table names exists, and the verb of the command stands in a package of one that runs it; each target is one that a workflow runs.
func TestTheTableNamesWhatIsRun(t *testing.T) {
	packages := testPackages(t)
	var workflows string
	for _, name := range []string{"ci", "nightly"} {
		text, err := os.ReadFile(filepath.Join(root, ".github/workflows", name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		workflows += string(text)
	}
	for page, entries := range runs {
		for entry, how := range entries {
			tests, targets := namedTest.FindAllString(how, -1), namedTarget.FindAllStringSubmatch(how, -1)
			if len(tests)+len(targets) == 0 && !strings.HasPrefix(how, "not run") {
				t.Errorf("%s: %s: %q names no test, no target, and no reason", page, entry, how)
			}
			verb, hasVerb := verbOf(entry), strings.HasPrefix(how, "not run") || strings.Contains(how, onAnAPIServer) || len(tests) == 0
			for _, test := range tests {
				if packages[test] == "" {
					t.Errorf("%s: %s: there is no %s", page, entry, test)
				}
				hasVerb = hasVerb || strings.Contains(packages[test], `"`+verb+`"`) || strings.Contains(packages[test], `"`+entry)
			}
			if verb != "" && !hasVerb {
				t.Errorf("%s: %s: no package of %s has %q", page, entry, how, verb)
			}
			for _, target := range targets {
				if !regexp.MustCompile(`[ \[]` + target[1] + `[\n,\]]`).MatchString(workflows) {
					t.Errorf("%s: %s: no workflow runs make %s", page, entry, target[1])
				}
			}
		}
	}
}

// verbOf the command with which an entry begins; empty if it is none of kubectl's, of the plugin's, or of Helm's.
func verbOf(entry string) string {
	words := strings.Fields(entry)
	switch {
	case words[0] == "kubectl" && words[1] == "gosvc":
		return words[2]
	case words[0] == "kubectl" && words[1] == "-n":
		return words[3]
	case words[0] == "kubectl" || words[0] == "helm":
		return words[1]
	}
	return ""
}

// testPackages are the sources of the tests beside each test.
func testPackages(t *testing.T) map[string]string {
	t.Helper()
	sources := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		sources[filepath.Dir(path)] += string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{}
	for _, text := range sources {
		for _, match := range declaration.FindAllStringSubmatch(text, -1) {
			tests[match[1]] += text
		}
	}
	return tests
}
