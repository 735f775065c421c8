// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/indicators"
)

const (
	// ContainerName of the service's own container unless the user names it otherwise.
	ContainerName = "service"
	// PortNameHTTP is where the service serves, PortNameAdmin where it is scraped, probed and asked.
	PortNameHTTP  = "http"
	PortNameAdmin = "admin"
	// PortNameHTTPS is the Service's name for the port of a container that serves TLS.
	PortNameHTTPS = "https"
	// PortNameMetrics is the metrics Service's name for the admin port.
	PortNameMetrics = "metrics"
	// AdminPort of every pod that is built on the toolkit.
	AdminPort = indicators.ToolkitPort
	// ServicePort of every Service, and ServicePortTLS of one whose pods serve TLS.
	ServicePort    = 80
	ServicePortTLS = 443

	profilingAddress = "127.0.0.1:6060"

	liveSettingsDirectory = "/etc/goservice/live-settings"
	tlsDirectory          = "/etc/goservice/tls"
	clientCADirectory     = "/etc/goservice/client-ca"

	maxNameLength = 63
	hashLength    = 8
)

// ContainerOf is the name of a service's own container.
func ContainerOf(spec *v1alpha1.GoServiceSpec) string {
	if spec.Pod == nil {
		return ContainerName
	}
	return cmp.Or(string(spec.Pod.ContainerName), ContainerName)
}

// ContainerOfPod is the name of the service's own container in a pod with these annotations.
func ContainerOfPod(annotations map[string]string) string {
	return cmp.Or(annotations[AnnotationContainer], ContainerName)
}

// OlderLiveSettingsName is the name of the ConfigMap that pods mount whose template has no AnnotationLiveSettingsForm.
func OlderLiveSettingsName(service string) string { return suffixed(service, "-tuning") }

// LiveSettingsName is the name of the ConfigMap with the live settings.
func LiveSettingsName(service string) string { return suffixed(service, "-live-settings") }

// MetricsServiceName is the name of the Service that is scraped.
func MetricsServiceName(service string) string { return suffixed(service, "-metrics") }

// ExposeSecretName is the name of the Secret in which cert-manager keeps the certificate of the Ingress, if the user names none. It is
// not the usual name of the pods' own certificate, which would be overwritten.
func ExposeSecretName(service string) string { return suffixed(service, "-expose-tls") }

// suffixed appends to a name; a name that would become too long is cut and told apart by a hash of its whole.
func suffixed(name, suffix string) string {
	if len(name)+len(suffix) <= maxNameLength {
		return name + suffix
	}
	sum := sha256.Sum256([]byte(name))
	hash := hex.EncodeToString(sum[:])[:hashLength]
	return name[:maxNameLength-len(suffix)-hashLength-1] + "-" + hash + suffix
}
