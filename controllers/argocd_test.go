// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
)

// specOf is the spec in a file of those that the actions of Argo CD start from or make.
func specOf(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "config", "argocd", "resource_customizations", "goservice.dev", "GoService", "actions", "testdata", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var content struct {
		Spec map[string]any `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &content); err != nil {
		t.Fatal(err)
	}
	spec, err := yaml.Marshal(content.Spec)
	if err != nil {
		t.Fatal(err)
	}
	return string(spec)
}

// The actions have tests of their own, in hack/argocd; this is what becomes of their result.
func TestTheActionsOfArgoCDDoWhatTheySay(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	applyService(t, namespace, specOf(t, "running"))
	settled(t, namespace, serviceName)
	var before, after appsv1.Deployment
	get(t, namespace, serviceName, &before)

	applyService(t, namespace, specOf(t, "restarted"))
	eventually(t, func(g gomega.Gomega) {
		g.Expect(api.Get(t.Context(), clientKey(namespace, serviceName), &after)).To(gomega.Succeed())
		g.Expect(after.Spec.Template.Annotations).To(gomega.HaveKeyWithValue("kubectl.kubernetes.io/restartedAt", "2026-01-02T12:00:00Z"))
	})
	if after.Generation != before.Generation+1 {
		t.Errorf("generation %d after %d: a restart is one rollout", after.Generation, before.Generation)
	}

	for _, step := range []struct {
		spec   string
		paused bool
	}{{"paused", true}, {"resumed", false}, {"minimal_paused", true}, {"minimal_resumed", false}} {
		applyService(t, namespace, specOf(t, step.spec))
		eventually(t, func(g gomega.Gomega) {
			var service v1alpha1.GoService
			g.Expect(api.Get(t.Context(), clientKey(namespace, serviceName), &service)).To(gomega.Succeed())
			g.Expect(service.Status.ObservedGeneration).To(gomega.Equal(service.Generation))
			paused := 0
			for _, c := range service.Status.Conditions {
				if c.Type == v1alpha1.ConditionPaused {
					paused++
				}
			}
			g.Expect(paused == 1).To(gomega.Equal(step.paused), step.spec)
		})
	}
}
