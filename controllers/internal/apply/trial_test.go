// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"goservice.dev/operator/controllers/internal/build"
)

const (
	triesConfigMap  = "try to " + createsConfigMap
	triesDeployment = "try to " + createsDeployment
	createsAccount  = "apply ServiceAccount shop/checkout by goservice-operator forced at 1 owner owner"
)

// onTrial is a child that no schema has judged.
func onTrial(child build.Child) build.Child {
	child.Trial = true
	return child
}

// What no schema has judged is tried before anything is written, and nothing is written unless all of it is accepted.
func TestATrialComesBeforeEveryWrite(t *testing.T) {
	const triesUpdate = "try to " + updatesConfigMap
	cases := map[string]struct {
		existing          func(*unstructured.Unstructured) // nil: the cache holds none
		updateOnly        bool
		errs              map[string]error
		requests, results []string
		failures          []string
	}{
		"one that does not exist is tried as it will be created": {
			requests: []string{triesConfigMap, createsAccount, createsConfigMap}, results: []string{"ServiceAccount created", "ConfigMap created"},
		},
		"one that differs is tried as it will be applied": {
			existing: drifted, requests: []string{triesUpdate, createsAccount, updatesConfigMap}, results: []string{"ServiceAccount created", "ConfigMap updated"},
		},
		"one that is up to date is not tried": {
			existing: func(*unstructured.Unstructured) {}, requests: []string{createsAccount}, results: []string{"ServiceAccount created"},
		},
		"one that is refused keeps everything from being written": {
			errs: map[string]error{"try to apply ConfigMap": invalid}, requests: []string{triesConfigMap}, results: []string{"ConfigMap failed"},
			failures: []string{`Invalid ConfigMap/checkout: trying ConfigMap "checkout": `},
		},
		"one whose update is refused keeps everything from being written": {
			existing: drifted, errs: map[string]error{"try to apply ConfigMap": invalid}, requests: []string{triesUpdate}, results: []string{"ConfigMap failed"},
			failures: []string{`Invalid ConfigMap/checkout: trying ConfigMap "checkout": `},
		},
		"one that cannot be tried keeps everything from being written": {
			errs: map[string]error{"try to apply ConfigMap": breakdown}, requests: []string{triesConfigMap}, results: []string{"ConfigMap failed"},
			failures: []string{`Transient ConfigMap/checkout: trying ConfigMap "checkout": `},
		},
		"one whose name another has is no matter of the trial": {
			errs: map[string]error{"try to apply ConfigMap": conflict}, requests: []string{triesConfigMap, createsAccount, createsConfigMap},
			results: []string{"ServiceAccount created", "ConfigMap created"},
		},
		"one that a webhook refuses with the code of a conflict": {
			errs: map[string]error{"try to apply ConfigMap": frozen}, requests: []string{triesConfigMap}, results: []string{"ConfigMap failed"},
			failures: []string{`Denied ConfigMap/checkout: trying ConfigMap "checkout": `},
		},
		"one that was replaced is no failure that counts": {
			existing: drifted, errs: map[string]error{"try to apply ConfigMap": conflict}, requests: []string{triesUpdate},
			failures: []string{`Stale ConfigMap/checkout: trying ConfigMap "checkout": the cache lags behind the API server`},
		},
		"one that does not exist, for an owner that is being deleted": {updateOnly: true},
		"one that exists, for an owner that is being deleted": {
			existing: drifted, updateOnly: true, requests: []string{triesUpdate, updatesConfigMap}, results: []string{"ConfigMap updated"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			s.errs = c.errs
			child := onTrial(childOf(configMapKind, "checkout"))
			pass := passOf([]build.Child{childOf(accountKind, "checkout"), child})
			if c.existing != nil {
				pass.Existing[Key{configMapKind, "checkout"}] = existing(t, child, c.existing)
			}
			pass.UpdateOnly = c.updateOnly
			expectFailures(t, engine.Apply(t.Context(), pass), c.failures...)
			s.expect(c.requests, c.results)
		})
	}
}

// Every child that is on trial is tried, until one is refused.
func TestTrialsEndWithTheFirstThatIsRefused(t *testing.T) {
	desired := []build.Child{onTrial(childOf(configMapKind, "checkout")), onTrial(childOf(deploymentKind, "checkout")), onTrial(childOf(accountKind, "checkout"))}
	s, engine := newEngine(t)
	s.errs["try to apply Deployment"] = invalid
	pass := passOf(desired, existing(t, childOf(serviceKind, "old"), nil))
	expectFailures(t, engine.Apply(t.Context(), pass), "Invalid Deployment/checkout: trying")
	s.expect([]string{triesConfigMap, triesDeployment}, []string{"Deployment failed"})
}

// For an owner that is being deleted, what does not exist is passed over, and what exists is tried.
func TestWhatIsNotMadeIsNotTried(t *testing.T) {
	s, engine := newEngine(t)
	configMap := onTrial(childOf(configMapKind, "checkout"))
	pass := passOf([]build.Child{onTrial(childOf(accountKind, "checkout")), configMap}, existing(t, configMap, drifted))
	pass.UpdateOnly = true
	expectFailures(t, engine.Apply(t.Context(), pass))
	s.expect([]string{"try to " + updatesConfigMap, updatesConfigMap}, []string{"ConfigMap updated"})
}

// A trial is of all that is sent when a child is created, its seeded fields included.
func TestATrialHasSeededFields(t *testing.T) {
	s, engine := newEngine(t)
	child := onTrial(childOf(deploymentKind, "checkout"))
	child.Seed = replicas(2)
	expectFailures(t, engine.Apply(t.Context(), passOf([]build.Child{child})))
	s.expect([]string{triesDeployment + " replicas 2", createsDeployment + " replicas 2"}, []string{"Deployment created"})
}

// What was applied is not tried again before something new is seen.
func TestWhatWasAppliedIsNotTriedAgain(t *testing.T) {
	s, engine := newEngine(t)
	child := onTrial(childOf(configMapKind, "checkout"))
	expectFailures(t, engine.Apply(t.Context(), passOf([]build.Child{child})))
	s.expect([]string{triesConfigMap, createsConfigMap}, []string{"ConfigMap created"})
	at := func(version string) *unstructured.Unstructured {
		return existing(t, child, func(o *unstructured.Unstructured) {
			drifted(o) // so that a look at it would cost requests
			o.SetResourceVersion(version)
		})
	}
	expectFailures(t, engine.Apply(t.Context(), passOf([]build.Child{child}, at("999"))))
	s.expect(nil, nil)
	expectFailures(t, engine.Apply(t.Context(), passOf([]build.Child{child}, at("1001"))))
	s.expect([]string{"try to " + updatesConfigMap, updatesConfigMap}, []string{"ConfigMap updated"})
}

func TestWhatCannotBeEncodedFailsItsTrial(t *testing.T) {
	odd := childOf(deploymentKind, "checkout")
	odd.Template = []byte(`[]`)
	for want, child := range map[string]build.Child{
		`encoding ConfigMap "checkout": `:                     {Kind: configMapKind, Name: "checkout", Configuration: make(chan int)},
		`reading the pod template of Deployment "checkout": `: odd,
	} {
		s, engine := newEngine(t)
		err := engine.Apply(t.Context(), passOf([]build.Child{childOf(accountKind, "checkout"), onTrial(child)}))
		failures := Failures(err)
		if err == nil || !strings.HasPrefix(err.Error(), want) || len(failures) != 1 || failures[0].Kind != child.Kind.Kind || failures[0].Name != child.Name {
			t.Errorf("error %v, failures %+v; want one that begins with %s", err, failures, want)
		}
		s.expect(nil, nil)
	}
}

// unreadable is a child as a typed cache may hold it whose managers make no sense.
func unreadable() *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "checkout", UID: "uid-checkout", ResourceVersion: "50",
		ManagedFields: []metav1.ManagedFieldsEntry{manager("odd", metav1.ManagedFieldsOperationUpdate, `{`)},
	}}
}

// What cannot be compared may differ: it is tried, and never written.
func TestWhatCannotBeComparedIsNotWritten(t *testing.T) {
	for name, c := range map[string]struct {
		child    build.Child
		requests []string
	}{
		"without a trial": {childOf(configMapKind, "checkout"), nil},
		"on trial":        {onTrial(childOf(configMapKind, "checkout")), []string{"try to " + updatesConfigMap}},
	} {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			pass := passOf([]build.Child{c.child})
			pass.Existing[Key{configMapKind, "checkout"}] = unreadable()
			expectFailures(t, engine.Apply(t.Context(), pass), `Transient ConfigMap/checkout: comparing ConfigMap "checkout": `)
			s.expect(c.requests, nil)
		})
	}
}
