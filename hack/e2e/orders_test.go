// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"goservice.dev/operator/api/v1alpha1"
)

// A team's own image, built on the toolkit, is served and retuned like the bundled workload.
func TestOwnServiceOnTheToolkit(t *testing.T) {
	j := newJourney(t)
	sample, err := os.ReadFile("../../config/samples/goservice_orders.yaml")
	j.Expect(err).NotTo(gomega.HaveOccurred())
	j.apply(strings.Replace(string(sample), "goservice.dev/orders:latest", os.Getenv("ORDERS_IMG"), 1))
	j.ready("orders")

	serviceURL := "/api/v1/namespaces/" + j.namespace + "/services/orders:http/proxy/orders"
	var status int
	body, err := cluster.clientset.CoreV1().RESTClient().Post().AbsPath(serviceURL).SetHeader("Content-Type", "application/json").
		Body([]byte(`{"item":"book","quantity":2}`)).Do(j.ctx).StatusCode(&status).Raw()
	j.Expect(err).NotTo(gomega.HaveOccurred(), string(body))
	j.Expect(status).To(gomega.Equal(http.StatusCreated))
	j.Expect(string(body)).To(gomega.ContainSubstring(`"book"`))

	j.patchRate("orders", 50)
	j.waitFor("orders", v1alpha1.ConditionTuned)
	j.Expect(j.reports("orders")).To(gomega.HaveEach(gomega.HaveField("Document.RateLimit.RequestsPerSecond", 25.0)))
}
