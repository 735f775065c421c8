// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

func TestNamespacesToWatchAreReadOrRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	var o Options
	if err := o.SetWatchNamespaces("shop,billing-2"); err != nil || !slices.Equal(o.WatchNamespaces, []string{"shop", "billing-2"}) {
		t.Errorf("%v: %v", o.WatchNamespaces, err)
	}
	many := make([]string, MaxWatchedNamespaces+1)
	for i := range many {
		many[i] = fmt.Sprintf("team-%d", i)
	}
	if err := o.SetWatchNamespaces(strings.Join(many[1:], ",")); err != nil || len(o.WatchNamespaces) != MaxWatchedNamespaces {
		t.Errorf("%d namespaces are refused: %v", MaxWatchedNamespaces, err)
	}
	for text, want := range map[string]string{
		"":                                "must name at least one namespace; leave it out to watch all",
		"shop,":                           `"" is not the name of a namespace: `,
		"Shop":                            `"Shop" is not the name of a namespace: a lowercase RFC 1123 label must consist of`,
		"shop, billing":                   `" billing" is not the name of a namespace: `,
		"shop.eu":                         `"shop.eu" is not the name of a namespace: `,
		"shop," + strings.Repeat("a", 64): "must be no more than 63 characters",
		"shop,billing,shop":               `"shop" is named twice`,
		strings.Join(many, ","):           "names 101 namespaces; at most 100 are allowed",
		"*":                               `"*" is not the name of a namespace: `,
	} {
		o := Options{}
		if err := o.SetWatchNamespaces(text); err == nil || !strings.Contains(err.Error(), want) || o.WatchNamespaces != nil {
			t.Errorf("%.40q: %v, want %s; read %v", text, err, want, o.WatchNamespaces)
		}
	}
}

const (
	installNamespace = "goservice-system"
	operatorUser     = "system:serviceaccount:goservice-system:goservice-controller-manager"
)

// installedForTwo makes the namespaces and the roles that the chart renders for them, and nothing more.
func installedForTwo(t *testing.T) {
	t.Helper()
	for _, name := range []string{installNamespace, "watched-a", "watched-b"} {
		create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	text, err := os.ReadFile("testdata/watched-namespaces.yaml")
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(object.Object) > 0 {
			create(t, object)
		}
	}
}

// asInstalled is an operator with the permissions of its ServiceAccount alone, which are those of the roles. It notes what it is refused.
func asInstalled(t *testing.T, refused *refusals, names string) func(*operatorOptions) {
	t.Helper()
	var options Options
	if err := options.SetWatchNamespaces(names); err != nil {
		t.Fatal(err)
	}
	if err := options.LeaveOutNamespaces(t.Context(), impersonating(rest.CopyConfig(testConfig))); err != nil {
		t.Fatal(err)
	}
	return func(o *operatorOptions) {
		o.Namespace, o.hurriesReferences, o.impersonates = installNamespace, true, true
		o.WatchNamespaces, o.leftOut = options.WatchNamespaces, options.leftOut
		o.wrap = refused.wrap
	}
}

// refusals are the requests that the API server forbade.
type refusals struct {
	mu  sync.Mutex
	all []string
}

func (r *refusals) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(request)
		if err == nil && response.StatusCode == http.StatusForbidden {
			r.mu.Lock()
			r.all = append(r.all, request.Method+" "+request.URL.Path)
			r.mu.Unlock()
		}
		return response, err
	})
}

func (r *refusals) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// everyFeature is a service whose objects are of every kind that an API server without further definitions has, and which takes data from a Secret.
const everyFeature = `
slo:
  availability: "99.9"
  latency: {threshold: 50ms, percentile: "99"}
  load: {peakRequestsPerSecond: 2000}
expose: {hosts: [checkout.example], ingressClassName: nginx}
networkPolicy: {from: [{podSelector: {}}]}
envFrom: [{configMapRef: {name: config}}, {secretRef: {name: password}}]
`

// The roles are those that the chart renders, and the API server enforces them. Nothing that the operator asks for is refused.
func TestAnOperatorForSomeNamespacesNeedsNoMoreThanTheChartGrants(t *testing.T) {
	installedForTwo(t)
	outside := newNamespace(t)
	for _, namespace := range []string{"watched-a", "watched-b", outside} {
		create(t, aConfigMap(namespace, "config", "blue"), aSecret(namespace, "password", "hunter2"))
		applyService(t, namespace, everyFeature)
	}
	var refused refusals
	pods := newWorkload()
	op := startOperator(t, "", pods, asInstalled(t, &refused, "watched-a,watched-b"))

	for _, namespace := range []string{"watched-a", "watched-b"} {
		settled(t, namespace, serviceName)
		awaitReferences(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonFollowed, "ConfigMap config, Secret password")
		want := []string{
			"ConfigMap/checkout-live-settings", "Deployment/checkout", "HorizontalPodAutoscaler/checkout", "Ingress/checkout", "NetworkPolicy/checkout",
			"PodDisruptionBudget/checkout", "Service/checkout", "Service/checkout-metrics", "ServiceAccount/checkout",
		}
		if difference := cmp.Diff(want, names(childrenOf(t, namespace))); difference != "" {
			t.Errorf("in %s, want - and got +\n%s", namespace, difference)
		}
		peersSecretOf(t, namespace)
	}
	gomega.NewWithT(t).Eventually(op.ready).Should(gomega.Succeed())

	t.Log("pods are nudged, data is followed, and what is no longer wanted is removed")
	for _, pod := range []string{"a", "b"} {
		startPod(t, "watched-a", pod)
	}
	before, _ := templateNow(t, "watched-a")
	password := aSecret("watched-a", "password", "correct horse")
	update(t, password)
	awaitReplacement(t, "watched-a", before)
	applyService(t, "watched-a", limited("600"))
	tuned(t, "watched-a", 2, "300/s")
	applyService(t, "watched-a", limited("900"))
	tuned(t, "watched-a", 2, "450/s")
	gomega.NewWithT(t).Expect(op.writes.written()).To(gomega.ContainElements("PATCH pods/a", "PATCH pods/b"))
	eventually(t, func(g gomega.Gomega) {
		g.Expect(names(childrenOf(t, "watched-a"))).To(gomega.And(gomega.Not(gomega.ContainElement("Ingress/checkout")), gomega.Not(gomega.ContainElement("NetworkPolicy/checkout"))))
	})
	if all := refused.list(); len(all) > 0 {
		t.Errorf("the operator was refused %d requests: %v", len(all), slices.Compact(all))
	}

	t.Log("outside, nothing is touched")
	var service v1alpha1.GoService
	get(t, outside, serviceName, &service)
	if len(service.Status.Conditions) > 0 || service.Status.ObservedGeneration > 0 {
		t.Errorf("the status of a service outside is %+v", service.Status)
	}
	if made := childrenOf(t, outside); len(made) > 0 {
		t.Errorf("outside, the operator made %v", names(made))
	}

	t.Run("a namespace without a role is left out until it has one", func(t *testing.T) {
		op.stop()
		leftOutUntilGranted(t, outside)
	})
}

func leftOutUntilGranted(t *testing.T, outside string) {
	var none Options
	if err := none.SetWatchNamespaces(outside); err != nil {
		t.Fatal(err)
	}
	err := none.LeaveOutNamespaces(t.Context(), impersonating(rest.CopyConfig(testConfig)))
	if err == nil || !strings.Contains(err.Error(), "may watch none of the namespaces "+outside) {
		t.Errorf("error without any permission is %v", err)
	}

	var refused refusals
	ended := make(chan error, 1)
	startOperator(t, "", nil, asInstalled(t, &refused, outside+",watched-b"), func(o *operatorOptions) { o.ended = func(err error) { ended <- err } })
	applyService(t, "watched-b", `{env: [{name: COLOR, value: red}]}`)
	settled(t, "watched-b", serviceName)
	var deployment appsv1.Deployment
	if err := api.Get(t.Context(), clientKey(outside, serviceName), &deployment); !apierrors.IsNotFound(err) {
		t.Errorf("outside: %v", err)
	}

	role, binding := &rbacv1.Role{}, &rbacv1.RoleBinding{}
	get(t, "watched-b", "goservice-manager-role", role)
	get(t, "watched-b", "goservice-manager-rolebinding", binding)
	for _, object := range []client.Object{role, binding} {
		object.SetNamespace(outside)
		object.SetResourceVersion("")
		create(t, object)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "may watch namespace "+outside+" now") {
		t.Errorf("the operator ended with: %v", err)
	}
	startOperator(t, "", nil, asInstalled(t, &refused, outside+",watched-b"))
	applied := meta.FindStatusCondition(settled(t, outside, serviceName).Status.Conditions, v1alpha1.ConditionApplied)
	if applied.Status != metav1.ConditionTrue {
		t.Errorf("Applied is %+v", applied)
	}
}
