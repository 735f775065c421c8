// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/bench/internal/bed"
	"goservice.dev/operator/hack/load/loadgen"
)

const (
	serviceName = "stepped"
	adminPort   = 9100
	// nodePort is the one that a kind cluster of this project leads to loopback.
	nodePort = 30080
	fewest   = 2
	// settling is the part of the steady load that nothing is measured in.
	settling = 20 * time.Second
)

// contender is one way to scale the service.
type contender struct {
	name, namespace string
	change          func(*v1alpha1.GoServiceSpec)
}

// outcome is what was measured of one contender.
type outcome struct {
	name          string
	samples       []sample // from the step on
	podsBefore    int32
	before, after verdict
	cpuPerRequest time.Duration
	decisions     []v1alpha1.TuningDecision
	step          time.Time
}

// run makes the service, warms it up, takes the step and removes everything.
func (c contender) run(ctx context.Context, s settings, progress io.Writer) (o outcome, err error) {
	b, err := bed.Open(ctx, c.namespace)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, b.Remove(context.WithoutCancel(ctx))) }()
	bed.Step(progress, "%s: a GoService in namespace %s", c.name, b.Namespace)
	service := c.service(s)
	if err := b.Deploy(ctx, service, fewest); err != nil {
		return o, err
	}
	if err := expose(ctx, b, service.Status.Selector); err != nil {
		return o, err
	}
	t := trial{Bed: b, settings: s, selector: service.Status.Selector}
	bed.Step(progress, "%s: %g requests per second for %s, then %g for %s", c.name, s.rate, s.warm, s.rate*s.factor, s.hold)
	if o, err = t.measure(ctx); err != nil {
		return o, err
	}
	o.name = c.name
	if err := b.Client.Get(ctx, client.ObjectKeyFromObject(service), service); err != nil {
		return o, fmt.Errorf("reading the GoService: %w", err)
	}
	o.decisions = service.Status.Decisions
	return o, nil
}

func (c contender) service(s settings) *v1alpha1.GoService {
	cpu := *resource.NewMilliQuantity(s.milliCPU, resource.DecimalSI)
	spec := v1alpha1.GoServiceSpec{
		SLO: &v1alpha1.SLOSpec{
			Availability: "99.9",
			Latency:      &v1alpha1.LatencyObjective{Threshold: metav1.Duration{Duration: s.threshold}, Percentile: fmt.Sprint(s.percentile)},
		},
		Autoscaling: &v1alpha1.AutoscalingSpec{MinReplicas: new(int32(fewest)), MaxReplicas: new(int32(s.most))},
		Resources: &v1alpha1.ResourcesSpec{
			Requests: corev1.ResourceList{corev1.ResourceCPU: cpu, corev1.ResourceMemory: resource.MustParse("32Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceCPU: cpu, corev1.ResourceMemory: resource.MustParse("128Mi")},
		},
	}
	c.change(&spec)
	return &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Name: serviceName}, Spec: spec}
}

// expose leads the loopback port to the service's pods.
func expose(ctx context.Context, b *bed.Bed, selector string) error {
	labels, err := metav1.ParseToLabelSelector(selector)
	if err != nil {
		return err
	}
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.Namespace, Name: serviceName + "-loopback"},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeNodePort, Selector: labels.MatchLabels,
			Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromString("http"), NodePort: nodePort}},
		},
	}
	if err := b.Client.Create(ctx, service); err != nil {
		return fmt.Errorf("leading NodePort %d to the service (the sample of make quickstart holds it, make quickstart-down removes it): %w", nodePort, err)
	}
	return nil
}

// trial is one contender at work.
type trial struct {
	*bed.Bed
	settings settings
	selector string
}

// measure sends the load and watches what becomes of it and of the service.
func (t trial) measure(ctx context.Context) (o outcome, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var seen journal
	if err := t.send(ctx, t.settings.rate, settling, &seen); err != nil {
		return o, err
	}
	used, err := t.usage(ctx)
	if err != nil {
		return o, err
	}
	settled := time.Now()
	if err := t.send(ctx, t.settings.rate, t.settings.warm-settling, &seen); err != nil {
		return o, err
	}
	usedLater, err := t.usage(ctx)
	if err != nil {
		return o, err
	}
	if o.cpuPerRequest, err = perRequest(used, usedLater); err != nil {
		return o, err
	}
	w := t.watch(ctx)
	o.step = time.Now()
	if err := t.send(ctx, t.settings.rate*t.settings.factor, t.settings.hold, &seen); err != nil {
		return o, err
	}
	if o.samples, err = w.stop(); err != nil {
		return o, err
	}
	o.podsBefore = o.samples[0].wanted
	o.before = seen.judge(settled, o.step, t.settings)
	o.after = seen.judge(o.step, o.step.Add(t.settings.hold), t.settings)
	return o, nil
}

func (t trial) send(ctx context.Context, rate float64, length time.Duration, seen *journal) error {
	generator, err := loadgen.New(loadgen.Config{
		URL: fmt.Sprintf("%s/work?cpu=%s", t.settings.url, t.settings.work), Rate: rate, Duration: length,
		Poisson: true, Fresh: true, Outstanding: 2000, Observe: seen.note,
	})
	if err != nil {
		return err
	}
	generator.Run(ctx)
	return ctx.Err()
}
