// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"os/exec"
	"testing"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// The second journey: the operator runs from its image, is killed and is upgraded in the middle of work, and neither the
// services nor a retune under way notice.
func TestOperatorMayGoAtAnyTime(t *testing.T) {
	j := newJourney(t)
	j.apply(fixed("calm", 2, 100))
	j.ready("calm")
	j.expose("calm")
	before := j.identities("calm")
	background := j.send(cluster.url, 20)

	t.Log("killed while it retunes")
	j.patchRate("calm", 150)
	j.Expect(cluster.client.DeleteAllOf(j.ctx, &corev1.Pod{}, client.InNamespace(operatorNamespace),
		client.MatchingLabels{"control-plane": "controller-manager"}, client.GracePeriodSeconds(0))).To(gomega.Succeed())
	j.agree("calm", 2, 150)

	t.Log("upgraded while it retunes")
	j.patchRate("calm", 180)
	j.operator("rollout", "restart", "deployment/"+operatorDeployment)
	j.patchRate("calm", 200)
	j.operator("rollout", "status", "deployment/"+operatorDeployment, "--timeout="+patience.String())
	j.agree("calm", 2, 200)

	background.lossless(j)
	j.Expect(j.identities("calm")).To(gomega.Equal(before))
	j.Expect(j.condition("calm", v1alpha1.ConditionReady).Status).To(gomega.BeEquivalentTo("True"))
}

func (j *journey) operator(arguments ...string) {
	j.t.Helper()
	output, err := exec.CommandContext(j.ctx, "kubectl", append([]string{"-n", operatorNamespace}, arguments...)...).CombinedOutput()
	j.Expect(err).NotTo(gomega.HaveOccurred(), string(output))
}

// A rollout and scaling under steady traffic lose no request, and no pod turns one away: the limit is far above the traffic.
func TestRolloutLosesNothing(t *testing.T) {
	j := newJourney(t)
	j.apply(fixed("steady", 3, 40_000))
	j.ready("steady")
	j.expose("steady")
	background := j.send(cluster.url, 50)
	j.kubectl("", "patch", "gosvc", "steady", "--type=merge", "-p", `{"spec":{"env":[{"name":"COLOUR","value":"blue"}]}}`)
	j.ready("steady")
	j.kubectl("", "scale", "gosvc/steady", "--replicas=1")
	j.eventually(func() int { return len(j.pods("steady")) }).Should(gomega.Equal(1))
	j.ready("steady")
	j.kubectl("", "scale", "gosvc/steady", "--replicas=3")
	j.ready("steady")
	background.lossless(j)
}
