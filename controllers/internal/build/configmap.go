// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/plan"
	"goservice.dev/operator/workload/tuning"
)

var configMapKind = corev1.SchemeGroupVersion.WithKind("ConfigMap")

// tuningConfigMap is the durable truth of every live value: new pods start with it, running ones watch it.
func tuningConfigMap(in input) []Child {
	name := tuningConfigMapName(in.service.Name)
	return []Child{{Name: name, Configuration: corev1ac.ConfigMap(name, in.service.Namespace).
		WithLabels(objectLabels(in.service.Name, componentService)).
		WithData(map[string]string{tuning.FileName: string(in.tuning)})}}
}

const (
	defaultLogLevel        = "info"
	defaultUpstreamTimeout = 5 * time.Second
)

// document renders what running pods take without a restart.
func document(spec *v1alpha1.GoServiceSpec, p plan.Plan) tuning.Document {
	d := tuning.Document{
		Version: tuning.Version,
		Pool: &tuning.Pool{
			Workers:      int(p.Workers.Value),
			QueueDepth:   int(p.QueueDepth.Value),
			QueueTimeout: tuning.Duration(p.QueueTimeout.Value),
		},
		LogLevel: defaultLogLevel,
	}
	if p.SharePerPod != nil {
		d.RateLimit = &tuning.RateLimit{
			RequestsPerSecond: p.SharePerPod.Value.RequestsPerSecond,
			Burst:             p.SharePerPod.Value.Burst,
		}
		for pod, share := range p.PodShares {
			if d.RateLimit.Pods == nil {
				d.RateLimit.Pods = make(map[string]tuning.Bucket, len(p.PodShares))
			}
			d.RateLimit.Pods[pod] = tuning.Bucket{RequestsPerSecond: share.RequestsPerSecond, Burst: share.Burst}
		}
	}
	if o := spec.Observability; o != nil {
		if o.Logging != nil && o.Logging.Level != "" {
			d.LogLevel = o.Logging.Level
		}
		if o.Tracing != nil {
			d.Tracing = &tuning.Tracing{SampleRatio: decimal(o.Tracing.SampleRatio)}
		}
	}
	d.Runtime = runtimeTuning(p)
	for i := range spec.Upstreams {
		if d.Upstreams == nil {
			d.Upstreams = make(map[string]tuning.Upstream, len(spec.Upstreams))
		}
		upstream := &spec.Upstreams[i]
		limits := tuning.Upstream{Timeout: tuning.Duration(defaultUpstreamTimeout)}
		if upstream.Timeout != nil {
			limits.Timeout = tuning.Duration(upstream.Timeout.Duration)
		}
		if share, limited := p.UpstreamShares[upstream.Name]; limited {
			limits.RequestsPerSecond, limits.Burst = share.RequestsPerSecond, share.Burst
		}
		d.Upstreams[upstream.Name] = limits
	}
	return d
}

func runtimeTuning(p plan.Plan) *tuning.Runtime {
	var r tuning.Runtime
	if p.GOGC != nil {
		r.GOGC = int(p.GOGC.Value)
	}
	if p.MemoryLimitBytes != nil {
		r.MemoryLimitBytes = p.MemoryLimitBytes.Value
	}
	if r == (tuning.Runtime{}) {
		return nil
	}
	return &r
}

// decimal reads a number that the schema has checked already; an empty one is 0.
func decimal(text string) float64 {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return value
}
