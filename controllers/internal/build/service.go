// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/indicators"
)

// ServiceKind is the kind by which clients reach the pods.
var ServiceKind = corev1.SchemeGroupVersion.WithKind("Service")

// services are the one that clients call and the one that is scraped, which names each pod.
func services(in input) []Child {
	name, namespace := in.service.Name, in.service.Namespace
	metrics := MetricsServiceName(name)
	at := indicators.At(&in.service.Spec)
	scraped := servicePort(PortNameMetrics, at.Port, PortNameAdmin)
	if !in.plan.OnToolkit { // the container need not name the port
		scraped.WithTargetPort(intstr.FromInt32(at.Port))
	}
	children := []Child{
		{Name: name, Configuration: corev1ac.Service(name, namespace).
			WithLabels(objectLabels(name, componentService)).
			WithAnnotations(plain(in.serviceSettings().Annotations)).
			WithSpec(entrance(in))},
	}
	if in.mayBeOthers() {
		return children
	}
	return append(children,
		Child{Name: metrics, Configuration: corev1ac.Service(metrics, namespace).
			WithLabels(objectLabels(name, componentMetrics)).
			WithSpec(corev1ac.ServiceSpec().
				WithClusterIP(corev1.ClusterIPNone).
				// A pod that is starting or draining is scraped as well: its last figures matter.
				WithPublishNotReadyAddresses(true).
				WithSelector(selectorOf(in.service)).
				WithPorts(scraped))})
}

// entrance is how clients reach the pods.
func entrance(in input) *corev1ac.ServiceSpecApplyConfiguration {
	settings := in.serviceSettings()
	number, appProtocol := mainPort(&in.service.Spec)
	main := servicePort(PortNameHTTP, number, PortNameHTTP)
	if in.service.Spec.TLS != nil {
		// Meshes and gateways go by the name and the protocol; nothing behind a port 80 would answer in clear.
		main.WithName(PortNameHTTPS)
	}
	if appProtocol != "" {
		main.WithAppProtocol(appProtocol)
	}
	handedOver := in.handedOver()
	if handedOver {
		main.WithTargetPort(intstr.FromInt32(port(&in.service.Spec)))
	}
	spec := corev1ac.ServiceSpec().WithSelector(selectorOf(in.service)).WithPorts(main)
	for i := range in.service.Spec.Ports {
		p := &in.service.Spec.Ports[i]
		if p.Hidden {
			continue
		}
		further := servicePort(string(p.Name), valueOr(p.ServicePort, p.Port), string(p.Name)).WithProtocol(protocol(p))
		if handedOver {
			further.WithTargetPort(intstr.FromInt32(p.Port))
		}
		if p.AppProtocol != "" {
			further.WithAppProtocol(string(p.AppProtocol))
		}
		spec.WithPorts(further)
	}
	if settings.Type != "" && settings.Type != corev1.ServiceTypeClusterIP {
		spec.WithType(settings.Type)
	}
	if settings.TrafficDistribution != "" {
		spec.WithTrafficDistribution(settings.TrafficDistribution)
	}
	if settings.SessionAffinity == corev1.ServiceAffinityClientIP {
		spec.WithSessionAffinity(settings.SessionAffinity)
		if seconds := settings.SessionAffinityTimeoutSeconds; seconds != nil {
			spec.WithSessionAffinityConfig(corev1ac.SessionAffinityConfig().WithClientIP(corev1ac.ClientIPConfig().WithTimeoutSeconds(*seconds)))
		}
	}
	if settings.ExternalTrafficPolicy != "" {
		spec.WithExternalTrafficPolicy(settings.ExternalTrafficPolicy)
	}
	if settings.LoadBalancerClass != "" {
		spec.WithLoadBalancerClass(string(settings.LoadBalancerClass))
	}
	for _, clients := range settings.LoadBalancerSourceRanges {
		spec.WithLoadBalancerSourceRanges(string(clients))
	}
	return spec
}

// serviceSettings are the user's, empty where there are none.
func (in input) serviceSettings() v1alpha1.ServiceSpec {
	return valueOr(in.service.Spec.Service, v1alpha1.ServiceSpec{})
}

func servicePort(name string, port int32, target string) *corev1ac.ServicePortApplyConfiguration {
	return corev1ac.ServicePort().
		WithName(name).
		WithProtocol(corev1.ProtocolTCP).
		WithPort(port).
		WithTargetPort(intstr.FromString(target))
}
