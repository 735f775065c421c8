// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// What other services see: load from a pod of the cluster reaches the service by its name, through the Service.
func TestLoadFromInsideTheCluster(t *testing.T) {
	j := newJourney(t)
	j.apply(fixed("checkout", 2, 5000))
	j.ready("checkout")
	j.expose("checkout") // waits until kube-proxy knows the pods
	seen, log := j.loadFrom("load", nil, "-rate", "100", "-for", "5s", "-url", fmt.Sprintf("http://checkout.%s.svc/", j.namespace))
	t.Logf("%+v", seen)
	j.Expect(seen.Failed).To(gomega.BeZero(), log)
	j.Expect(seen.Accepted).To(gomega.Equal(seen.Sent), log)
	j.Expect(seen.Unsent).To(gomega.BeZero(), log)
	j.Expect(seen.Sent).To(gomega.BeNumerically(">", 0), log)
}

// loadSummary is what a pod that sent load says at its end.
type loadSummary struct{ Sent, Accepted, Failed, Unsent int }

// loadFrom runs the load generator in a pod of the journey's namespace to its end.
func (j *journey) loadFrom(name string, labels map[string]string, arguments ...string) (summary loadSummary, log string) {
	j.t.Helper()
	no, yes := false, true
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: j.namespace, Name: name, Labels: labels},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, AutomountServiceAccountToken: &no,
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: &yes, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: "load", Image: os.Getenv("LOAD_IMG"), ImagePullPolicy: corev1.PullIfNotPresent, Args: append([]string{"-json"}, arguments...),
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
	j.Expect(cluster.client.Create(j.ctx, pod)).To(gomega.Succeed())
	j.eventually(func() (corev1.PodPhase, error) {
		err := cluster.client.Get(j.ctx, client.ObjectKeyFromObject(pod), pod)
		return pod.Status.Phase, err
	}).Should(gomega.BeElementOf(corev1.PodSucceeded, corev1.PodFailed))
	log = j.kubectl("", "logs", name)
	j.Expect(pod.Status.Phase).To(gomega.Equal(corev1.PodSucceeded), log)
	// The lines of the seconds come from another stream: they may be before the summary or after it.
	_, text, _ := strings.Cut("\n"+log, "\n{")
	j.Expect(json.NewDecoder(strings.NewReader("{"+text)).Decode(&summary)).To(gomega.Succeed(), log)
	return summary, log
}
