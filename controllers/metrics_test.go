// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"flag"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"goservice.dev/operator/controllers/tuner"
)

var writeMetrics = flag.Bool("update", false, "write the list of metrics that hack/alerts reads")

// servedMetrics holds the operator's metrics by type and labels. hack/alerts compares rules and dashboards with it.
const servedMetrics = "../hack/alerts/testdata/operator/metrics.txt"

// ofTheOperator leaves out what differs between machines and versions of Go.
var ofTheOperator = regexp.MustCompile(`^(goservice_operator|controller_runtime|workqueue|rest_client|leader_election)_`)

// gathered are the metrics in the registry of all managers, as lines of servedMetrics.
func gathered() ([]string, error) {
	families, err := metrics.Registry.Gather()
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, family := range families {
		if !ofTheOperator.MatchString(family.GetName()) {
			continue
		}
		labels := map[string]bool{}
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = true
			}
		}
		line := append([]string{family.GetName(), strings.ToLower(family.GetType().String())}, slices.Sorted(maps.Keys(labels))...)
		lines = append(lines, strings.Join(line, " "))
	}
	return lines, nil
}

// What rules and dashboards are compared with is what a manager serves that leads, has reconciled a service and confirmed its pods.
func TestTheListOfTheOperatorsMetricsIsWhatAManagerServes(t *testing.T) {
	t.Parallel()
	namespace, pods := newNamespace(t), newWorkload()
	startReplica(t, namespace, pods, 15*time.Second)
	applyNamed(t, namespace, "elastic", `{slo: {availability: "99.9"}, autoscaling: {maxReplicas: 4}}`)
	settled(t, namespace, "elastic")
	applyService(t, namespace, limited("600"))
	settled(t, namespace, serviceName)
	startPod(t, namespace, "a")
	tuned(t, namespace, 1, "600/s")
	countDecision(types.NamespacedName{Namespace: namespace, Name: serviceName}, tuner.Change{What: "pool"}) // else it takes minutes of traffic
	if *writeMetrics {
		lines, err := gathered()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(servedMetrics, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(servedMetrics)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func(g gomega.Gomega) {
		lines, err := gathered()
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(cmp.Diff(strings.Split(strings.TrimSpace(string(want)), "\n"), lines)).To(gomega.BeEmpty(), "after -update, look at hack/alerts")
	})
}
