// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/controllers/internal/build"
)

const (
	// podsOf a Deployment that is handed over, and the Deployment.
	podsOf       = `{metadata: {labels: {app: a, team: red}}, spec: {containers: [{name: app, ports: [{name: web, containerPort: 8080}, {containerPort: 9000}]}]}}`
	theirs       = `{replicas: 3, selector: {matchLabels: {app: a}}, template: ` + podsOf + `}`
	theirService = `{type: NodePort, selector: {app: a}, ports: [{name: web, port: 80, protocol: TCP, targetPort: web}]}`
	ourService   = `{type: NodePort, selector: {app: a}, ports: [{name: http, port: 80, targetPort: 8080}]}`
	theirScaler  = `{scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: checkout}, maxReplicas: 9}`

	looksUpOwner   = "get GoService shop/checkout"
	createsService = "apply Service shop/checkout by goservice-operator forced at 1 owner owner"
	looksService   = "get Service shop/checkout"
	takesService   = "merge Service shop/checkout by goservice-operator at 50 of uid-checkout owner owner"

	createsDeployment = "apply Deployment shop/checkout by goservice-operator forced at 1 owner owner"
	updatesDeployment = "apply Deployment shop/checkout by goservice-operator forced of uid-checkout owner owner"
	looksDeployment   = "get Deployment shop/checkout"
	takesDeployment   = "merge Deployment shop/checkout by goservice-operator at 50 of uid-checkout owner owner"
	listsServices     = "list ServiceList shop"
	listsScalers      = "list HorizontalPodAutoscalerList shop"
)

// ourDeployment selects as theirs does, and has a port of another name.
func ourDeployment(t *testing.T) build.Child {
	t.Helper()
	child := desired(t, deploymentKind, "checkout", `{selector: {matchLabels: {app: a}}}`)
	child.Template = []byte(`{"metadata":{"labels":{"app":"a","team":"red"}},"spec":{"containers":[{"name":"app","ports":[{"name":"http","containerPort":8080},{"containerPort":9000}]}]}}`)
	return child
}

// What becomes of a Deployment that was handed over: whatever is in the way is named, and until it is gone nothing is written.
func TestADeploymentThatIsHandedOver(t *testing.T) {
	type change = func(*unstructured.Unstructured)
	const notTaken = `Conflict Deployment/checkout: Deployment "checkout" is handed over and not taken: `
	until := func(last string) []string {
		all := []string{createsDeployment, looksDeployment, looksUpOwner, listsServices, listsScalers}
		for i, request := range all {
			if request == last {
				return all[:i+1]
			}
		}
		return all
	}
	taken := []string{`Stale Deployment/checkout: Deployment "checkout" was taken: the cache lags behind the API server`}
	cases := map[string]struct {
		deployment []change
		others     []*unstructured.Unstructured
		desires    func(*build.Child)
		also       []build.Child // before the Deployment
		owner      func(*metav1.PartialObjectMetadata)
		errs       map[string]error
		requests   []string
		results    []string
		failures   []string
	}{
		"nothing is in the way": {requests: append(until(""), takesDeployment), results: []string{"Deployment taken"}, failures: taken},
		"it is handed over to another service": {
			deployment: []change{handedToAnother}, requests: until(looksDeployment), results: []string{"Deployment conflict"},
			failures: []string{`Conflict Deployment/checkout: a Deployment named "checkout" exists and belongs to no GoService`},
		},
		"it is being deleted": {
			deployment: []change{func(o *unstructured.Unstructured) { o.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(1, 0)}) }},
			requests:   until(looksDeployment), results: []string{"Deployment conflict"}, failures: []string{`Conflict Deployment/checkout: a Deployment named`},
		},
		"the service was made anew, and the cache does not show it": {
			owner: func(o *metav1.PartialObjectMetadata) { o.UID = "new" }, requests: until(looksUpOwner),
			failures: []string{`Stale Deployment/checkout: GoService "checkout" is another one by now: `},
		},
		"the service is being deleted, and the cache does not show it": {
			owner: func(o *metav1.PartialObjectMetadata) { o.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }, requests: until(looksUpOwner),
			failures: []string{`Stale Deployment/checkout: GoService "checkout" is another one by now: `},
		},
		"somebody controls it": {
			deployment: []change{controlled("theirs")}, requests: until(looksUpOwner), results: []string{"Deployment conflict"},
			failures: []string{notTaken + `ScaledObject "scaler" controls it and would go on changing it`},
		},
		"Helm applies it": {
			deployment: []change{annotated("meta.helm.sh/release-name", "shop")}, requests: until(looksUpOwner), results: []string{"Deployment conflict"},
			failures: []string{notTaken + `Helm release "shop" still applies it; take it out of there without deleting it, then remove meta.helm.sh/release-name from it`},
		},
		"it selects otherwise": {
			desires: func(c *build.Child) {
				c.Configuration.(map[string]any)["spec"] = map[string]any{"selector": map[string]any{"matchLabels": map[string]any{"app": "b"}}}
			},
			deployment: []change{func(o *unstructured.Unstructured) {
				_ = unstructured.SetNestedStringMap(o.Object, map[string]string{"app": "a", "b": "c"}, "spec", "selector", "matchLabels")
			}},
			requests: until(looksUpOwner), results: []string{"Deployment conflict"},
			failures: []string{notTaken + `nobody can change its selector; set spec.pod.selector to {app: a, b: c}`},
		},
		"it selects by expressions": {
			deployment: []change{func(o *unstructured.Unstructured) {
				_ = unstructured.SetNestedSlice(o.Object, []any{map[string]any{"key": "a", "operator": "Exists"}}, "spec", "selector", "matchExpressions")
			}},
			requests: until(looksUpOwner), results: []string{"Deployment conflict"}, failures: []string{notTaken + "its selector has matchExpressions"},
		},
		"Services that do not lead to its pods, or go on doing so": {
			others: []*unstructured.Unstructured{
				foreign(t, serviceKind, "elsewhere", `{selector: {app: b}, ports: [{port: 80, targetPort: web}]}`, handedToAnother),
				foreign(t, serviceKind, "by-hand", `{ports: [{port: 80, targetPort: web}]}`, handedToAnother),
				foreign(t, serviceKind, "by-number", `{selector: {app: a}, ports: [{port: 80, targetPort: 8080}]}`, handedToAnother),
				foreign(t, serviceKind, "not-declared", `{selector: {app: a}, ports: [{port: 80, targetPort: 7000}, {port: 81, targetPort: nowhere}]}`, handedToAnother),
			},
			requests: append(until(""), takesDeployment), results: []string{"Deployment taken"}, failures: taken,
		},
		"a Service selects by labels that would be gone": {
			others: []*unstructured.Unstructured{foreign(t, serviceKind, "second", `{selector: {team: red}, ports: [{port: 80}]}`)},
			desires: func(c *build.Child) {
				c.Template = []byte(strings.Replace(string(c.Template), `"team":"red"`, `"team":"blue"`, 1))
			},
			requests: until(listsServices), results: []string{"Deployment conflict"},
			failures: []string{notTaken + `Service "second" selects its pods by labels that the new pods do not have (team=red); set them in spec.pod.labels`},
		},
		"a Service leads to a port by a name that would be gone": {
			others:   []*unstructured.Unstructured{foreign(t, serviceKind, "second", `{selector: {app: a}, ports: [{port: 80, targetPort: web}]}`)},
			requests: until(listsServices), results: []string{"Deployment conflict"},
			failures: []string{notTaken + `Service "second" leads to the port named web, which the new pods do not have; annotate the Service of the name checkout with goservice.dev/adopt as well`},
		},
		"the Service of its name leads there, and stays": {
			others:   []*unstructured.Unstructured{foreign(t, serviceKind, "checkout", theirService, handedToAnother)},
			requests: until(listsServices), results: []string{"Deployment conflict"}, failures: []string{notTaken + `Service "checkout" leads to the port named web`},
		},
		"a Service leads to a port that would be gone": {
			others: []*unstructured.Unstructured{foreign(t, serviceKind, "second", `{selector: {app: a}, ports: [{port: 80, targetPort: 9000}]}`)},
			desires: func(c *build.Child) {
				c.Template = []byte(strings.Replace(string(c.Template), `,{"containerPort":9000}`, "", 1))
			},
			requests: until(listsServices), results: []string{"Deployment conflict"},
			failures: []string{notTaken + `Service "second" leads to port 9000, which the new pods do not have; set spec.port, or add it to spec.ports`},
		},
		"its Service follows": {
			others:   []*unstructured.Unstructured{foreign(t, serviceKind, "checkout", theirService)},
			requests: append(until(""), takesDeployment), results: []string{"Deployment taken"}, failures: taken,
		},
		"its Service is Helm's": {
			others:   []*unstructured.Unstructured{foreign(t, serviceKind, "checkout", theirService, annotated("meta.helm.sh/release-name", "shop"))},
			requests: until(listsServices), results: []string{"Deployment conflict"},
			failures: []string{notTaken + `Service "checkout" leads to it, and cannot be taken: Helm release "shop" still applies it`},
		},
		"its Service leads to another port of the pods that run": {
			others:   []*unstructured.Unstructured{foreign(t, serviceKind, "checkout", strings.Replace(theirService, "targetPort: web", "targetPort: 3000", 1))},
			also:     []build.Child{desired(t, serviceKind, "checkout", ourService)},
			requests: append(until(listsServices), createsService), results: []string{"Deployment conflict", "Service created"},
			failures: []string{notTaken + `Service "checkout" leads to it, and cannot be taken: its port 80 leads to port 3000 of the pods that run, and would lead to 8080; set spec.port, or the port in spec.ports, to 3000`},
		},
		"its Service leads by name to another port of the pods that run": {
			deployment: []change{func(o *unstructured.Unstructured) {
				spec := object(t, "spec: "+strings.Replace(theirs, "containerPort: 8080", "containerPort: 3000", 1))
				o.Object["spec"] = spec.Object["spec"]
			}},
			others:   []*unstructured.Unstructured{foreign(t, serviceKind, "checkout", theirService)},
			also:     []build.Child{desired(t, serviceKind, "checkout", strings.Replace(ourService, "targetPort: 8080", "targetPort: http", 1))},
			requests: append(until(listsServices), createsService), results: []string{"Deployment conflict", "Service created"},
			failures: []string{notTaken + `Service "checkout" leads to it, and cannot be taken: its port 80 leads to port 3000 of the pods that run, and would lead to 8080`},
		},
		"its Service leads to the same port, to no port, and to other pods": {
			others:   []*unstructured.Unstructured{foreign(t, serviceKind, "checkout", `{selector: {app: a}, ports: [{port: 80, targetPort: web}, {port: 81, targetPort: nowhere}]}`)},
			also:     []build.Child{desired(t, serviceKind, "checkout", `{selector: {app: a}, ports: [{port: 81, targetPort: 8081}, {port: 80, targetPort: 8080}]}`)},
			requests: append(until(""), takesDeployment, createsService), results: []string{"Deployment taken", "Service created"}, failures: taken,
		},
		"its Service leads to another port of other pods": {
			others:   []*unstructured.Unstructured{foreign(t, serviceKind, "checkout", strings.Replace(strings.Replace(theirService, "app: a", "app: b", 1), "targetPort: web", "targetPort: 3000", 1))},
			also:     []build.Child{desired(t, serviceKind, "checkout", ourService)},
			requests: append(until(""), takesDeployment, createsService), results: []string{"Deployment taken", "Service created"}, failures: taken,
		},
		"an autoscaler of another Deployment": {
			others: []*unstructured.Unstructured{
				foreign(t, autoscalerKind, "a", strings.Replace(theirScaler, "checkout", "cart", 1), handedToAnother),
				foreign(t, autoscalerKind, "b", strings.Replace(theirScaler, "Deployment", "StatefulSet", 1), handedToAnother),
				foreign(t, autoscalerKind, "c", strings.Replace(theirScaler, "apps/v1", "example.com/v1", 1), handedToAnother),
				foreign(t, autoscalerKind, "d", theirScaler, controlled("owner"), handedToAnother),
			},
			requests: append(until(""), takesDeployment), results: []string{"Deployment taken"}, failures: taken,
		},
		"another controller's autoscaler": {
			others:   []*unstructured.Unstructured{foreign(t, autoscalerKind, "keda", theirScaler, controlled("theirs"))},
			requests: until(listsScalers), results: []string{"Deployment conflict"},
			failures: []string{notTaken + `HorizontalPodAutoscaler "keda" of ScaledObject "scaler" scales it; delete that one, or let it scale the GoService`},
		},
		"an autoscaler that stays": {
			others:   []*unstructured.Unstructured{foreign(t, autoscalerKind, "theirs", theirScaler, handedToAnother)},
			requests: until(listsScalers), results: []string{"Deployment conflict"},
			failures: []string{notTaken + `HorizontalPodAutoscaler "theirs" scales it; annotate that one with goservice.dev/adopt: checkout as well, or delete it`},
		},
		"an autoscaler of another name, handed over, which Helm applies": {
			others: []*unstructured.Unstructured{
				foreign(t, autoscalerKind, "needless", theirScaler),
				foreign(t, autoscalerKind, "theirs", theirScaler, annotated("meta.helm.sh/release-name", "shop")),
			},
			requests: until(listsScalers), results: []string{"Deployment conflict"},
			failures: []string{notTaken + `HorizontalPodAutoscaler "theirs" scales it, and Helm release "shop" still applies it`},
		},
		"autoscalers that are handed over: one of its name is taken later, others go": {
			others:   []*unstructured.Unstructured{foreign(t, autoscalerKind, "checkout", theirScaler), foreign(t, autoscalerKind, "theirs", theirScaler)},
			also:     []build.Child{desired(t, autoscalerKind, "checkout", theirScaler)},
			requests: append(until(""), "delete HorizontalPodAutoscaler shop/theirs of uid-theirs in the Background", takesDeployment),
			results:  []string{"HorizontalPodAutoscaler pruned", "Deployment taken"}, failures: taken,
		},
		"an autoscaler of its name, and the service wants none": {
			others:   []*unstructured.Unstructured{foreign(t, autoscalerKind, "checkout", theirScaler)},
			requests: append(until(""), "delete HorizontalPodAutoscaler shop/checkout of uid-checkout in the Background", takesDeployment),
			results:  []string{"HorizontalPodAutoscaler pruned", "Deployment taken"}, failures: taken,
		},
		"an autoscaler that cannot be removed": {
			others: []*unstructured.Unstructured{foreign(t, autoscalerKind, "theirs", theirScaler)}, errs: map[string]error{"delete HorizontalPodAutoscaler": breakdown},
			requests: append(until(""), "delete HorizontalPodAutoscaler shop/theirs of uid-theirs in the Background"),
			results:  []string{"HorizontalPodAutoscaler failed"}, failures: []string{`Transient Deployment/checkout: pruning HorizontalPodAutoscaler "theirs": `},
		},
		"nobody can tell of Services": {
			errs: map[string]error{"list ServiceList": breakdown}, requests: until(listsServices),
			failures: []string{`Transient Deployment/checkout: listing the Services of shop: `},
		},
		"nobody can tell of autoscalers": {
			errs: map[string]error{"list HorizontalPodAutoscalerList": breakdown}, requests: until(listsScalers),
			failures: []string{`Transient Deployment/checkout: listing the autoscalers of shop: `},
		},
		"somebody was quicker": {
			errs: map[string]error{"merge Deployment": conflict}, requests: append(until(""), takesDeployment),
			failures: []string{`Stale Deployment/checkout: taking Deployment "checkout": the cache lags behind the API server`},
		},
		"it cannot be changed": {
			errs: map[string]error{"merge Deployment": invalid}, requests: append(until(""), takesDeployment), results: []string{"Deployment failed"},
			failures: []string{`Invalid Deployment/checkout: taking Deployment "checkout": `},
		},
		"its managers cannot be read": {
			deployment: []change{func(o *unstructured.Unstructured) {
				o.SetManagedFields([]metav1.ManagedFieldsEntry{manager("helm", metav1.ManagedFieldsOperationApply, `{"f:spec":{"k:name":{}}}`)})
			}},
			requests: until(""), failures: []string{`Transient Deployment/checkout: taking Deployment "checkout": reading the fields of the manager "helm": `},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			maps.Copy(s.errs, c.errs)
			s.once = map[string]error{"apply Deployment": conflict} // the creation
			child := ourDeployment(t)
			if c.desires != nil {
				c.desires(&child)
			}
			s.has(foreign(t, deploymentKind, "checkout", theirs, c.deployment...))
			s.has(c.others...)
			living := owner()
			if c.owner != nil {
				c.owner(living)
			}
			s.live[Key{ownerKind, "checkout"}] = living
			expectFailures(t, engine.Apply(t.Context(), passOf(append([]build.Child{child}, c.also...))), c.failures...)
			s.expect(c.requests, c.results)
		})
	}
}

// Budgets of other names go once all is applied; those that a tool would only make anew stay.
func TestBudgetsThatAreHandedOverGoOnceAllIsApplied(t *testing.T) {
	const deletes = "delete PodDisruptionBudget shop/theirs of uid-theirs in the Background"
	cases := map[string]struct {
		budget            []func(*unstructured.Unstructured)
		errs              map[string]error
		updateOnly        bool
		requests, results []string
		failures          []string
	}{
		"all is applied": {requests: []string{createsConfigMap, deletes}, results: []string{"ConfigMap created", "PodDisruptionBudget pruned"}},
		"something failed": {
			errs: map[string]error{"apply ConfigMap": breakdown}, requests: []string{createsConfigMap}, results: []string{"ConfigMap failed"},
			failures: []string{"Transient ConfigMap/checkout: "},
		},
		"the service is being deleted": {updateOnly: true},
		"Argo CD applies it": {
			budget:   []func(*unstructured.Unstructured){annotated("argocd.argoproj.io/tracking-id", "shop:policy/PodDisruptionBudget:shop/theirs")},
			requests: []string{createsConfigMap}, results: []string{"ConfigMap created"},
		},
		"it cannot be removed": {
			errs: map[string]error{"delete PodDisruptionBudget": breakdown}, requests: []string{createsConfigMap, deletes},
			results: []string{"ConfigMap created", "PodDisruptionBudget failed"}, failures: []string{`Transient PodDisruptionBudget/theirs: pruning PodDisruptionBudget "theirs": `},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			s.errs = c.errs
			pass := passOf([]build.Child{childOf(configMapKind, "checkout")})
			pass.HandedOver = []client.Object{foreign(t, budgetKind, "theirs", `{}`, c.budget...)}
			pass.UpdateOnly = c.updateOnly
			expectFailures(t, engine.Apply(t.Context(), pass), c.failures...)
			s.expect(c.requests, c.results)
		})
	}
}

// Tools find what they apply by labels or annotations.
func TestWhoStillAppliesAnObject(t *testing.T) {
	const advice = ` still applies it; take it out of there without deleting it, then remove `
	for key, want := range map[string]string{
		"meta.helm.sh/release-name":        `Helm release "shop"`,
		"argocd.argoproj.io/tracking-id":   `Argo CD application "shop"`,
		"argocd.argoproj.io/instance":      `Argo CD application "shop"`,
		"kustomize.toolkit.fluxcd.io/name": `Flux Kustomization "shop"`,
		"helm.toolkit.fluxcd.io/name":      `Flux HelmRelease "shop"`,
		"applyset.kubernetes.io/part-of":   `ApplySet of kubectl "shop"`,
		"config.k8s.io/owning-inventory":   `inventory of kpt or Config Sync "shop"`,
		"kapp.k14s.io/app":                 `kapp application "shop"`,
	} {
		for place, mark := range map[string]func(*unstructured.Unstructured){"annotation": annotated(key, "shop:apps/Deployment:shop/checkout"), "label": labeled(key, "shop")} {
			if diff := cmp.Diff(want+advice+key+" from it", tracked(foreign(t, deploymentKind, "checkout", `{}`, mark))); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", place, key, diff)
			}
		}
	}
	if reason := tracked(foreign(t, deploymentKind, "checkout", `{}`, labeled("app.kubernetes.io/managed-by", "Helm"))); reason != "" {
		t.Errorf("a label of no tool's: %s", reason)
	}
}
