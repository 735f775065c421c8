// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/indicators"
	"goservice.dev/operator/controllers/plan"
)

// ServiceMonitorKind is the Prometheus Operator's; it publishes no apply configurations.
var ServiceMonitorKind = schema.GroupVersionKind{Group: "monitoring.coreos.com", Version: "v1", Kind: "ServiceMonitor"}

// FieldClassicHistograms is a field of a ServiceMonitor's spec that older versions of the Prometheus Operator do not have; the
// API server refuses to apply fields that it does not know.
const FieldClassicHistograms = "scrapeClassicHistograms"

func serviceMonitor(in input) []Child {
	if !plan.Measurable(&in.service.Spec) {
		return nil
	}
	name := in.service.Name
	metrics := objectLabels(name, componentMetrics)
	spec := map[string]any{
		"jobLabel":  labelName,
		"selector":  map[string]any{"matchLabels": untyped(metrics)},
		"endpoints": []any{scrapedEndpoint(&in.service.Spec)},
	}
	if in.environment.ClassicHistograms {
		// A Prometheus that scrapes native histograms leaves out the classic ones beside them, which the rules read.
		spec[FieldClassicHistograms] = true
	}
	return []Child{{Name: name, Configuration: map[string]any{
		"apiVersion": ServiceMonitorKind.GroupVersion().String(),
		"kind":       ServiceMonitorKind.Kind,
		"metadata": map[string]any{
			"name":      name,
			"namespace": in.service.Namespace,
			"labels":    untyped(in.monitorLabels(metrics)),
		},
		"spec": spec,
	}}}
}

// monitorLabels are those of the objects that a Prometheus selects: the operator's for all services, the service's own, which take
// precedence, and those by which the operator finds its objects, which nobody else sets.
func (in input) monitorLabels(own map[string]string) map[string]string {
	var service map[string]string
	if o := in.service.Spec.Observability; o != nil && o.Metrics != nil {
		service = plain(o.Metrics.Labels)
	}
	return merged(in.environment.MonitorLabels, service, own)
}

// scrapedEndpoint is where Prometheus finds the metrics.
func scrapedEndpoint(spec *v1alpha1.GoServiceSpec) map[string]any {
	at := indicators.At(spec)
	endpoint := map[string]any{
		"port":     PortNameMetrics,
		"path":     at.Path,
		"interval": prometheusDuration(plan.ScrapeInterval(spec)),
	}
	if at.Scheme == corev1.URISchemeHTTPS {
		endpoint["scheme"] = "https"
		endpoint["tlsConfig"] = map[string]any{"insecureSkipVerify": true} // no certificate names a pod's address
	}
	return endpoint
}

func untyped(labels map[string]string) map[string]any {
	result := make(map[string]any, len(labels))
	for key, value := range labels {
		result[key] = value
	}
	return result
}

// prometheusDuration writes a duration as Prometheus reads it: whole seconds, or milliseconds where those are needed.
func prometheusDuration(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return fmt.Sprintf("%dms", d.Milliseconds())
}
