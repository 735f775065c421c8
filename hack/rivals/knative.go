// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rivals

import (
	"fmt"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric/noop"
	"go.uber.org/zap"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/serving/pkg/apis/autoscaling"
	autoscalingv1alpha1 "knative.dev/serving/pkg/apis/autoscaling/v1alpha1"
	"knative.dev/serving/pkg/autoscaler/aggregation"
	"knative.dev/serving/pkg/autoscaler/config"
	"knative.dev/serving/pkg/autoscaler/metrics"
	"knative.dev/serving/pkg/autoscaler/scaling"
	deciders "knative.dev/serving/pkg/reconciler/autoscaling/kpa/resources"
	"knative.dev/serving/pkg/reconciler/autoscaling/resources"

	"goservice.dev/operator/controllers/sim"
)

const (
	// knativeTick is the period of Knative's decisions (its scaling.tickInterval), knativeScrape that of its looks at the pods.
	knativeTick   = 2 * time.Second
	knativeScrape = time.Second
)

// Knative is Knative's autoscaler with its default configuration (scaling.New), fed through its own windows
// (aggregation.TimedFloat64Buckets). What its queue-proxies would report, each pod's mean number of requests inside over a second,
// is exact here, and of every pod; Knative's own scraper asks a sample of many pods.
type Knative struct {
	settings *sim.KPA

	epoch          time.Time // of the autoscaler, for the simulation's first moment
	scaler         scaling.UniScaler
	stable, urgent *aggregation.TimedFloat64Buckets
	logger         *zap.SugaredLogger
	ready          int
}

// NewKnative takes the target, which must be at least Knative's smallest, 0.01, the delay, and when the activator is on the way from the
// simulator's model of it, which stays as it is.
func NewKnative(settings *sim.KPA) *Knative { return &Knative{settings: settings} }

// begin creates the autoscaler when so many pods are ready: at the first moment of its time.
func (k *Knative) begin(ready int) {
	settings, err := config.NewConfigFromMap(nil)
	if err != nil {
		panic(fmt.Sprintf("Knative refuses its own defaults: %v", err)) // a fault of this program
	}
	burst := settings.TargetBurstCapacity
	switch k.settings.Activator {
	case sim.ActivatorAlways:
		burst = -1
	case sim.ActivatorNever:
		burst = 0
	case sim.ActivatorByDefault:
	}
	pods := &autoscalingv1alpha1.PodAutoscaler{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name, Annotations: map[string]string{
			autoscaling.MetricAnnotationKey: autoscaling.Concurrency,
			// What a pod may hold; the target is a share of it (container-concurrency-target-percentage).
			autoscaling.TargetAnnotationKey:         strconv.FormatFloat(k.settings.Target/settings.ContainerConcurrencyTargetFraction, 'g', -1, 64),
			autoscaling.TargetBurstCapacityKey:      strconv.FormatFloat(burst, 'g', -1, 64),
			autoscaling.ScaleDownDelayAnnotationKey: time.Duration(k.settings.Delay * float64(time.Second)).String(),
		},
	}}
	decider := deciders.MakeDecider(pods, settings)
	windows := resources.MakeMetric(pods, "", settings).Spec
	k.stable = aggregation.NewTimedFloat64Buckets(windows.StableWindow, config.BucketSize)
	k.urgent = aggregation.NewTimedFloat64Buckets(windows.PanicWindow, config.BucketSize)
	k.logger, k.ready = zap.NewNop().Sugar(), ready
	// It starts in a panic where there are pods, and asks the clock when that was.
	frozen(func() {
		k.epoch = time.Now()
		k.scaler = scaling.New(attribute.Set{}, noop.NewMeterProvider(), namespace, name, (*knativeMetrics)(k), (*knativePods)(k), &decider.Spec)
	})
}

// record is what a look at the pods found: how many requests were inside all of them, on average.
func (k *Knative) record(at time.Duration, concurrency float64) {
	k.stable.Record(k.epoch.Add(at), concurrency)
	k.urgent.Record(k.epoch.Add(at), concurrency)
}

// decide with so many pods ready; the result is not always valid.
func (k *Knative) decide(at time.Duration, ready int) scaling.ScaleResult {
	k.ready = ready
	return k.scaler.Scale(k.logger, k.epoch.Add(at))
}

// Begin schedules scrapes and decisions.
func (k *Knative) Begin(w *sim.World) {
	start := w.Now()
	// Two decisions are a multiple of their period apart, to the nanosecond: a panic ends when more than the window has passed.
	since := func() time.Duration { return w.Now().Sub(start).Round(time.Microsecond) }
	k.begin(w.Ready())
	last := map[*sim.Pod]float64{}
	w.Every(knativeScrape, knativeScrape, func() {
		sum, next := 0.0, map[*sim.Pod]float64{}
		for _, p := range w.Pods() {
			next[p] = p.RequestSeconds()
			sum += (next[p] - last[p]) / knativeScrape.Seconds()
		}
		last = next
		k.record(since(), sum)
	})
	w.Every(time.Duration(w.Random().Float64()*float64(knativeTick)), knativeTick, func() {
		result := k.decide(since(), w.Ready())
		if !result.ScaleValid {
			return
		}
		w.Scale(int(result.DesiredPodCount))
		// The activator is on the way while there is less room than the burst that is to be taken (Knative's kpa reconciler).
		if result.ExcessBurstCapacity >= 0 {
			w.Balance(sim.Random)
		} else {
			w.Balance(sim.BetterOfTwo)
		}
	})
}

// knativePods counts pods for the autoscaler.
type knativePods Knative

// ReadyCount is the number of pods that requests reach.
func (k *knativePods) ReadyCount() (int, error) { return k.ready, nil }

// NotReadyCount is of no interest to the autoscaler.
func (k *knativePods) NotReadyCount() (int, error) { return 0, nil }

// knativeMetrics answers the autoscaler as Knative's collector does.
type knativeMetrics Knative

// StableAndPanicConcurrency are means over both windows.
func (k *knativeMetrics) StableAndPanicConcurrency(_ types.NamespacedName, now time.Time) (stable, urgent float64, err error) {
	if k.stable.IsEmpty(now) {
		return 0, 0, metrics.ErrNoData
	}
	return k.stable.WindowAverage(now), k.urgent.WindowAverage(now), nil
}

// StableAndPanicRPS is not asked for: the metric is concurrency.
func (k *knativeMetrics) StableAndPanicRPS(types.NamespacedName, time.Time) (stable, urgent float64, err error) {
	return 0, 0, metrics.ErrNoData
}
