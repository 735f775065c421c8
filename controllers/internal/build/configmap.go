// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/workload/livesettings"
	v0 "goservice.dev/operator/workload/livesettings/v0"
)

// AnnotationLiveSettingsForm on a pod says which version of the live settings it mounts. Pods without it mount the form of
// before there were versions.
const AnnotationLiveSettingsForm = "goservice.dev/live-settings"

// noLiveSettings is the form of pods that are not built on the toolkit.
const noLiveSettings = "none"

var configMapKind = corev1.SchemeGroupVersion.WithKind("ConfigMap")

// liveSettings is the durable truth of every live setting: new pods start with it, running ones watch it. Pods that mount the
// older form have a ConfigMap of their own, for as long as there are any: an upgrade of the operator replaces no pod.
func liveSettings(in input) []Child {
	if !in.plan.OnToolkit {
		return nil // the one of former pods goes after the last that names it
	}
	configMap := func(name, key string, document []byte) Child {
		return Child{Name: name, Configuration: corev1ac.ConfigMap(name, in.service.Namespace).
			WithLabels(objectLabels(in.service.Name, componentService)).
			WithData(map[string]string{key: string(document)})}
	}
	children := []Child{configMap(LiveSettingsName(in.service.Name), livesettings.FileName, in.document)}
	if in.older != nil {
		children = append(children, configMap(OlderLiveSettingsName(in.service.Name), v0.FileName, in.older))
	}
	return children
}

// olderForm is a document with the fields alone that older pods know, since they refuse others, and the revision by which
// they confirm it.
func olderForm(document []byte) (older []byte, revision string, err error) {
	var known v0.Document
	if err := json.Unmarshal(document, &known); err != nil {
		return nil, "", fmt.Errorf("rendering live settings for older pods: %w", err)
	}
	if revision, err = known.Revision(); err != nil {
		return nil, "", err
	}
	older, err = known.Encode()
	return older, revision, err
}

const (
	defaultLogLevel        = "info"
	defaultUpstreamTimeout = 5 * time.Second
)

// document renders what running pods take without a restart.
func document(spec *v1alpha1.GoServiceSpec, p plan.Plan) livesettings.Document {
	least, most := p.PoolBounds(spec)
	d := livesettings.Document{
		Version: livesettings.Version,
		Pool: &livesettings.Pool{
			Workers:      int(p.Workers.Value),
			MinWorkers:   int(least),
			MaxWorkers:   int(most),
			QueueDepth:   int(p.QueueDepth.Value),
			QueueTimeout: livesettings.Duration(p.QueueTimeout.Value),
		},
		LogLevel: defaultLogLevel,
	}
	if p.SharePerPod != nil {
		d.RateLimit = &livesettings.RateLimit{
			RequestsPerSecond: p.SharePerPod.Value.RequestsPerSecond,
			Burst:             p.SharePerPod.Value.Burst,
			Shared:            plan.SharedLimit(spec) > 0,
		}
		for pod, share := range p.PodShares {
			if d.RateLimit.Pods == nil {
				d.RateLimit.Pods = make(map[string]livesettings.Bucket, len(p.PodShares))
			}
			d.RateLimit.Pods[pod] = livesettings.Bucket{RequestsPerSecond: share.RequestsPerSecond, Burst: share.Burst}
		}
	}
	if o := spec.Observability; o != nil {
		if o.Logging != nil && o.Logging.Level != "" {
			d.LogLevel = logLevel(o.Logging.Level)
		}
		if o.Tracing != nil {
			d.Tracing = &livesettings.Tracing{SampleRatio: decimal(o.Tracing.SampleRatio)}
		}
	}
	d.Runtime = runtimeSettings(p)
	for name, section := range spec.Settings {
		if d.Settings == nil {
			d.Settings = make(map[string]json.RawMessage, len(spec.Settings))
		}
		d.Settings[name] = livesettings.Canonical(section.Raw)
	}
	for i := range spec.Upstreams {
		if d.Upstreams == nil {
			d.Upstreams = make(map[string]livesettings.Upstream, len(spec.Upstreams))
		}
		upstream := &spec.Upstreams[i]
		limits := livesettings.Upstream{Timeout: livesettings.Duration(defaultUpstreamTimeout)}
		if upstream.Timeout != nil {
			limits.Timeout = livesettings.Duration(upstream.Timeout.Duration)
		}
		if share, limited := p.UpstreamShares[upstream.Name]; limited {
			limits.RequestsPerSecond, limits.Burst = share.RequestsPerSecond, share.Burst
		}
		if upstream.MaxInFlight != nil {
			limits.MaxInFlight = int(*upstream.MaxInFlight)
		}
		d.Upstreams[upstream.Name] = limits
	}
	d.Routes = routes(spec, p)
	for _, proxies := range spec.TrustedProxies {
		d.TrustedProxies = append(d.TrustedProxies, string(proxies))
	}
	return d
}

// routes are what the spec says of single routes, with the pod's part of their limits.
func routes(spec *v1alpha1.GoServiceSpec, p plan.Plan) map[string]livesettings.Route {
	if len(spec.Routes) == 0 {
		return nil
	}
	all := make(map[string]livesettings.Route, len(spec.Routes))
	for i := range spec.Routes {
		given := &spec.Routes[i]
		route := livesettings.Route{Pool: given.Pool, Priority: string(given.Priority), Exempt: given.Exempt}
		if given.Timeout != nil {
			route.Timeout = new(livesettings.Duration(given.Timeout.Duration))
		}
		if given.MaxBodyBytes != nil {
			route.MaxBodyBytes = *given.MaxBodyBytes
		}
		if given.HandOff != "" {
			route.HandOff = new(given.HandOff == v1alpha1.HandOffAutomatic)
		}
		if share, limited := p.RouteShares[given.Pattern]; limited {
			route.RateLimit = &livesettings.Bucket{RequestsPerSecond: share.RequestsPerSecond, Burst: share.Burst}
		}
		all[given.Pattern] = route
	}
	return all
}

func runtimeSettings(p plan.Plan) *livesettings.Runtime {
	var r livesettings.Runtime
	if p.GOGC != nil {
		r.GOGC = int(p.GOGC.Value)
	}
	if p.MemoryLimitBytes != nil {
		r.MemoryLimitBytes = p.MemoryLimitBytes.Value
	}
	if r == (livesettings.Runtime{}) {
		return nil
	}
	return &r
}

// logLevel is the document's word for a level: the API's none is a word of its own because YAML reads off as false.
func logLevel(level string) string {
	if level == "none" {
		return "off"
	}
	return level
}

// decimal reads a number that the schema has checked already; an empty one is 0.
func decimal(text string) float64 {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return value
}
