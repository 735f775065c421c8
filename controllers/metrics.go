// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/tuner"
)

var (
	appliesTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "goservice_operator_applies_total",
		Help: "Writes of children, by kind and result (created, updated, seeded, pruned, conflict, failed).",
	}, []string{"kind", "result"})
	retuneSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "goservice_operator_retune_seconds",
		Help:    "Time from changed live settings until the last running pod of the service confirmed them.",
		Buckets: []float64{0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60},
	})
	waitSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "goservice_operator_wait_seconds",
		Help:    "Time that questions to pods and nudges of pods waited for their turn, by kind (question, nudge).",
		Buckets: []float64{0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 60},
	}, []string{"kind"})
	decisionsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "goservice_operator_tuning_decisions_total",
		Help: "Figures that measurements moved, by what was moved (replica floor, utilization, pool, gogc).",
	}, []string{"namespace", "name", "what"})
	replicaFloor = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "goservice_operator_replica_floor",
		Help: "Pods that the measured demand needs at least, within the bounds of an autoscaled GoService.",
	}, []string{"namespace", "name"})
	upgradesHalted = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "goservice_operator_upgrades_halted",
		Help: "1 while an upgrade of a service cannot be applied or its rollout stalls, so that --upgrade-services starts no other; else 0.",
	})
	unconfirmedPods = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "goservice_operator_unconfirmed_pods",
		Help: "Pods that have not confirmed the latest live settings of their GoService.",
	}, []string{"namespace", "name"})
)

func init() {
	metrics.Registry.MustRegister(appliesTotal, retuneSeconds, waitSeconds, decisionsTotal, replicaFloor, upgradesHalted, unconfirmedPods)
}

func countApply(kind schema.GroupVersionKind, result apply.Result) {
	appliesTotal.WithLabelValues(kind.Kind, string(result)).Inc()
}

func countDecision(name types.NamespacedName, change tuner.Change) {
	decisionsTotal.WithLabelValues(name.Namespace, name.Name, change.What).Inc()
}

func observeFloor(name types.NamespacedName, figures plan.Plan) {
	if figures.Autoscaled {
		replicaFloor.WithLabelValues(name.Namespace, name.Name).Set(float64(figures.ReplicaFloor.Value))
	} else {
		replicaFloor.DeleteLabelValues(name.Namespace, name.Name)
	}
}

func observeHalt(halted bool) {
	if halted {
		upgradesHalted.Set(1)
	} else {
		upgradesHalted.Set(0)
	}
}

func observeRetune(took time.Duration) { retuneSeconds.Observe(took.Seconds()) }

// observeWait observes waits of a kind.
func observeWait(kind string) func(time.Duration) {
	observer := waitSeconds.WithLabelValues(kind)
	return func(took time.Duration) { observer.Observe(took.Seconds()) }
}

func observeConfirmed(name types.NamespacedName, result confirm.Result) {
	unconfirmedPods.WithLabelValues(name.Namespace, name.Name).Set(float64(len(result.Unconfirmed)))
}

func forgetMetrics(name types.NamespacedName) {
	unconfirmedPods.DeleteLabelValues(name.Namespace, name.Name)
	replicaFloor.DeleteLabelValues(name.Namespace, name.Name)
	decisionsTotal.DeletePartialMatch(prometheus.Labels{"namespace": name.Namespace, "name": name.Name})
}
