// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

var secondsTaken = regexp.MustCompile(`after \d+\.\d\d s`)

// stage is an output that lets something happen when a line is written: what stands for the operator acts on what the person has seen.
type stage struct {
	bytes.Buffer
	acts map[string]func()
}

func (s *stage) Write(text []byte) (int, error) {
	n, err := s.Buffer.Write(text)
	for line, act := range s.acts {
		if strings.Contains(string(text), line) {
			act()
		}
	}
	return n, err
}

// confirm writes the status that an operator writes once some pods have confirmed the spec as it is.
func confirm(t *testing.T, namespace string, confirmed, total int32, status metav1.ConditionStatus, reason string) {
	t.Helper()
	var service v1alpha1.GoService
	if err := api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "checkout"}, &service); err != nil {
		t.Fatal(err)
	}
	service.Status.ObservedGeneration = service.Generation
	service.Status.LiveSettings = &v1alpha1.LiveSettingsStatus{Revision: "0a1b2c", ConfirmedPods: confirmed, TotalPods: total, RequestsPerSecondPerPod: "666.7/s"}
	meta.SetStatusCondition(&service.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionTuned, Status: status, Reason: reason, ObservedGeneration: service.Generation,
		Message: "a pod says: rateLimit.requestsPerSecond is 4000, and must be at most 1000",
	})
	if err := api.Status().Update(t.Context(), &service); err != nil {
		t.Fatal(err)
	}
}

// staged runs a command line while acts happen.
func staged(t *testing.T, namespace string, acts map[string]func(), arguments ...string) result {
	t.Helper()
	out, errOut := &stage{acts: acts}, &bytes.Buffer{}
	code := Run(t.Context(), Environment{In: strings.NewReader(""), Out: out, ErrOut: errOut, Version: "v0.1.0", Now: func() time.Time { return noon }},
		append([]string{"--kubeconfig", kubeconfig(t, testConfig, namespace)}, arguments...))
	return result{code, out.String(), errOut.String()}
}

func TestRetuneTellsOfThePodsAsTheyConfirm(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	create(t, namespace, "steady")
	r := staged(t, namespace, map[string]func(){
		"→":      func() { confirm(t, namespace, 2, 6, metav1.ConditionFalse, v1alpha1.ReasonConfirming) },
		"2 of 6": func() { confirm(t, namespace, 6, 6, metav1.ConditionTrue, v1alpha1.ReasonConfirmed) },
	}, "retune", "checkout", "--rate", "4000", "--wait")
	if r.code != 0 || r.err != "" {
		t.Fatalf("exit code %d: %s", r.code, r.err)
	}
	isGolden(t, "retune.txt", namespace, secondsTaken.ReplaceAllString(r.out, "after X s"))
	var service v1alpha1.GoService
	if err := api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "checkout"}, &service); err != nil {
		t.Fatal(err)
	}
	if got := service.Spec.RateLimit; got.RequestsPerSecond != 4000 || got.Burst != nil || got.Scope != v1alpha1.ScopeService {
		t.Errorf("the limit is %+v", got)
	}
}

func TestRetuneForPrograms(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	create(t, namespace, "steady")
	var got retuned
	if err := json.Unmarshal([]byte(succeeds(t, namespace, "retune", "checkout", "--rate", "100", "--burst", "20", "-o", "json")), &got); err != nil {
		t.Fatal(err)
	}
	if got.RequestsPerSecond != 100 || *got.Burst != 20 || got.Generation != 2 || got.Waited {
		t.Errorf("%+v", got)
	}
}

func TestRetuneEndsWhenAPodRefuses(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	create(t, namespace, "steady")
	r := staged(t, namespace, map[string]func(){
		"→": func() { confirm(t, namespace, 5, 6, metav1.ConditionFalse, v1alpha1.ReasonRejectedByPods) },
	}, "retune", "checkout", "--rate", "4000", "--wait")
	if r.code != 1 || !strings.Contains(r.err, "must be at most 1000; pods keep their last valid settings") {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
}

func TestRetuneWithoutPodsDoesNotWait(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	create(t, namespace, "steady")
	r := staged(t, namespace, map[string]func(){
		"→": func() { confirm(t, namespace, 0, 0, metav1.ConditionUnknown, v1alpha1.ReasonNoPods) },
	}, "retune", "checkout", "--rate", "4000", "--wait")
	if r.code != 0 || !strings.HasSuffix(r.out, "no pod runs; those that start begin with it\n") {
		t.Errorf("exit code %d: %s%s", r.code, r.out, r.err)
	}
}

func TestARetuneThatIsRefusedSaysFieldValueAndRule(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	create(t, namespace, "steady", func(service *v1alpha1.GoService) { service.Spec.Paused = true })
	create(t, namespace, "steady", func(service *v1alpha1.GoService) {
		service.Name, service.Spec.RateLimit = "foreign", nil
		service.Spec.Observability = &v1alpha1.ObservabilitySpec{Metrics: &v1alpha1.MetricsSpec{Indicators: v1alpha1.IndicatorsPrometheus}}
	})
	cases := map[string]struct {
		code      int
		arguments []string
		want      string
	}{
		"no rate":               {2, []string{"retune", "checkout"}, "--rate (spec.rateLimit.requestsPerSecond) is needed"},
		"a rate of 0":           {2, []string{"retune", "checkout", "--rate", "0"}, "--rate (spec.rateLimit.requestsPerSecond) is 0, and must be from 1 to 10000000"},
		"a burst that is large": {2, []string{"retune", "checkout", "--rate", "1", "--burst", "10000001"}, "--burst (spec.rateLimit.burst) is 10000001, and must be"},
		"a rate in words":       {2, []string{"retune", "checkout", "--rate", "many"}, `"many"`},
		"no time to wait":       {2, []string{"retune", "checkout", "--rate", "1", "--timeout", "0s"}, "--timeout is 0s, and must be above 0s"},
		"paused":                {1, []string{"retune", "checkout", "--rate", "1", "--wait"}, "kubectl gosvc resume checkout -n " + namespace + " first"},
		"not on the toolkit":    {1, []string{"retune", "foreign", "--rate", "1"}, "refused, nothing is changed: spec.observability.metrics.indicators: Invalid value: observability.metrics.indicators other than Toolkit needs image, and none of rateLimit"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if said := fails(t, c.code, namespace, c.arguments...); !strings.Contains(said, c.want) {
				t.Errorf("it says %q, which has not %q", said, c.want)
			}
		})
	}
}

func TestAWaitThatTakesTooLongSaysWhereToLook(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	create(t, namespace, "steady")
	r := gosvc(t, namespace, "retune", "checkout", "--rate", "1", "--wait", "--timeout", "1ns")
	if r.code != 1 || !strings.Contains(r.err, "kubectl gosvc explain checkout -n "+namespace) {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
}

// applied creates a GoService as a tool does that applies on the server's side.
func applied(t *testing.T, namespace, manager string) {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"paused": false, "rateLimit": map[string]any{"requestsPerSecond": int64(100)},
	}}}
	object.SetGroupVersionKind(v1alpha1.GoServiceKind)
	object.SetNamespace(namespace)
	object.SetName("checkout")
	if err := api.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(manager)); err != nil {
		t.Fatal(err)
	}
}

func TestWhatAToolOwnsIsOnlyChangedByForce(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	applied(t, namespace, "argocd-controller")
	for _, arguments := range [][]string{{"retune", "checkout", "--rate", "200"}, {"pause", "checkout"}} {
		said := fails(t, 1, namespace, arguments...)
		if !strings.Contains(said, `belongs to "argocd-controller"`) || !strings.Contains(said, "--force") {
			t.Errorf("%v says %q", arguments, said)
		}
	}
	r := gosvc(t, namespace, "retune", "checkout", "--rate", "200", "--force")
	if r.code != 0 || !strings.HasPrefix(r.err, `note: "argocd-controller" owned spec.rateLimit.requestsPerSecond`) {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	isGolden(t, "retune-force.txt", namespace, r.out)
	succeeds(t, namespace, "retune", "checkout", "--rate", "300", "--burst", "30") // it is the plugin's now
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	create(t, namespace, "steady")
	var said strings.Builder
	for _, command := range []string{"pause", "pause", "resume", "resume"} {
		said.WriteString(succeeds(t, namespace, command, "checkout"))
		var service v1alpha1.GoService
		if err := api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "checkout"}, &service); err != nil {
			t.Fatal(err)
		}
		if service.Spec.Paused != (command == "pause") {
			t.Errorf("after %s, spec.paused is %t", command, service.Spec.Paused)
		}
	}
	isGolden(t, "pause.txt", namespace, said.String())
	for i, want := range []pausing{{namespace, "checkout", 4, true, true}, {namespace, "checkout", 4, true, false}} {
		var got pausing
		if err := json.Unmarshal([]byte(succeeds(t, namespace, "pause", "checkout", "-o", "json")), &got); err != nil || got != want {
			t.Errorf("%d: %+v, %v; want %+v", i, got, err, want)
		}
	}
}
