// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"cmp"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// validMetricsPath is what the schema allows.
var validMetricsPath = regexp.MustCompile(`^/[A-Za-z0-9._~/-]*$`)

// metricsAt is where the pods serve their metrics, as far as the manifests say.
type metricsAt struct {
	port     int32 // 0 for spec.port
	path     string
	scheme   corev1.URIScheme
	interval time.Duration
	labels   map[string]string
}

// monitorOf is the ServiceMonitor that selects a Service.
func (m *Manifests) monitorOf(service *corev1.Service) *serviceMonitor {
	for _, monitor := range m.monitors {
		if monitor.selectsService(service) {
			return monitor
		}
	}
	return nil
}

func (m *serviceMonitor) selectsService(service *corev1.Service) bool {
	selector, fits := fitting[metav1.LabelSelector](m.Spec["selector"])
	return fits && m.Spec["selector"] != nil && m.watches(service.Namespace) && matches(&selector, service.Labels)
}

// watches says whether a ServiceMonitor looks into a namespace.
func (m *serviceMonitor) watches(namespace string) bool {
	selector, _ := m.Spec["namespaceSelector"].(map[string]any)
	names, _ := selector["matchNames"].([]any)
	return selector["any"] == true || slices.Contains(names, any(namespace)) || len(names) == 0 && m.Namespace == namespace
}

// findMetrics reads the ServiceMonitor, or the annotations by which many a Prometheus finds pods.
func (c *conversion) findMetrics() {
	if c.from.monitor != nil {
		c.noteSharedMonitor()
		if c.metrics = c.monitored(); c.metrics == nil && c.from.stays[c.from.monitor] == "" {
			c.from.stays[c.from.monitor] = "none of its endpoints leads to the pods"
		}
		return
	}
	annotated := []map[string]string{c.template.Annotations}
	if c.from.service != nil {
		annotated = append(annotated, c.from.service.Annotations)
	}
	for _, service := range c.from.furtherServices {
		annotated = append(annotated, service.Annotations)
	}
	for _, annotations := range annotated {
		if !scraped(annotations) {
			continue
		}
		c.metrics = &metricsAt{path: annotations["prometheus.io/path"]}
		if port, err := strconv.ParseInt(annotations["prometheus.io/port"], 10, 32); err == nil {
			c.metrics.port = int32(port)
		}
		if strings.EqualFold(annotations["prometheus.io/scheme"], "https") {
			c.metrics.scheme = corev1.URISchemeHTTPS
		}
		return
	}
}

// noteSharedMonitor says what becomes of a ServiceMonitor of several Deployments: where the metrics are still follows from it.
func (c *conversion) noteSharedMonitor() {
	monitor := c.from.monitor
	why := c.from.stays[monitor]
	if why == "" {
		return
	}
	todo := "delete it once all of them are GoServices"
	if monitor.Name == c.result.Name && monitor.Namespace == c.result.Namespace {
		todo = "give it another name, because the GoService's own has this one, and " + todo
	}
	c.note(Changed, monitor, "spec.selector", monitor.Spec["selector"], "%s, so it stays as it is, and the GoService has a ServiceMonitor of its own: %s", why, todo)
}

func scraped(annotations map[string]string) bool {
	return annotations["prometheus.io/scrape"] == "true" || annotations["prometheus.io/scrape"] == "" && annotations["prometheus.io/port"] != ""
}

// monitored is where the first endpoint of the ServiceMonitor leads; nil if none leads to the pods.
func (c *conversion) monitored() *metricsAt {
	monitor := c.from.monitor
	endpoints, _ := monitor.Spec["endpoints"].([]any)
	var found *metricsAt
	for i := range endpoints {
		endpoint, _ := endpoints[i].(map[string]any)
		at := "spec.endpoints[" + strconv.Itoa(i) + "]"
		port := c.endpointPort(endpoint)
		if port == 0 || found != nil {
			c.note(Lost, monitor, at, endpoint, "%s", otherMonitorField)
			continue
		}
		found = &metricsAt{port: port, path: text(endpoint["path"]), labels: maps.Clone(monitor.Labels)}
		if strings.EqualFold(text(endpoint["scheme"]), "https") {
			found.scheme = corev1.URISchemeHTTPS
		}
		if interval, err := time.ParseDuration(text(endpoint["interval"])); err == nil {
			found.interval = interval
		}
		c.otherFields(at, endpoint, endpointFields)
	}
	c.otherFields("spec", monitor.Spec, monitorFields)
	return found
}

// otherFields notes those that the operator's ServiceMonitor does not have.
func (c *conversion) otherFields(at string, content map[string]any, fates map[string]fate) {
	for _, name := range slices.Sorted(maps.Keys(content)) {
		if f, known := fates[name]; !known {
			c.note(Lost, c.from.monitor, at+"."+name, content[name], "%s", otherMonitorField)
		} else if f.lost != "" {
			c.note(Changed, c.from.monitor, at+"."+name, content[name], "%s", f.lost)
		}
	}
}

func text(value any) string { result, _ := value.(string); return result }

// endpointPort is the container's port that an endpoint leads to; 0 if there is none.
func (c *conversion) endpointPort(endpoint map[string]any) int32 {
	for i := range c.from.monitored.Spec.Ports {
		port := &c.from.monitored.Spec.Ports[i]
		if name := text(endpoint["port"]); name != "" && port.Name == name || endpoint["targetPort"] != nil && shown(endpoint["targetPort"]) == port.TargetPort.String() {
			number, _ := c.targetOf(port)
			return number
		}
	}
	for i := range c.main().Ports {
		if p := c.main().Ports[i]; endpoint["targetPort"] != nil && slices.Contains([]string{p.Name, strconv.Itoa(int(p.ContainerPort))}, shown(endpoint["targetPort"])) {
			return p.ContainerPort
		}
	}
	return 0
}

// observability says where the metrics are. Without indicators, the operator would take the image for one that is built on the toolkit.
func (c *conversion) observability() {
	if c.onToolkit() {
		if c.metrics != nil {
			c.scraping(&v1alpha1.MetricsSpec{})
		}
		return
	}
	indicators, why := c.indicators()
	settings := &v1alpha1.MetricsSpec{Indicators: indicators}
	c.spec().Observability = &v1alpha1.ObservabilitySpec{Metrics: settings}
	const check = "docs/metrics.md has a table of what indicators read, and once the pods run, the condition Measured says whether they fit"
	if c.metrics == nil {
		settings.Enabled = new(false)
		unknown := "no ServiceMonitor and no prometheus.io annotation says where the metrics are"
		if c.from.monitor != nil {
			unknown = "no endpoint of the " + nameOfAny(c.from.monitor) + " leads to a port of the pods"
		}
		c.note(Guessed, c.from.deployment, "", nil, "%s, so observability.metrics.enabled is false: "+
			"if the pods serve metrics, remove that line, and set indicators, port, and path; %s", unknown, check)
		return
	}
	if c.options.Indicators == "" {
		c.note(Guessed, c.from.deployment, "", nil, "observability.metrics.indicators is %s, since %s: %s", indicators, why, check)
	}
	if c.metrics.port != 0 && c.metrics.port != c.port() {
		settings.Port = new(c.metrics.port)
	}
	switch at := path.Join("/", c.metrics.path); {
	case c.metrics.path == "" || at == "/metrics":
	case !validMetricsPath.MatchString(at):
		c.note(Lost, c.from.deployment, "", c.metrics.path, "observability.metrics.path can't be this, so it is /metrics: a path has letters, digits, and ._~/- only, and no query")
	default:
		settings.Path = at
	}
	settings.Scheme = c.metrics.scheme
	c.scraping(settings)
}

// scraping carries over how often Prometheus looks, and the labels by which it finds the ServiceMonitor.
func (c *conversion) scraping(settings *v1alpha1.MetricsSpec) {
	switch interval := c.metrics.interval; {
	case interval == 0 || interval == 15*time.Second:
	case interval < time.Second || interval > 5*time.Minute:
		c.note(Lost, c.from.monitor, "spec.endpoints.interval", interval.String(), "it must be from 1s to 5m; it is 15s")
	default:
		settings.Interval = &metav1.Duration{Duration: interval}
	}
	for key, value := range c.metrics.labels {
		if strings.HasPrefix(key, "app.kubernetes.io/") || strings.HasPrefix(key, "goservice.dev/") {
			continue
		}
		if settings.Labels == nil {
			settings.Labels = map[string]v1alpha1.LabelValue{}
		}
		settings.Labels[key] = v1alpha1.LabelValue(value)
	}
	if !equal(plain(settings), map[string]any{}) {
		c.spec().Observability = &v1alpha1.ObservabilitySpec{Metrics: settings}
	}
}

// onToolkit says whether the user says that the image is built on the toolkit.
func (c *conversion) onToolkit() bool { return c.options.Indicators == v1alpha1.IndicatorsToolkit }

// indicators are what the user said, or what the manifests suggest, and why.
func (c *conversion) indicators() (v1alpha1.IndicatorsPreset, string) {
	switch {
	case c.options.Indicators != "":
		return c.options.Indicators, ""
	case c.speaksGRPC():
		return v1alpha1.IndicatorsGRPC, "the container speaks gRPC"
	case c.metrics != nil:
		return v1alpha1.IndicatorsPrometheus, "it is the most common one"
	}
	return v1alpha1.IndicatorsOpenTelemetry, ""
}

func (c *conversion) speaksGRPC() bool {
	main := c.from.deployment.Spec.Template.Spec.Containers
	for i := range main {
		if main[i].Name != c.mainName {
			continue
		}
		for _, probe := range []*corev1.Probe{main[i].StartupProbe, main[i].LivenessProbe, main[i].ReadinessProbe} {
			if probe != nil && probe.GRPC != nil {
				return true
			}
		}
		if slices.ContainsFunc(main[i].Ports, func(p corev1.ContainerPort) bool {
			return p.ContainerPort == c.port() && strings.HasPrefix(p.Name, "grpc")
		}) {
			return true
		}
	}
	service := cmp.Or(c.spec().Service, &v1alpha1.ServiceSpec{})
	return strings.HasPrefix(string(service.AppProtocol), "grpc")
}
