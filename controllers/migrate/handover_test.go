// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The commands hand over everything that the GoService takes the place of, and delete what the operator can do nothing with.
func TestTheCommandsHandOverWhatIsReplaced(t *testing.T) {
	const autoscaler = `{"apiVersion": autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: cart-cpu}, spec: {scaleTargetRef: {kind: Deployment, name: cart}, maxReplicas: 9}}
---
`
	const metrics = `{"apiVersion": v1, kind: Service, metadata: {name: cart-metrics, labels: {app: cart}}, spec: {selector: {app: cart}, ports: [{name: http, port: 9000}]}}
---
`
	monitored := cart + metrics + cartMonitor
	for what, c := range map[string]struct {
		manifests string
		want      []string
	}{
		"a Deployment alone": {cart, []string{"kubectl annotate deployment/cart goservice.dev/adopt=cart"}},
		"all of it": {cart + cartService + autoscaler + cartBudget + cartMonitor, []string{
			"kubectl annotate deployment/cart service/cart hpa/cart-cpu pdb/cart servicemonitor/cart goservice.dev/adopt=cart"}},
		"a Service of another name": {cart + strings.Replace(cartService, "name: cart,", "name: web,", 1), []string{"kubectl annotate deployment/cart goservice.dev/adopt=cart"}},
		"a Service for metrics": {monitored + cartService, []string{
			"kubectl annotate deployment/cart service/cart servicemonitor/cart goservice.dev/adopt=cart", "kubectl delete service/cart-metrics"}},
		"a headless one": {strings.Replace(monitored, "spec: {selector: {app: cart}, ports: [{name: http, port: 9000}]", "spec: {clusterIP: None, selector: {app: cart}, ports: [{name: http, port: 9000}]", 1) + cartService, []string{
			"kubectl annotate deployment/cart service/cart service/cart-metrics servicemonitor/cart goservice.dev/adopt=cart"}},
		"an Ingress and a NetworkPolicy": {
			cart + cartService + "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: cart-web}, spec: {rules: [{host: a.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: cart, port: {number: 81}}}}]}}]}}" +
				"\n---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: cart}, spec: {podSelector: {matchLabels: {app: cart}}, ingress: [{}]}}\n",
			[]string{"kubectl annotate deployment/cart service/cart networkpolicy/cart goservice.dev/adopt=cart", "kubectl delete ingress/cart-web"},
		},
		"a ServiceMonitor of another name": {cart + cartService + strings.Replace(cartMonitor, "{name: cart,", "{name: cart, namespace: monitoring,", 1), []string{
			"kubectl annotate deployment/cart service/cart goservice.dev/adopt=cart"}}, // it looks elsewhere
		"a ServiceMonitor beside Prometheus": {
			strings.NewReplacer("metadata: {name: cart", "metadata: {namespace: shop, name: cart").Replace(cart+cartService) +
				strings.NewReplacer("{name: cart,", "{name: cart, namespace: monitoring,", "spec: {", "spec: {namespaceSelector: {matchNames: [shop]}, ").Replace(cartMonitor),
			[]string{"kubectl annotate -n shop deployment/cart service/cart goservice.dev/adopt=cart", "kubectl delete -n monitoring servicemonitor/cart"}},
	} {
		output := converted(t, read(t, c.manifests))
		if diff := cmp.Diff(c.want, output.Results[0].HandOver); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", what, diff)
		}
		var report bytes.Buffer
		output.Report(&report)
		if last := "once the GoServices are applied, hand over what they take the place of:\n  " + strings.Join(c.want, "\n  ") + "\n"; !strings.HasSuffix(report.String(), last) {
			t.Errorf("%s: the report does not end with them:\n%s", what, &report)
		}
	}
}

// What a tool finds its objects by would make the GoService one of them.
func TestWhatToolsTrackByIsNotCarriedOver(t *testing.T) {
	tracked := strings.Replace(cart, "metadata: {name: cart", `metadata: {labels: {app: cart, app.kubernetes.io/managed-by: Helm, helm.sh/chart: cart-1, argocd.argoproj.io/instance: shop}, `+
		`annotations: {meta.helm.sh/release-name: shop, "argocd.argoproj.io/tracking-id": "shop:apps/Deployment:a/cart", pager: shop}, name: cart`, 1)
	service := converted(t, read(t, tracked)).Results[0].Service
	if diff := cmp.Diff(map[string]string{"app": "cart"}, service.Labels); diff != "" {
		t.Errorf("labels (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"pager": "shop"}, service.Annotations); diff != "" {
		t.Errorf("annotations (-want +got)\n%s", diff)
	}
}

// What was handed over, or back, and is converted then, is converted to the same.
func TestTheOperatorsAnnotationsAreNotCarriedOver(t *testing.T) {
	annotated := strings.ReplaceAll(cart+cartService, "metadata: {name: cart", `metadata: {annotations: {goservice.dev/adopt: cart}, name: cart`)
	plainly, again := converted(t, read(t, cart+cartService)).Results[0], converted(t, read(t, annotated)).Results[0]
	if diff := cmp.Diff(shown(plainly.Service), shown(again.Service)); diff != "" || allNotes(plainly) != allNotes(again) {
		t.Errorf("(-plainly +annotated)\n%s\n%s", diff, allNotes(again))
	}
}
