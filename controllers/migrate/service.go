// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// spokenNames are names of a Service's ports, or beginnings of them before a '-', that tell a mesh what is spoken.
var spokenNames = []string{"grpc", "grpc-web", "http2", "https", "tcp", "tls", "mongo", "mysql", "redis"}

// protocolOf a Service's port is its appProtocol, or what its name says to a mesh.
func protocolOf(port *corev1.ServicePort) string {
	if port.AppProtocol != nil {
		return *port.AppProtocol
	}
	return ""
}

// mainServicePort carries over the Service's port that leads to spec.port. The operator names it http, so what a mesh was told by
// another name is told by appProtocol.
func (c *conversion) mainServicePort(e entry) {
	port := e.service
	if port == nil {
		return
	}
	settings := c.serviceSettings()
	if port.Port != build.ServicePort {
		settings.Port = new(port.Port)
	}
	settings.AppProtocol = v1alpha1.LabelKey(protocolOf(port))
	if spoken, _, _ := strings.Cut(port.Name, "-"); settings.AppProtocol == "" {
		for _, name := range []string{port.Name, spoken} {
			if slices.Contains(spokenNames, name) && settings.AppProtocol == "" {
				settings.AppProtocol = v1alpha1.LabelKey(name)
			}
		}
	}
	c.noteName(&e, build.PortNameHTTP)
	c.noteServicePort(port)
}

// serviceSettings is the result's part for the Service.
func (c *conversion) serviceSettings() *v1alpha1.ServiceSpec {
	if c.spec().Service == nil {
		c.spec().Service = &v1alpha1.ServiceSpec{}
	}
	return c.spec().Service
}

// noteServicePort says what of a Service's port has no field.
func (c *conversion) noteServicePort(port *corev1.ServicePort) {
	if !c.replacesService() {
		return
	}
	content, _ := plain(port).(map[string]any)
	c.leftovers(c.from.service, "spec.ports["+port.Name+"]", content, servicePortFields)
}

// replacesService says whether the GoService's own Service takes the place of the one that leads to the pods: it has the same name,
// and leads to no pods of others.
func (c *conversion) replacesService() bool {
	return c.from.service != nil && c.from.service.Name == c.result.Name && c.from.stays[c.from.service] == ""
}

// service carries over the rest of the Service, if the GoService's own takes its place.
func (c *conversion) service() {
	from := c.from.service
	if from == nil {
		return
	}
	defer c.withoutEmptyService()
	switch why := c.from.stays[from]; {
	case why != "" && from.Name == c.result.Name:
		c.note(Lost, from, "metadata.name", nil, "%s, so it has to stay, but the GoService's own Service has the same name and leads to the GoService's pods only: "+
			"keep this one under another name for clients of them all, or give the GoService another metadata.name", why)
		c.noteKept(from)
	case !c.replacesService():
		c.note(Changed, from, "metadata.name", nil, "it stays as it is, and the GoService has a Service %s besides, with the same ports and the type ClusterIP", c.result.Name)
		c.noteKept(from)
	}
	c.findMetricsService()
	for _, other := range c.from.furtherServices {
		c.noteKept(other)
	}
	if !c.replacesService() {
		return
	}
	settings := c.serviceSettings()
	if from.Spec.Type != corev1.ServiceTypeClusterIP && from.Spec.Type != corev1.ServiceTypeExternalName {
		settings.Type = from.Spec.Type
	}
	for key, value := range from.Annotations {
		if !bookkeeping(key) {
			if settings.Annotations == nil {
				settings.Annotations = map[string]v1alpha1.ServiceAnnotation{}
			}
			settings.Annotations[key] = v1alpha1.ServiceAnnotation(value)
		}
	}
	if from.Spec.TrafficDistribution != nil {
		settings.TrafficDistribution = *from.Spec.TrafficDistribution
	}
	if from.Spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		settings.SessionAffinity = from.Spec.SessionAffinity
		if config := from.Spec.SessionAffinityConfig; config != nil && config.ClientIP != nil && config.ClientIP.TimeoutSeconds != nil &&
			*config.ClientIP.TimeoutSeconds != corev1.DefaultClientIPServiceAffinitySeconds {
			settings.SessionAffinityTimeoutSeconds = config.ClientIP.TimeoutSeconds
		}
	}
	if from.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal {
		settings.ExternalTrafficPolicy = from.Spec.ExternalTrafficPolicy
	}
	if from.Spec.LoadBalancerClass != nil {
		settings.LoadBalancerClass = v1alpha1.LabelKey(*from.Spec.LoadBalancerClass)
	}
	for _, clients := range from.Spec.LoadBalancerSourceRanges {
		settings.LoadBalancerSourceRanges = append(settings.LoadBalancerSourceRanges, v1alpha1.CIDR(withoutHostBits(strings.TrimSpace(clients))))
	}
	c.noteService(from)
}

func (c *conversion) withoutEmptyService() {
	if s := c.spec().Service; s != nil && equal(plain(s), map[string]any{}) {
		c.spec().Service = nil
	}
}

// noteService says what of a Service has no field and does not stay, but for what the API server filled in.
func (c *conversion) noteService(from *corev1.Service) {
	content, _ := plain(from.Spec).(map[string]any)
	usual := map[string]any{"internalTrafficPolicy": "Cluster", "allocateLoadBalancerNodePorts": true, "publishNotReadyAddresses": false}
	maps.DeleteFunc(content, func(name string, value any) bool { return usual[name] == value })
	c.leftovers(from, "spec", content, serviceFields)
}

// findMetricsService finds the further Service that has the name of the one that the operator makes where there are metrics.
func (c *conversion) findMetricsService() {
	found := slices.IndexFunc(c.from.furtherServices, func(s *corev1.Service) bool { return s.Name == build.MetricsServiceName(c.result.Name) })
	if found < 0 || c.metrics == nil && !c.onToolkit() {
		return
	}
	service := c.from.furtherServices[found]
	if why := c.from.stays[service]; why != "" {
		c.note(Lost, service, "metadata.name", nil, "%s, so it has to stay, but the operator makes a Service of this name: keep this one under another name", why)
		return
	}
	c.from.furtherServices = slices.Delete(slices.Clone(c.from.furtherServices), found, found+1)
	c.from.metricsService = service
	scraped := int32(build.AdminPort)
	if !c.onToolkit() {
		scraped = cmp.Or(c.metrics.port, c.port())
	}
	for i := range service.Spec.Ports {
		port := &service.Spec.Ports[i]
		if number, _ := c.targetOf(port); number != scraped && number != 0 {
			c.note(Lost, service, "spec.ports["+port.Name+"]", port.Port, "the operator's Service of this name leads to the metrics only: keep this port in a Service of another name")
		}
	}
}

// noteKept says of a Service that stays whether it finds the pods and their ports.
func (c *conversion) noteKept(service *corev1.Service) {
	todo := "select them by " + labels.FormatLabels(c.from.ownSelector().MatchLabels)
	if why := c.from.stays[service]; why != "" {
		todo = why + ", so set a label of your own in pod.labels of all, and select them by it"
	}
	for _, key := range slices.Sorted(maps.Keys(service.Spec.Selector)) {
		if value := service.Spec.Selector[key]; c.from.newLabels()[key] != value {
			c.note(Lost, service, "spec.selector["+key+"]", value, "it stays as it is, but the new pods do not have this label: %s", todo)
		}
	}
	for i := range service.Spec.Ports {
		port := &service.Spec.Ports[i]
		number, _ := c.targetOf(port)
		if number == 0 {
			c.note(Lost, service, "spec.ports["+port.Name+"].targetPort", port.TargetPort.String(),
				"it stays as it is, but the new container has no port of this name: set the number before the Deployment is handed over")
		}
	}
}
