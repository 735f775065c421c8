// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
)

// what a team runs.
const manifests = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout, labels: {team: red}}
spec:
  replicas: 3
  selector: {matchLabels: {app: checkout}}
  template:
    metadata: {labels: {app: checkout}}
    spec:
      containers:
        - name: app
          image: registry.example/checkout:1
          ports: [{name: web, containerPort: 8080}]
          resources: {requests: {cpu: 500m, memory: 256Mi}, limits: {memory: 512Mi}}
          readinessProbe: {httpGet: {path: /ready, port: web}}
---
apiVersion: v1
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{name: web, port: 80, targetPort: web}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: checkout-pdb}
spec: {minAvailable: 2, selector: {matchLabels: {app: checkout}}}
---
apiVersion: v1
kind: Service
metadata: {name: other}
spec: {selector: {app: other}, ports: [{port: 80}]}
`

func runTeam(t *testing.T, namespace string) {
	t.Helper()
	for document := range strings.SplitSeq(manifests, "---\n") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			t.Fatal(err)
		}
		object.SetNamespace(namespace)
		if err := api.Create(t.Context(), object, client.FieldOwner("kubectl-client-side-apply")); err != nil {
			t.Fatal(err)
		}
	}
}

// untouched says that there is no GoService and no annotation.
func untouched(t *testing.T, namespace string) {
	t.Helper()
	key := client.ObjectKey{Namespace: namespace, Name: "checkout"}
	if err := api.Get(t.Context(), key, &v1alpha1.GoService{}); !apierrors.IsNotFound(err) {
		t.Errorf("there is a GoService (%v)", err)
	}
	var deployment appsv1.Deployment
	if err := api.Get(t.Context(), key, &deployment); err != nil || deployment.Annotations[adoptAnnotation] != "" {
		t.Errorf("the Deployment has the annotations %v (%v)", deployment.Annotations, err)
	}
}

func TestAdoptShowsWhatItWouldDo(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	runTeam(t, namespace)
	r := gosvc(t, namespace, "adopt", "deployment/checkout", "--dry-run")
	if r.code != 0 {
		t.Fatal(r.err)
	}
	isGolden(t, "adopt.yaml", namespace, r.out)
	isGolden(t, "adopt.txt", namespace, r.err)
	untouched(t, namespace)
	var service v1alpha1.GoService
	if err := yaml.UnmarshalStrict([]byte(r.out), &service); err != nil {
		t.Fatal(err)
	}
	if err := api.Create(t.Context(), &service, client.DryRunAll); err != nil {
		t.Errorf("the API server refuses what is printed: %v", err)
	}
}

func TestAdoptForPrograms(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	runTeam(t, namespace)
	read := func(arguments ...string) (document adopted) {
		r := staged(t, namespace, nil, append([]string{"adopt", "deployment/checkout", "-o", "json"}, arguments...)...)
		if r.code != 0 {
			t.Fatal(r.err)
		}
		if err := json.Unmarshal([]byte(r.out), &document); err != nil {
			t.Fatalf("%v: %s", err, r.out)
		}
		return document
	}
	shown := read("--dry-run")
	if shown.Adopted || shown.Service["kind"] != "GoService" || len(shown.Changes) == 0 || len(shown.Notes) == 0 || shown.Notes[0].Reason == "" {
		t.Errorf("%+v", shown)
	}
	untouched(t, namespace)
	go func() { // the operator
		for t.Context().Err() == nil {
			var service v1alpha1.GoService
			if api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "checkout"}, &service) == nil {
				meta.SetStatusCondition(&service.Status.Conditions, metav1.Condition{
					Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady, ObservedGeneration: service.Generation,
				})
				if api.Status().Update(t.Context(), &service) == nil {
					return
				}
			}
			<-time.After(10 * time.Millisecond)
		}
	}()
	if done := read("--yes"); !done.Adopted || done.Seconds <= 0 || len(done.Taken) != 3 {
		t.Errorf("%+v", done)
	}
}

func TestNobodyIsTakenOverWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	runTeam(t, namespace)
	r := gosvc(t, namespace, "adopt", "deployment/checkout") // its standard input is empty
	if r.code != 1 || !strings.Contains(r.err, "use --yes. Nothing is changed") {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	untouched(t, namespace)
}

func TestAdoptHandsOverAndFollowsTheOperator(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	runTeam(t, namespace)
	tell := func(status metav1.ConditionStatus, reason, message string) func() {
		return func() {
			var service v1alpha1.GoService
			if err := api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "checkout"}, &service); err != nil {
				t.Error(err)
				return
			}
			service.Status.ObservedGeneration = service.Generation
			meta.SetStatusCondition(&service.Status.Conditions, metav1.Condition{
				Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: message, ObservedGeneration: service.Generation,
			})
			if err := api.Status().Update(t.Context(), &service); err != nil {
				t.Error(err)
			}
		}
	}
	r := staged(t, namespace, map[string]func(){
		"handed over": tell(metav1.ConditionFalse, v1alpha1.ReasonRollingOut, "1 of 3 pods have the latest template"),
		"RollingOut":  tell(metav1.ConditionTrue, v1alpha1.ReasonReady, "the latest spec is rolled out"),
	}, "adopt", "deploy/checkout", "--yes")
	if r.code != 0 {
		t.Fatalf("exit code %d: %s", r.code, r.err)
	}
	want := []string{
		"checkout  created", "checkout  handed over: deployment/checkout, service/checkout, pdb/checkout-pdb",
		"checkout  RollingOut: 1 of 3 pods have the latest template", "checkout  adopted: Ready after ",
	}
	lines := strings.Split(r.out, "\n")
	for i, line := range want {
		if len(lines) <= i || !strings.HasPrefix(lines[i], line) {
			t.Fatalf("line %d is not %q:\n%s", i, line, r.out)
		}
	}
	for name, adopted := range map[string]bool{"checkout": true, "other": false} {
		var service corev1.Service
		if err := api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &service); err != nil {
			t.Fatal(err)
		}
		if (service.Annotations[adoptAnnotation] == "checkout") != adopted {
			t.Errorf("Service %s has the annotations %v", name, service.Annotations)
		}
	}
	if again := gosvc(t, namespace, "adopt", "deploy/checkout", "--yes"); again.code != 1 || !strings.Contains(again.err, `there is a GoService "checkout" already`) {
		t.Errorf("exit code %d: %s", again.code, again.err)
	}
}

func TestWhatCannotBeAdoptedIsSaid(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	for want, arguments := range map[string][]string{
		`"checkout" is not a Deployment; name it as deployment/NAME`: {"adopt", "checkout"},
		"is not a Deployment": {"adopt", "statefulset/db"},
		`--indicators is "Statsd", and must be one of Toolkit, OpenTelemetry, Prometheus, GRPC`: {"adopt", "deploy/a", "--indicators", "Statsd"},
		"--timeout is -1s": {"adopt", "deploy/a", "--timeout=-1s"},
	} {
		if said := fails(t, 2, namespace, arguments...); !strings.Contains(said, want) {
			t.Errorf("%v says %q", arguments, said)
		}
	}
	if said := fails(t, 1, namespace, "adopt", "deploy/a", "--dry-run"); !strings.Contains(said, `there is no Deployment "a" in namespace "`+namespace) {
		t.Error(said)
	}
}
