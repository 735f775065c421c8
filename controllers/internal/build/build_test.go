// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/workload/livesettings"
	v0 "goservice.dev/operator/workload/livesettings/v0"
)

var update = flag.Bool("update", false, "write testdata/*/want.yaml from what is built")

// goldenInput is testdata/<case>/input.yaml: a GoService as a user writes it, with the schema's defaults filled in, and
// what was observed.
type goldenInput struct {
	// ServiceMonitors says whether the cluster knows that kind.
	ServiceMonitors bool `json:"serviceMonitors,omitempty"`
	// Routes says whether it knows those of Gateway API.
	Routes bool `json:"routes,omitempty"`
	// ClassicHistograms says whether it has the field scrapeClassicHistograms.
	ClassicHistograms bool  `json:"classicHistograms,omitempty"`
	RunningPods       int32 `json:"runningPods,omitempty"`
	// OlderPods says whether pods mount the older form of live settings.
	OlderPods bool               `json:"olderPods,omitempty"`
	Service   v1alpha1.GoService `json:"service"`
}

const testImage = "goservice.dev/workload:test"

// testPeers are the operator and Prometheus.
func testPeers() []networkingv1.NetworkPolicyPeer {
	in := func(namespace string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}}
	}
	return []networkingv1.NetworkPolicyPeer{{NamespaceSelector: in("goservice-system")}, {NamespaceSelector: in("monitoring")}}
}

func (g goldenInput) build(t *testing.T) Desired {
	t.Helper()
	desired, err := Build(&g.Service, plan.Compute(&g.Service.Spec, plan.Observed{Sharing: g.RunningPods}), Environment{
		WorkloadImage: testImage, OptionalKinds: map[schema.GroupVersionKind]bool{
			ServiceMonitorKind: g.ServiceMonitors, HTTPRouteKind: g.Routes, GRPCRouteKind: g.Routes,
		},
		AutoscalerTolerance: true, OlderPods: g.OlderPods, ClassicHistograms: g.ClassicHistograms, MetricsFrom: testPeers(),
	})
	if err != nil {
		t.Fatalf("building: %v", err)
	}
	return desired
}

func readInput(t *testing.T, folder string) goldenInput {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "input.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var input goldenInput
	if err := yaml.UnmarshalStrict(text, &input); err != nil {
		t.Fatalf("%s: %v", folder, err)
	}
	return input
}

// everyCase runs a test on each folder of testdata.
func everyCase(t *testing.T, test func(t *testing.T, folder string, input goldenInput)) {
	t.Helper()
	folders, err := filepath.Glob("testdata/*")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no cases in testdata: %v", err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) { test(t, folder, readInput(t, folder)) })
	}
}

// rendered is every child as it is sent, in the order of applying, and the fields that are only seeded.
func rendered(t *testing.T, desired Desired) []byte {
	t.Helper()
	var text bytes.Buffer
	write := func(comment string, content any) {
		encoded, err := yaml.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString("---\n" + comment + string(encoded))
	}
	for _, child := range desired.Children {
		object, err := child.Unstructured()
		if err != nil {
			t.Fatal(err)
		}
		if child.Template != nil {
			// It holds the same template once more, in gzip; template_test.go reads it.
			unstructured.RemoveNestedField(object, "metadata", "annotations", annotationTemplate)
		}
		write("", object)
		if child.Seed != nil {
			write("# set once on "+child.Kind.Kind+" "+child.Name+"\n", child.Seed)
		}
	}
	return text.Bytes()
}

func TestGolden(t *testing.T) {
	everyCase(t, func(t *testing.T, folder string, input goldenInput) {
		got := rendered(t, input.build(t))
		golden := filepath.Join(folder, "want.yaml")
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatalf("%v; write it by: go test ./controllers/internal/build -update", err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("what is built differs from %s (-want +got); if it should: go test ./controllers/internal/build -update\n%s", golden, diff)
		}
	})
}

func TestTwoBuildsAreEqual(t *testing.T) {
	everyCase(t, func(t *testing.T, _ string, input goldenInput) {
		first, second := input.build(t), input.build(t)
		if diff := cmp.Diff(string(rendered(t, first)), string(rendered(t, second))); diff != "" {
			t.Errorf("two builds of one input differ:\n%s", diff)
		}
		if diff := cmp.Diff(first.LiveSettings, second.LiveSettings); diff != "" {
			t.Errorf("two builds of one input have other live settings:\n%s", diff)
		}
	})
}

func TestNothingIsSharedWithTheInput(t *testing.T) {
	everyCase(t, func(t *testing.T, _ string, input goldenInput) {
		p := plan.Compute(&input.Service.Spec, plan.Observed{Sharing: 3})
		planBefore, serviceBefore := encode(t, p), input.Service.DeepCopy()
		environment := Environment{WorkloadImage: testImage, OptionalKinds: map[schema.GroupVersionKind]bool{ServiceMonitorKind: true}, MetricsFrom: testPeers()}
		desired, err := Build(&input.Service, p, environment)
		if err != nil {
			t.Fatal(err)
		}
		for _, child := range desired.Children {
			spoil(child.Configuration)
		}
		if diff := cmp.Diff(*serviceBefore, input.Service); diff != "" {
			t.Errorf("writing into what was built changed the GoService:\n%s", diff)
		}
		if diff := cmp.Diff(planBefore, encode(t, p)); diff != "" {
			t.Errorf("writing into what was built changed the plan:\n%s", diff)
		}
		if diff := cmp.Diff(testPeers(), environment.MetricsFrom); diff != "" {
			t.Errorf("writing into what was built changed the environment:\n%s", diff)
		}
	})
}

func encode(t *testing.T, value any) string {
	t.Helper()
	encoded, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

func TestWhatEveryChildHas(t *testing.T) {
	everyCase(t, func(t *testing.T, _ string, input goldenInput) {
		known := map[schema.GroupVersionKind]bool{}
		for _, kind := range Kinds() {
			known[kind.GroupVersionKind] = true
		}
		seen := map[string]bool{}
		for _, child := range input.build(t).Children {
			object, err := child.Unstructured()
			if err != nil {
				t.Fatal(err)
			}
			metadata := object["metadata"].(map[string]any)
			id := child.Kind.Kind + "/" + child.Name
			if seen[id] {
				t.Errorf("%s is built twice", id)
			}
			seen[id] = true
			if !known[child.Kind] {
				t.Errorf("%s is of a kind that is not in the table", id)
			}
			if got := schema.FromAPIVersionAndKind(object["apiVersion"].(string), object["kind"].(string)); got != child.Kind {
				t.Errorf("%s calls itself %s", id, got)
			}
			if metadata["name"] != child.Name || metadata["namespace"] != input.Service.Namespace {
				t.Errorf("%s is named %v/%v", id, metadata["namespace"], metadata["name"])
			}
			if len(child.Name) > maxNameLength {
				t.Errorf("%s has a name of %d characters", id, len(child.Name))
			}
			labels := metadata["labels"].(map[string]any)
			if labels[LabelManagedBy] != ManagedBy || labels[labelName] != input.Service.Name {
				t.Errorf("%s has the labels %v", id, labels)
			}
			if _, has := object["status"]; has {
				t.Errorf("%s owns a status", id)
			}
		}
	})
}

// The revision that pods must confirm is that of the document they are given.
func TestRevisionIsOfTheDocumentInTheConfigMap(t *testing.T) {
	everyCase(t, func(t *testing.T, _ string, input goldenInput) {
		desired := input.build(t)
		for _, child := range desired.Children {
			if child.Kind != configMapKind {
				continue
			}
			if !plan.OnToolkit(&input.Service.Spec) {
				t.Errorf("pods that take no live settings have %s", child.Name)
				return
			}
			object, err := child.Unstructured()
			if err != nil {
				t.Fatal(err)
			}
			document, err := livesettings.Parse([]byte(object["data"].(map[string]any)[livesettings.FileName].(string)))
			if err != nil {
				t.Fatalf("pods would refuse the document: %v", err)
			}
			if digest, err := document.Digest(); err != nil || document.Revision != digest {
				t.Errorf("the document has revision %q, its content %s (%v)", document.Revision, digest, err)
			}
			if diff := cmp.Diff(desired.LiveSettings, document); diff != "" {
				t.Errorf("the document is not the one that was built:\n%s", diff)
			}
			return
		}
		if plan.OnToolkit(&input.Service.Spec) {
			t.Error("there is no ConfigMap of live settings")
		}
	})
}

// Pods of the version with the strict parser take what is rendered for them and report the revision that is expected of them.
func TestOlderPodsAcceptTheirLiveSettings(t *testing.T) {
	everyCase(t, func(t *testing.T, _ string, input goldenInput) {
		if !plan.OnToolkit(&input.Service.Spec) {
			return // has none
		}
		input.OlderPods = false
		without := input.build(t)
		input.OlderPods = true
		with := input.build(t)
		name := OlderLiveSettingsName(input.Service.Name)
		var others []Child
		text := ""
		for _, child := range with.Children {
			if child.Kind != configMapKind || child.Name != name {
				others = append(others, child)
				continue
			}
			text = child.Configuration.(*corev1ac.ConfigMapApplyConfiguration).Data["tuning.json"]
		}
		document, err := v0.Parse([]byte(text))
		if err != nil {
			t.Fatalf("older pods refuse %s: %v", text, err)
		}
		if revision, err := document.Revision(); err != nil || revision != with.OlderRevision {
			t.Errorf("older pods report revision %s (%v), %s is expected", revision, err, with.OlderRevision)
		}
		if document.Pool.Workers != with.LiveSettings.Pool.Workers || document.LogLevel != with.LiveSettings.LogLevel {
			t.Errorf("older pods get %s, others %+v", text, with.LiveSettings)
		}
		with.Children = others
		if diff := cmp.Diff(string(rendered(t, without)), string(rendered(t, with))); diff != "" || without.OlderRevision != "" {
			t.Errorf("revision %q without older pods; what else differs (-without +with):\n%s", without.OlderRevision, diff)
		}
	})
}

func TestOlderPodsAreSparedFieldsThatTheyDoNotKnow(t *testing.T) {
	later, err := os.ReadFile(filepath.Join("..", "..", "..", "workload", "livesettings", "testdata", "skew", "document-later.json"))
	if err != nil {
		t.Fatal(err)
	}
	older, revision, err := olderForm(later)
	if err != nil {
		t.Fatal(err)
	}
	document, err := v0.Parse(older)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := document.Revision(); err != nil || got != revision || document.RateLimit.Pods["checkout-1"].Burst != 120 {
		t.Errorf("revision %s (%v), want %s, of %s", got, err, revision, older)
	}
}

func TestBuildRefusesAPlanThatMakesNoValidDocument(t *testing.T) {
	var service v1alpha1.GoService
	service.Name, service.Namespace = "checkout", "shop"
	p := plan.Compute(&service.Spec, plan.Observed{})
	p.Workers.Value = 0
	_, err := Build(&service, p, Environment{WorkloadImage: testImage})
	if err == nil || !strings.Contains(err.Error(), "pool.workers") || !strings.Contains(err.Error(), "shop/checkout") {
		t.Errorf("error %v, want one that names pool.workers and the GoService", err)
	}
}

func TestPrometheusDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Second: "1s", 15 * time.Second: "15s", 5 * time.Minute: "300s", 1500 * time.Millisecond: "1500ms",
	} {
		if got := prometheusDuration(d); got != want {
			t.Errorf("prometheusDuration(%s) = %s, want %s", d, got, want)
		}
	}
}
