// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	networkingv1 "k8s.io/api/networking/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// gatewayAPI are Gateway API's own definitions of some kinds, from its module.
func gatewayAPI(t *testing.T, resources ...string) []*apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	folder, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		t.Fatal(err)
	}
	var definitions []*apiextensionsv1.CustomResourceDefinition
	for _, resource := range resources {
		text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(folder)), "config", "crd", "standard", build.GatewayGroup+"_"+resource+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		definition := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.Unmarshal(text, definition); err != nil {
			t.Fatal(err)
		}
		definitions = append(definitions, definition)
	}
	return definitions
}

// strictly decodes an object into the type of its own project; a field that this does not have is an error.
func strictly(t *testing.T, object *unstructured.Unstructured, into any) {
	t.Helper()
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, into, true); err != nil {
		t.Fatalf("%s: %v", object.GetKind(), err)
	}
}

func objectOf(kind schema.GroupVersionKind, namespace, name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	object.SetNamespace(namespace)
	object.SetName(name)
	return object
}

// expectRoute waits for a route that reads as a condition demands.
func expectRoute(t *testing.T, namespace string, kind schema.GroupVersionKind, assertions func(g gomega.Gomega, spec map[string]any)) *unstructured.Unstructured {
	t.Helper()
	route := objectOf(kind, namespace, serviceName)
	eventually(t, func(g gomega.Gomega) {
		g.Expect(api.Get(t.Context(), client.ObjectKeyFromObject(route), route)).To(gomega.Succeed())
		spec, _, err := unstructured.NestedMap(route.Object, "spec")
		g.Expect(err).NotTo(gomega.HaveOccurred())
		assertions(g, spec)
	})
	return route
}

// answer is a condition that a gateway's controller reports.
type answer struct {
	kind   string
	status metav1.ConditionStatus
	reason string
	// behind is by how many generations.
	behind int64
}

var (
	accepted = []answer{{"Accepted", metav1.ConditionTrue, "Accepted", 0}, {"ResolvedRefs", metav1.ConditionTrue, "ResolvedRefs", 0}}
	refused  = []answer{{"Accepted", metav1.ConditionFalse, "NotAllowedByListeners", 0}, {"ResolvedRefs", metav1.ConditionTrue, "ResolvedRefs", 0}}
)

// reportParent writes a route's status as the controller of a Gateway would; other controllers' entries stay.
func reportParent(t *testing.T, namespace string, parent gatewayv1.ParentReference, controller string, answers ...answer) {
	t.Helper()
	var route gatewayv1.HTTPRoute
	object := objectOf(build.HTTPRouteKind, namespace, serviceName)
	eventually(t, func(g gomega.Gomega) {
		g.Expect(api.Get(t.Context(), client.ObjectKeyFromObject(object), object)).To(gomega.Succeed())
		strictly(t, object, &route)
		entry := gatewayv1.RouteParentStatus{ParentRef: parent, ControllerName: gatewayv1.GatewayController(controller)}
		for _, a := range answers {
			entry.Conditions = append(entry.Conditions, metav1.Condition{
				Type: a.kind, Status: a.status, Reason: a.reason, Message: "says " + controller, ObservedGeneration: route.Generation - a.behind, LastTransitionTime: metav1.Now(),
			})
		}
		parents := slices.DeleteFunc(route.Status.Parents, func(p gatewayv1.RouteParentStatus) bool { return string(p.ControllerName) == controller })
		route.Status.Parents = parents
		if len(answers) > 0 {
			route.Status.Parents = append(parents, entry)
		}
		status, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&route.Status)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		object.Object["status"] = status
		g.Expect(api.Status().Update(t.Context(), object)).To(gomega.Succeed())
	})
}

func parentRef(name string) gatewayv1.ParentReference {
	return gatewayv1.ParentReference{
		Group: new(gatewayv1.Group(build.GatewayGroup)), Kind: new(gatewayv1.Kind("Gateway")), Name: gatewayv1.ObjectName(name),
	}
}

const gatewaySpec = `{replicas: 2, expose: {hosts: [shop.example], gateway: {name: edge}}}`

// Definitions are the whole cluster's, so this test runs alone: tests that run in parallel wait for it.
func TestARouteFollowsGatewayAPI(t *testing.T) {
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)

	t.Log("a cluster with GatewayClasses and Gateways, but without routes")
	keep(t, gatewayAPI(t, "gatewayclasses", "gateways")...)
	applyService(t, namespace, gatewaySpec)
	settled(t, namespace, serviceName)
	message := expectExposed(t, namespace, metav1.ConditionFalse, v1alpha1.ReasonRouteKindAbsent, "")
	if !strings.Contains(message, "HTTPRoute (gateway.networking.k8s.io/v1) is not installed in this cluster") {
		t.Errorf("message %q", message)
	}
	withClass := `{replicas: 2, expose: {hosts: [shop.example], gateway: {name: edge}, ingressClassName: nginx}}`
	applyService(t, namespace, withClass)
	expectExposed(t, namespace, metav1.ConditionUnknown, v1alpha1.ReasonAwaitingAddress, "http://shop.example/")
	ingress := &networkingv1.Ingress{}
	get(t, namespace, serviceName, ingress)
	assignAddress(t, namespace, "192.0.2.7")
	expectExposed(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonAddressAssigned, "http://shop.example/")

	t.Log("the kind of another route comes")
	grpc := define(t, gatewayAPI(t, "grpcroutes")...)
	applyService(t, namespace, with(t, withClass, `{expose: {paths: [/, /cart]}}`))
	settled(t, namespace, serviceName)
	expectCondition(t, namespace, v1alpha1.ConditionExposed, metav1.ConditionTrue, v1alpha1.ReasonAddressAssigned)
	grpc()
	applyService(t, namespace, withClass)

	t.Log("the kind comes, and the route takes the place of the Ingress")
	http := define(t, gatewayAPI(t, "httproutes")...)
	route := expectRoute(t, namespace, build.HTTPRouteKind, func(gomega.Gomega, map[string]any) {})
	if owner := metav1.GetControllerOf(route); owner == nil || owner.Name != serviceName {
		t.Errorf("the owner of the route is %v", owner)
	}
	expectGone(t, ingress)
	expectExposed(t, namespace, metav1.ConditionUnknown, v1alpha1.ReasonAwaitingGateway, "https://shop.example/")
	settled(t, namespace, serviceName)

	t.Log("what the definition defaults is no difference, and a restart writes nothing")
	if written := nudgeOperator(t, namespace, op, 1); len(written) > 0 {
		t.Errorf("a reconcile without a change wrote %v", written)
	}
	op.stop()
	op = startOperator(t, namespace, nil)
	if written := nudgeOperator(t, namespace, op, 2); len(written) > 0 {
		t.Errorf("a restart wrote %v", written)
	}

	t.Log("what somebody changed is put right")
	if err := unstructured.SetNestedStringSlice(route.Object, []string{"other.example"}, "spec", "hostnames"); err != nil {
		t.Fatal(err)
	}
	if err := api.Update(t.Context(), route, client.FieldOwner("somebody")); err != nil {
		t.Fatal(err)
	}
	expectRoute(t, namespace, build.HTTPRouteKind, func(g gomega.Gomega, spec map[string]any) {
		g.Expect(spec["hostnames"]).To(gomega.Equal([]any{"shop.example"}))
	})

	t.Log("without expose it goes, and when the kind goes the condition says so")
	applyService(t, namespace, `replicas: 2`)
	expectGone(t, route)
	expectNoCondition(t, namespace, v1alpha1.ConditionExposed)
	applyService(t, namespace, gatewaySpec)
	expectRoute(t, namespace, build.HTTPRouteKind, func(gomega.Gomega, map[string]any) {})
	http()
	expectExposed(t, namespace, metav1.ConditionFalse, v1alpha1.ReasonRouteKindAbsent, "")
	settled(t, namespace, serviceName)
}

// Definitions are the whole cluster's, so this test runs alone.
func TestTheConditionFollowsWhatGatewaysSay(t *testing.T) {
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	keep(t, gatewayAPI(t, "gateways")...)
	define(t, gatewayAPI(t, "httproutes")...)
	const url = "https://shop.example/"
	applyService(t, namespace, gatewaySpec)
	message := expectExposed(t, namespace, metav1.ConditionUnknown, v1alpha1.ReasonAwaitingGateway, url)
	if !strings.Contains(message, `no controller has answered for Gateway "edge"`) {
		t.Errorf("message %q", message)
	}
	reportParent(t, namespace, parentRef("other"), "example.com/a", accepted...) // of a Gateway that nobody asked about
	reportParent(t, namespace, parentRef("edge"), "example.com/b", refused...)
	message = expectExposed(t, namespace, metav1.ConditionFalse, "NotAllowedByListeners", url)
	if want := `Gateway "edge": Accepted is False (NotAllowedByListeners), says example.com/b: says example.com/b`; message != want {
		t.Errorf("message %q, want %q", message, want)
	}
	reportParent(t, namespace, parentRef("edge"), "example.com/b", accepted...)
	expectExposed(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonRouteAccepted, url)

	t.Log("a second controller answers for the same Gateway")
	reportParent(t, namespace, parentRef("edge"), "example.com/c", answer{"Accepted", metav1.ConditionTrue, "Accepted", 0}, answer{"ResolvedRefs", metav1.ConditionFalse, "BackendNotFound", 0})
	expectExposed(t, namespace, metav1.ConditionFalse, "BackendNotFound", url)
	reportParent(t, namespace, parentRef("edge"), "example.com/c", answer{"Accepted", metav1.ConditionTrue, "Accepted", 0})
	expectExposed(t, namespace, metav1.ConditionUnknown, v1alpha1.ReasonAwaitingGateway, url)
	reportParent(t, namespace, parentRef("edge"), "example.com/c")
	expectExposed(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonRouteAccepted, url)

	t.Log("an edit awaits a new answer")
	service := applyService(t, namespace, with(t, gatewaySpec, `{expose: {paths: [/cart]}}`))
	expectExposed(t, namespace, metav1.ConditionUnknown, v1alpha1.ReasonAwaitingGateway, url+"cart")
	if written := op.writes.count("PATCH httproutes"); written != 2 {
		t.Errorf("%d writes of the route, want one for each form of the spec", written)
	}
	reportParent(t, namespace, parentRef("edge"), "example.com/b", accepted...)
	expectExposed(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonRouteAccepted, url+"cart")
	get(t, namespace, serviceName, service)
	if condition := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionReady); condition.Status == metav1.ConditionTrue {
		t.Error("Ready follows from the pods alone, and there are none")
	}

	t.Log("the URL is by the Gateway's listeners")
	gateway := objectOf(build.GatewayKind, namespace, "edge")
	gateway.Object["spec"] = parse(t, `{gatewayClassName: a, listeners: [{name: web, port: 8080, protocol: HTTP}, {name: other, port: 443, protocol: HTTPS, hostname: other.example, tls: {certificateRefs: [{name: a}]}}]}`)
	if err := api.Create(t.Context(), gateway); err != nil {
		t.Fatal(err)
	}
	reportParent(t, namespace, parentRef("edge"), "example.com/b", refused...)
	expectExposed(t, namespace, metav1.ConditionFalse, "NotAllowedByListeners", "http://shop.example:8080/cart")
}

// Whatever the API accepts, Gateway API accepts, too, and reads as its own types do. Definitions are the whole cluster's, so this test
// runs alone.
func TestRoutesAreThoseOfGatewayAPI(t *testing.T) {
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	define(t, gatewayAPI(t, "httproutes", "grpcroutes")...)
	long := strings.Repeat("a", 63)
	hosts, paths := make([]string, 16), make([]string, 16)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("%s.%s.%s.h%d.example", long, long, long, i)
		paths[i] = fmt.Sprintf("/%c$&()*+,;=:@~_.-%%20/%s/", 'a'+i, strings.Repeat("x", 200))
	}
	hosts[15] = "*.example"
	most := map[string]any{"hosts": hosts, "paths": paths, "gateway": map[string]any{"name": "edge", "namespace": long, "sectionName": "https.web"}}
	encoded, err := yaml.Marshal(map[string]any{"expose": most})
	if err != nil {
		t.Fatal(err)
	}
	applyService(t, namespace, string(encoded))
	settled(t, namespace, serviceName)
	var route gatewayv1.HTTPRoute
	strictly(t, expectRoute(t, namespace, build.HTTPRouteKind, func(gomega.Gomega, map[string]any) {}), &route)
	if len(route.Spec.Hostnames) != 16 || len(route.Spec.Rules[0].Matches) != 16 || *route.Spec.ParentRefs[0].SectionName != "https.web" {
		t.Errorf("route %+v", route.Spec)
	}
	if written := nudgeOperator(t, namespace, op, 1); len(written) > 0 {
		t.Errorf("a reconcile without a change wrote %v", written)
	}

	applyService(t, namespace, `{service: {port: 9000, appProtocol: grpc}, expose: {hosts: [a.example], paths: [/shop.v1.Ledger, /shop.v1.Audit/Read/], gateway: {name: edge}}}`)
	object := expectRoute(t, namespace, build.GRPCRouteKind, func(gomega.Gomega, map[string]any) {})
	expectGone(t, objectOf(build.HTTPRouteKind, namespace, serviceName))
	settled(t, namespace, serviceName)
	var calls gatewayv1.GRPCRoute
	strictly(t, object, &calls)
	exact := gatewayv1.GRPCMethodMatchExact
	want := []gatewayv1.GRPCRouteMatch{
		{Method: &gatewayv1.GRPCMethodMatch{Type: &exact, Service: new("shop.v1.Ledger")}},
		{Method: &gatewayv1.GRPCMethodMatch{Type: &exact, Service: new("shop.v1.Audit"), Method: new("Read")}},
	}
	if diff := cmp.Diff(want, calls.Spec.Rules[0].Matches); diff != "" {
		t.Errorf("matches (-want +got):\n%s", diff)
	}
	if written := nudgeOperator(t, namespace, op, 2); len(written) > 0 {
		t.Errorf("a reconcile without a change wrote %v", written)
	}

	t.Log("all methods")
	applyService(t, namespace, `{service: {port: 9000, appProtocol: grpc}, expose: {hosts: [a.example], gateway: {name: edge}}}`)
	expectRoute(t, namespace, build.GRPCRouteKind, func(g gomega.Gomega, spec map[string]any) {
		g.Expect(spec["rules"].([]any)[0]).NotTo(gomega.HaveKey("matches"))
	})
	if written := nudgeOperator(t, namespace, op, 3); len(written) > 0 {
		t.Errorf("a reconcile without a change wrote %v", written)
	}
}

// A route that belongs to somebody else stays, and nothing leads clients elsewhere meanwhile. Definitions are the whole cluster's, so
// this test runs alone.
func TestAForeignRouteIsAConflict(t *testing.T) {
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	define(t, gatewayAPI(t, "httproutes")...)
	foreign := objectOf(build.HTTPRouteKind, namespace, serviceName)
	foreign.Object["spec"] = parse(t, `{hostnames: [theirs.example]}`)
	eventually(t, func(g gomega.Gomega) { g.Expect(api.Create(t.Context(), foreign)).To(gomega.Succeed()) }) // once the kind is served
	applyService(t, namespace, `{replicas: 2, expose: {hosts: [shop.example], ingressClassName: nginx}}`)
	settled(t, namespace, serviceName)
	applyService(t, namespace, gatewaySpec)
	expectCondition(t, namespace, v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonConflict)
	expectExposed(t, namespace, metav1.ConditionFalse, v1alpha1.ReasonApplyFailed, "https://shop.example/")
	get(t, namespace, serviceName, &networkingv1.Ingress{}) // it leads clients to the service until the route does
	before := foreign.GetResourceVersion()
	if err := api.Get(context.Background(), client.ObjectKeyFromObject(foreign), foreign); err != nil || foreign.GetResourceVersion() != before {
		t.Errorf("the foreign route was touched: %v", err)
	}
	if err := api.Delete(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	settled(t, namespace, serviceName)
	expectGone(t, &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: serviceName}})
}
