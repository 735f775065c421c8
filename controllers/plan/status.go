// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"goservice.dev/operator/api/v1alpha1"
)

// Status renders the plan as a person reads it.
func (p Plan) Status() *v1alpha1.PlanStatus {
	status := &v1alpha1.PlanStatus{
		Replicas:     planned(p.Replicas, func(r Range) string { return r.String() }),
		PreStopDelay: planned(p.PreStopDelay, readable),
		DrainTimeout: planned(p.DrainTimeout, readable),
		GracePeriod:  planned(p.GracePeriod, readable),
	}
	if p.OnToolkit {
		status.Workers, status.QueueDepth = new(planned(p.Workers, integer)), new(planned(p.QueueDepth, integer))
		status.QueueTimeout, status.RequestTimeout = new(planned(p.QueueTimeout, readable)), new(planned(p.RequestTimeout, readable))
		status.HistogramBoundaries = new(planned(p.Histogram, Boundaries.String))
	}
	p.scalingStatus(status)
	if p.ReplicaFloor.Value > p.Replicas.Value.Min {
		value := planned(p.ReplicaFloor, integer)
		status.ReplicaFloor = &value
	}
	if p.GOGC != nil {
		value := planned(*p.GOGC, integer)
		status.GOGC = &value
	}
	if p.MemoryLimitBytes != nil {
		value := planned(*p.MemoryLimitBytes, func(bytes int64) string {
			return resource.NewQuantity(bytes>>20<<20, resource.BinarySI).String()
		})
		status.MemoryLimit = &value
	}
	if p.SharePerPod != nil {
		value := planned(*p.SharePerPod, func(Share) string { return p.ShareText() })
		status.SharePerPod = &value
	}
	if p.Alerts != nil {
		status.Alerts = p.Alerts.status()
	}
	return status
}

// scalingStatus renders what sets the number of pods.
func (p Plan) scalingStatus(status *v1alpha1.PlanStatus) {
	if p.CPUTarget != nil {
		value := planned(*p.CPUTarget, func(percent int32) string { return fmt.Sprintf("%d%%", percent) })
		status.CPUTarget = &value
	}
	if p.Utilization != nil {
		value := planned(*p.Utilization, percentage)
		status.Utilization = &value
	}
	if p.Concurrency != nil {
		value := planned(*p.Concurrency, shortest)
		status.Concurrency = &value
	}
	if p.ScaleUp != nil {
		value := planned(*p.ScaleUp, ScaleUp.String)
		status.ScaleUp = &value
		window := planned(p.ScaleDownWindow, readable)
		status.ScaleDownWindow = &window
	}
	if p.ScaleUpTolerance != nil {
		value := planned(*p.ScaleUpTolerance, percentage)
		status.ScaleUpTolerance = &value
	}
}

func (r Range) String() string {
	if r.Min == r.Max {
		return strconv.Itoa(int(r.Min))
	}
	return fmt.Sprintf("%d to %d", r.Min, r.Max)
}

// String is the rate with its unit, such as "625/s".
func (s Share) String() string { return strconv.FormatFloat(s.RequestsPerSecond, 'f', -1, 64) + "/s" }

func planned[T any](figure Figure[T], format func(T) string) v1alpha1.PlannedValue {
	return v1alpha1.PlannedValue{Value: format(figure.Value), Reason: figure.Reason}
}

func integer(n int32) string { return strconv.Itoa(int(n)) }

// shortest writes a number with at most three decimals and no more than it needs.
func shortest(f float64) string {
	text := strconv.FormatFloat(f, 'f', 3, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// readable writes a duration without its zero parts: 1m30s, 5s, 2m.
func readable(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
