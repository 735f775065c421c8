// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/onsi/gomega"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// enforcePolicies until the test ends. No other test needs it, and it costs a sync with every pod that comes or goes.
func enforcePolicies(t *testing.T) {
	t.Helper()
	addon := func(name string) {
		if output, err := exec.Command("../cluster/cluster.sh", "addons", name).CombinedOutput(); err != nil {
			t.Errorf("cluster.sh addons %s: %v: %s", name, err, output)
		}
	}
	t.Cleanup(func() { addon("no-network-policies") })
	addon("network-policies")
}

// outsiders are pods in another namespace, which try to connect to a service.
type outsiders struct {
	*journey
	to    *journey
	tries int
}

// connect reports how many of a few requests were answered with success, and how many were sent.
func (o *outsiders) connect(labels map[string]string, service, portAndPath string) (accepted, sent int) {
	o.t.Helper()
	o.tries++
	seen, log := o.loadFrom(fmt.Sprintf("client-%d", o.tries), labels, "-rate", "10", "-for", "2s", "-fresh", "-timeout", "2s",
		"-url", fmt.Sprintf("http://%s.%s.svc%s", service, o.to.namespace, portAndPath))
	o.Expect(seen.Sent).To(gomega.BeNumerically(">", 0), log)
	return seen.Accepted, seen.Sent
}

// letIn waits until pods with these labels connect. The first requests of a new pod may be sent before whoever enforces policies knows its
// address, half a second later on a busy node.
func (o *outsiders) letIn(labels map[string]string, service, portAndPath string) {
	o.t.Helper()
	o.eventually(func(g gomega.Gomega) {
		accepted, sent := o.connect(labels, service, portAndPath)
		g.Expect(accepted).To(gomega.BeNumerically(">=", sent/2), "%v are let in", labels)
	}).Should(gomega.Succeed())
}

// With an enforced NetworkPolicy, only those whom the spec names reach the service. The operator and Prometheus still reach the
// admin port, which nobody else does.
func TestOnlyNamedClientsConnect(t *testing.T) {
	enforcePolicies(t)
	j := newJourney(t)
	clients := &outsiders{journey: newJourney(t), to: j}
	friend, stranger := map[string]string{"role": "client"}, map[string]string{"role": "other"}
	j.apply(watched("guarded", 1))
	j.ready("guarded")
	j.eventually(func() int {
		accepted, _ := clients.connect(stranger, "guarded", "/")
		return accepted
	}).Should(gomega.BeNumerically(">", 0), "without the field, everybody connects")

	patch := func(policy string) {
		j.kubectl("", "patch", "gosvc", "guarded", "--type=merge", "-p", `{"spec":{"networkPolicy":`+policy+`}}`)
		j.waitFor("guarded", v1alpha1.ConditionApplied)
	}
	patch(fmt.Sprintf(`{"from":[{"podSelector":{"matchLabels":{"role":"client"}},"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":%q}}}]}`, clients.namespace))
	j.eventually(func() int {
		accepted, _ := clients.connect(stranger, "guarded", "/")
		return accepted
	}).Should(gomega.BeZero(), "an unlabeled pod is kept out")
	enforced := time.Now()
	clients.letIn(friend, "guarded", "/")
	for _, labels := range []map[string]string{friend, stranger} {
		accepted, _ := clients.connect(labels, "guarded-metrics", ":9100/metrics")
		j.Expect(accepted).To(gomega.BeZero(), "the admin port is not for clients: %v", labels)
	}

	j.patchRate("guarded", 50)
	j.waitFor("guarded", v1alpha1.ConditionTuned)
	j.Expect(j.reports("guarded")).To(gomega.HaveEach(gomega.HaveField("Document.RateLimit.RequestsPerSecond", 50.0)))
	j.scraped("guarded")
	j.recorded(fmt.Sprintf(`timestamp(up{namespace=%%q,job="guarded"} == 1) > %d`, enforced.Unix()))

	patch(`null`)
	var policy networkingv1.NetworkPolicy
	err := cluster.client.Get(j.ctx, client.ObjectKey{Namespace: j.namespace, Name: "guarded"}, &policy)
	j.Expect(apierrors.IsNotFound(err)).To(gomega.BeTrue(), "%v", err)
	clients.letIn(stranger, "guarded", "/")
}
