// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package journey

import (
	"fmt"
	"testing"
	"time"

	"github.com/onsi/gomega"
)

// helms are the versions of Helm that people have.
var helms = []string{"helm4", "helm3"}

// From a cluster to a tuned service takes three commands, and nothing is left where somebody wants nothing to be left.
func TestFromNothingToATunedServiceAndBack(t *testing.T) {
	for _, helm := range helms {
		t.Run(helm, func(t *testing.T) {
			j := newJourney(t, helm)
			j.Expect(j.left()).To(gomega.BeEmpty(), "before")
			j.makeRoom()
			began := time.Now()
			j.install("install", j.chart)
			installed := time.Since(began)
			j.Expect(j.kubectl("get", "deployment/goservice-controller-manager", "--namespace", namespace, "--output=jsonpath={.status.readyReplicas}/{.spec.replicas}")).
				To(gomega.Equal("2/2"), "Helm has waited")
			j.kubectl("apply", "--namespace", shop, "--filename", j.sample)
			j.kubectl("wait", "--namespace", shop, "goservice/checkout", "--for=condition=Tuned", "--timeout="+patience)
			fmt.Printf("RESULT journey helm=%s installed_s=%.1f tuned_s=%.1f\n", helm, installed.Seconds(), time.Since(began).Seconds())
			j.remove()
			j.Eventually(j.left).WithTimeout(time.Minute).WithPolling(5*time.Second).Should(gomega.BeEmpty(), "after")
		})
	}
}

// A service does not notice that the chart is upgraded, rolled back, and removed, and its operators are replaced by that: its pods stay, and every
// request is served. Meanwhile, its limit can be changed. The operators are of one version; make test-chaos upgrades those.
func TestAServiceOutlivesItsCharts(t *testing.T) {
	for _, helm := range helms {
		t.Run(helm, func(t *testing.T) {
			j := newJourney(t, helm)
			j.makeRoom()
			j.install("install", j.older)
			j.serve()
			before := j.pods()
			clients := j.send()
			j.install("upgrade", j.chart)
			j.Expect(j.gosvc("retune", "checkout", "--namespace", shop, "--rate", "1500", "--wait")).To(gomega.ContainSubstring("2 of 2 enforce 750/s"))
			j.run(j.helm, "rollback", release, "1", "--namespace", namespace, "--wait", "--timeout", patience)
			j.Expect(j.gosvc("retune", "checkout", "--namespace", shop, "--rate", "1000", "--wait")).To(gomega.ContainSubstring("2 of 2 enforce 500/s"))
			j.run(j.helm, "uninstall", release, "--namespace", namespace, "--wait", "--timeout", patience)
			clients.goOn(j, 200) // without an operator
			clients.lossless(j)
			j.Expect(j.pods()).To(gomega.Equal(before))
			// Whoever installs it again finds its services.
			j.install("install", j.chart)
			j.Expect(j.gosvc("retune", "checkout", "--namespace", shop, "--rate", "800", "--wait")).To(gomega.ContainSubstring("2 of 2 enforce 400/s"))
			j.Expect(j.pods()).To(gomega.Equal(before))
			j.remove()
		})
	}
}
