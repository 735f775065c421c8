// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"maps"

	networkingv1 "k8s.io/api/networking/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// IngressKind is that of Ingresses.
var IngressKind = networkingv1.SchemeGroupVersion.WithKind("Ingress")

// issuerAnnotations are those that cert-manager reads on an Ingress, by the kind of the issuer.
var issuerAnnotations = map[v1alpha1.IssuerKind]string{
	"":                               "cert-manager.io/issuer",
	v1alpha1.IssuerKindIssuer:        "cert-manager.io/issuer",
	v1alpha1.IssuerKindClusterIssuer: "cert-manager.io/cluster-issuer",
}

func ingress(in input) []Child {
	if !in.exposes(IngressKind) {
		return nil
	}
	name, expose := in.service.Name, in.service.Spec.Expose
	annotations := plain(expose.Annotations)
	spec := networkingv1ac.IngressSpec()
	if expose.IngressClassName != "" {
		spec.WithIngressClassName(string(expose.IngressClassName))
	}
	if expose.TLS != nil {
		tls := networkingv1ac.IngressTLS().WithHosts(in.hosts()...)
		secret := string(expose.TLS.SecretName)
		if issuer := expose.TLS.Issuer; issuer != nil {
			maps.DeleteFunc(annotations, func(key, _ string) bool { return isIssuerAnnotation(key) })
			annotations[issuerAnnotations[issuer.Kind]] = string(issuer.Name)
			if secret == "" {
				secret = ExposeSecretName(name)
			}
		}
		if secret != "" {
			tls.WithSecretName(secret)
		}
		spec.WithTLS(tls)
	}
	for _, host := range in.hosts() {
		spec.WithRules(networkingv1ac.IngressRule().WithHost(host).WithHTTP(in.ingressPaths()))
	}
	return []Child{{Name: name, Configuration: networkingv1ac.Ingress(name, in.service.Namespace).
		WithLabels(objectLabels(name, componentService)).
		WithAnnotations(annotations).
		WithSpec(spec)}}
}

// ingressPaths lead to the Service. Like the rules, they are built anew for each host: apply configurations are not shared.
func (in input) ingressPaths() *networkingv1ac.HTTPIngressRuleValueApplyConfiguration {
	number, _ := exposedPort(&in.service.Spec)
	rule := networkingv1ac.HTTPIngressRuleValue()
	for _, path := range ExposedPaths(in.service.Spec.Expose) {
		rule.WithPaths(networkingv1ac.HTTPIngressPath().
			WithPath(path).
			WithPathType(networkingv1.PathTypePrefix).
			WithBackend(networkingv1ac.IngressBackend().WithService(networkingv1ac.IngressServiceBackend().
				WithName(in.service.Name).
				WithPort(networkingv1ac.ServiceBackendPort().WithNumber(number)))))
	}
	return rule
}

// isIssuerAnnotation: cert-manager refuses an Ingress with two issuers.
func isIssuerAnnotation(key string) bool {
	return key == issuerAnnotations[v1alpha1.IssuerKindIssuer] || key == issuerAnnotations[v1alpha1.IssuerKindClusterIssuer]
}
