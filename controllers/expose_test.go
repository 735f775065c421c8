// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

func expectExposed(t *testing.T, namespace string, status metav1.ConditionStatus, reason, url string) string {
	t.Helper()
	message := expectCondition(t, namespace, v1alpha1.ConditionExposed, status, reason)
	eventually(t, func(g gomega.Gomega) {
		var service v1alpha1.GoService
		g.Expect(api.Get(t.Context(), clientKey(namespace, serviceName), &service)).To(gomega.Succeed())
		g.Expect(service.Status.URL).To(gomega.Equal(url))
	})
	return message
}

// assignAddress is what an Ingress controller does.
func assignAddress(t *testing.T, namespace, address string) {
	t.Helper()
	var ingress networkingv1.Ingress
	get(t, namespace, serviceName, &ingress)
	ingress.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: address}}
	if err := api.Status().Update(t.Context(), &ingress); err != nil {
		t.Fatal(err)
	}
}

func expectNoCondition(t *testing.T, namespace, kind string) {
	t.Helper()
	eventually(t, func(g gomega.Gomega) {
		var service v1alpha1.GoService
		g.Expect(api.Get(t.Context(), clientKey(namespace, serviceName), &service)).To(gomega.Succeed())
		g.Expect(meta.FindStatusCondition(service.Status.Conditions, kind)).To(gomega.BeNil())
		g.Expect(service.Status.URL).To(gomega.BeEmpty())
	})
}

// expectGone waits until an object does not exist.
func expectGone(t *testing.T, object client.Object) {
	t.Helper()
	eventually(t, func(g gomega.Gomega) {
		err := api.Get(t.Context(), client.ObjectKeyFromObject(object), object)
		g.Expect(apierrors.IsNotFound(err) || meta.IsNoMatchError(err)).To(gomega.BeTrue(), "%T %s: %v", object, object.GetName(), err)
	})
}

func TestAnIngressLeadsClientsToTheService(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	spec := `{replicas: 2, expose: {hosts: ["*.shop.example", shop.example], paths: [/cart], ingressClassName: nginx, tls: {issuer: {name: letsencrypt}}, annotations: {example.com/a: b}}}`
	applyService(t, namespace, spec)
	settled(t, namespace, serviceName)
	const url = "https://shop.example/cart"
	message := expectExposed(t, namespace, metav1.ConditionUnknown, v1alpha1.ReasonAwaitingAddress, url)
	if !strings.Contains(message, `IngressClass "nginx"`) {
		t.Errorf("message %q", message)
	}
	assignAddress(t, namespace, "192.0.2.7")
	expectExposed(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonAddressAssigned, url)

	t.Log("cert-manager adds an annotation, and a path for a challenge")
	var ingress networkingv1.Ingress
	get(t, namespace, serviceName, &ingress)
	ingress.Annotations["acme.cert-manager.io/http01-edit-in-place"] = "true"
	challenge := *ingress.Spec.Rules[1].HTTP.Paths[0].DeepCopy()
	challenge.Path, challenge.Backend.Service.Name = "/.well-known/acme-challenge/token", "solver"
	ingress.Spec.Rules[1].HTTP.Paths = append(ingress.Spec.Rules[1].HTTP.Paths, challenge)
	if err := api.Update(t.Context(), &ingress, client.FieldOwner("cert-manager")); err != nil {
		t.Fatal(err)
	}
	if written := nudgeOperator(t, namespace, op, 1); len(written) > 0 {
		t.Errorf("the operator wrote %v", written)
	}

	t.Log("an edit changes what is the operator's, and an address stays")
	applyService(t, namespace, with(t, spec, `{expose: {annotations: {example.com/a: c}}}`))
	eventually(t, func(g gomega.Gomega) {
		g.Expect(api.Get(t.Context(), clientKey(namespace, serviceName), &ingress)).To(gomega.Succeed())
		g.Expect(ingress.Annotations).To(gomega.HaveKeyWithValue("example.com/a", "c"))
	})
	if ingress.Annotations["acme.cert-manager.io/http01-edit-in-place"] != "true" || ingress.Annotations["cert-manager.io/issuer"] != "letsencrypt" {
		t.Errorf("annotations %v", ingress.Annotations)
	}
	if ingress.Spec.TLS[0].SecretName != "checkout-expose-tls" {
		t.Errorf("tls %+v", ingress.Spec.TLS)
	}

	t.Log("it goes with expose")
	applyService(t, namespace, `replicas: 2`)
	expectGone(t, &ingress)
	expectNoCondition(t, namespace, v1alpha1.ConditionExposed)
}

func TestAForeignIngressIsAConflict(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	foreign := &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: serviceName},
		Spec:       networkingv1.IngressSpec{Rules: []networkingv1.IngressRule{{Host: "theirs.example"}}},
	}
	if err := api.Create(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	applyService(t, namespace, `{replicas: 2, expose: {hosts: [shop.example]}}`)
	expectCondition(t, namespace, v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonConflict)
	expectCondition(t, namespace, v1alpha1.ConditionExposed, metav1.ConditionFalse, v1alpha1.ReasonApplyFailed)
	applyService(t, namespace, `replicas: 2`)
	settled(t, namespace, serviceName)
	var now networkingv1.Ingress
	get(t, namespace, serviceName, &now)
	if diff := cmp.Diff(foreign, &now); diff != "" {
		t.Errorf("the foreign Ingress was touched (-before +after):\n%s", diff)
	}
}

// A Service that belongs to somebody else must not be reached from outside because of this one.
func TestNothingLeadsToAForeignService(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	foreign := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: serviceName}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1}}},
	}
	if err := api.Create(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	applyService(t, namespace, `{replicas: 2, expose: {hosts: [shop.example]}}`)
	expectCondition(t, namespace, v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonConflict)
	expectCondition(t, namespace, v1alpha1.ConditionExposed, metav1.ConditionFalse, v1alpha1.ReasonApplyFailed)
	if err := api.Get(t.Context(), clientKey(namespace, serviceName), &networkingv1.Ingress{}); !apierrors.IsNotFound(err) {
		t.Errorf("an Ingress leads to the foreign Service: %v", err)
	}
}

// Whatever the API accepts, the API server accepts in an Ingress.
func TestIngressesAreAccepted(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	for i, expose := range []string{
		`{hosts: [localhost, "*.example", 1.2.3.example, ` + strings.Repeat("a.", 126) + `a], paths: [/, "/a%20b/$&()*+,;=:@~_.-/", /..a, /a.], tls: {}}`,
		`{hosts: [a.example], annotations: {kubernetes.io/ingress.class: gce}}`,
		`{hosts: [a.example], tls: {secretName: a, issuer: {name: b, kind: ClusterIssuer}}, port: web}`,
		`{hosts: [a.example], ingressClassName: a.b, annotations: {A/b: "", ` + strings.Repeat("a", 63) + `: c}}`,
	} {
		name := fmt.Sprintf("checkout-%d", i)
		applyNamed(t, namespace, name, `{replicas: 1, ports: [{name: web, port: 81}], expose: `+expose+`}`)
		settled(t, namespace, name)
		get(t, namespace, name, &networkingv1.Ingress{})
	}
}
