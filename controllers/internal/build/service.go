// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
)

var serviceKind = corev1.SchemeGroupVersion.WithKind("Service")

// services are the one that clients call and the one that is scraped, which names each pod.
func services(in input) []Child {
	name, namespace := in.service.Name, in.service.Namespace
	metrics := MetricsServiceName(name)
	entrance := servicePort(PortNameHTTP, ServicePort, PortNameHTTP)
	if in.service.Spec.TLS != nil {
		// Meshes and gateways go by the name and the protocol; nothing behind a port 80 would answer in clear.
		entrance = servicePort(PortNameHTTPS, ServicePortTLS, PortNameHTTP).WithAppProtocol("https")
	}
	return []Child{
		{Name: name, Configuration: corev1ac.Service(name, namespace).
			WithLabels(objectLabels(name, componentService)).
			WithSpec(corev1ac.ServiceSpec().
				WithSelector(selectorLabels(name)).
				WithPorts(entrance))},
		{Name: metrics, Configuration: corev1ac.Service(metrics, namespace).
			WithLabels(objectLabels(name, componentMetrics)).
			WithSpec(corev1ac.ServiceSpec().
				WithClusterIP(corev1.ClusterIPNone).
				// A pod that is starting or draining is scraped as well: its last figures matter.
				WithPublishNotReadyAddresses(true).
				WithSelector(selectorLabels(name)).
				WithPorts(servicePort(PortNameMetrics, AdminPort, PortNameAdmin)))},
	}
}

func servicePort(name string, port int32, target string) *corev1ac.ServicePortApplyConfiguration {
	return corev1ac.ServicePort().
		WithName(name).
		WithProtocol(corev1.ProtocolTCP).
		WithPort(port).
		WithTargetPort(intstr.FromString(target))
}
