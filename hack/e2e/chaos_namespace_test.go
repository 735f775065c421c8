// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// doomed is how many services are deleted with their namespace.
const doomed = 200

// A namespace goes with all of its services, and the operator has nothing to complain of: it does not write to what is
// leaving, and takes nothing for an error that the end of a namespace brings.
func TestChaosNamespaceIsDeleted(t *testing.T) {
	j := newJourney(t)
	j.operatorReady()
	var list strings.Builder
	for i := range doomed {
		list.WriteString(manifest(fmt.Sprintf("doomed-%03d", i), map[string]any{
			"replicas": 1, "rateLimit": map[string]any{"requestsPerSecond": 10},
			"resources": map[string]any{"requests": map[string]any{"cpu": "1m", "memory": "8Mi"}, "limits": map[string]any{"memory": "64Mi"}},
		}) + "\n")
	}
	j.apply(list.String())
	j.eventually(func(g gomega.Gomega) {
		var services v1alpha1.GoServiceList
		g.Expect(cluster.client.List(j.ctx, &services, client.InNamespace(j.namespace))).To(gomega.Succeed())
		applied := 0
		for i := range services.Items {
			if meta.IsStatusConditionTrue(services.Items[i].Status.Conditions, v1alpha1.ConditionApplied) {
				applied++
			}
		}
		g.Expect(applied).To(gomega.Equal(doomed))
	}).Should(gomega.Succeed())

	refusedBefore, since := j.refusedWrites(), time.Now()
	j.kubectl("", "delete", "namespace", j.namespace, "--wait=false")
	j.eventually(func() bool {
		var namespace corev1.Namespace
		return apierrors.IsNotFound(cluster.client.Get(j.ctx, client.ObjectKey{Name: j.namespace}, &namespace))
	}).WithTimeout(3 * patience).Should(gomega.BeTrue())
	t.Logf("%d services were gone after %s", doomed, time.Since(since).Round(time.Second))
	complaints := j.complaints(since)
	t.Logf("%d error lines", len(complaints))
	j.Expect(complaints).To(gomega.BeEmpty())
	j.Expect(j.refusedWrites()).To(gomega.Equal(refusedBefore), "no write was refused")
}

// complaints are the lines of both operators' logs that tell an error.
func (j *journey) complaints(since time.Time) []string {
	j.t.Helper()
	output, err := exec.CommandContext(j.ctx, "kubectl", "-n", operatorNamespace, "logs", "-l", "control-plane=controller-manager",
		"--tail=-1", "--since-time="+since.UTC().Format(time.RFC3339)).CombinedOutput()
	j.Expect(err).NotTo(gomega.HaveOccurred(), string(output))
	var found []string
	for line := range strings.Lines(string(output)) {
		var entry struct{ Level, Error string }
		if json.Unmarshal([]byte(line), &entry) != nil || entry.Level == "error" || entry.Error != "" {
			found = append(found, line)
		}
	}
	return found
}
