// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/api/v1alpha1"
)

const (
	cartService = `{"apiVersion": v1, kind: Service, metadata: {name: cart, labels: {app: cart}}, spec: {selector: {app: cart}, ports: [{name: http, port: 81, targetPort: http}]}}
---
`
	cartBudget = `{"apiVersion": policy/v1, kind: PodDisruptionBudget, metadata: {name: cart}, spec: {minAvailable: 4, selector: {matchLabels: {app: cart}}}}
---
`
	cartMonitor = `{"apiVersion": monitoring.coreos.com/v1, kind: ServiceMonitor, metadata: {name: cart, labels: {release: prometheus}}, spec: {selector: {matchLabels: {app: cart}}, endpoints: [{port: http, path: /m}]}}
---
`
)

func allNotes(r Result) string {
	text := ""
	for _, note := range r.Notes {
		text += note.String() + "\n"
	}
	return text
}

// What selects the pods of several Deployments belongs to none of them.
func TestWhatSeveralDeploymentsShareStays(t *testing.T) {
	canary := strings.Replace(cart, "metadata: {name: cart}", "metadata: {name: cart-canary}", 1)
	output := converted(t, read(t, cart+canary+cartService+cartBudget+cartMonitor))
	if diff := cmp.Diff([]string{"Service cart", "PodDisruptionBudget cart", "ServiceMonitor cart"}, output.Left); diff != "" {
		t.Errorf("what stays (-want +got):\n%s", diff)
	}
	for i, other := range []string{"Deployment cart-canary", "Deployment cart"} {
		result := output.Results[i]
		if diff := cmp.Diff([]string{"Deployment " + result.Service.Name}, result.Replaced); diff != "" {
			t.Errorf("%s replaces (-want +got):\n%s", result.Service.Name, diff)
		}
		spec, notes := result.Service.Spec, allNotes(result)
		if got := shown(spec.DisruptionBudget); got != `{"disabled":true}` {
			t.Errorf("budget %s", got)
		}
		if got := shown(spec.Observability.Metrics); !strings.Contains(got, `"path":"/m"`) || !strings.Contains(got, `"release":"prometheus"`) {
			t.Errorf("metrics %s", got)
		}
		for _, want := range []string{
			"not carried over: PodDisruptionBudget cart: spec.minAvailable: 4: it also selects the pods of " + other + ", so it stays",
			`changes: ServiceMonitor cart: spec.selector: {"matchLabels":{"app":"cart"}}: it also selects Services of ` + other + ", so it stays",
		} {
			if !strings.Contains(notes, want) {
				t.Errorf("no note %q in:\n%s", want, notes)
			}
		}
	}
	if notes := allNotes(output.Results[0]); !strings.Contains(notes, "not carried over: Service cart: metadata.name: it also selects the pods of Deployment cart-canary, so it has to stay, but the GoService's own Service has the same name") {
		t.Errorf("notes:\n%s", notes)
	}
	if notes := allNotes(output.Results[1]); !strings.Contains(notes, "changes: Service cart: metadata.name: it stays as it is, and the GoService has a Service cart-canary besides") {
		t.Errorf("notes:\n%s", notes)
	}
}

// A pod with two budgets cannot be evicted.
func TestPodsHaveOneBudget(t *testing.T) {
	const all = `{"apiVersion": policy/v1, kind: PodDisruptionBudget, metadata: {name: all}, spec: {maxUnavailable: 1, selector: {}}}
---
`
	const second = `{"apiVersion": policy/v1, kind: PodDisruptionBudget, metadata: {name: second}, spec: {maxUnavailable: 1, selector: {matchLabels: {app: cart}}}}
---
`
	const none = `{"apiVersion": policy/v1, kind: PodDisruptionBudget, metadata: {name: none}, spec: {maxUnavailable: 1}}
---
`
	labeled := strings.Replace(cart, "labels: {app: cart}", "labels: {app: cart, app.kubernetes.io/name: old}", 1)
	const old = `{"apiVersion": policy/v1, kind: PodDisruptionBudget, metadata: {name: old}, spec: {maxUnavailable: 1, selector: {matchLabels: {app.kubernetes.io/name: old}}}}
---
`
	for what, c := range map[string]struct {
		manifests, want, note string
		left                  []string
	}{
		"its own":           {cart + cartBudget, `{"minAvailable":4}`, "", nil},
		"none":              {cart + none, "null", "", []string{"PodDisruptionBudget none"}},
		"all":               {cart + all, `{"disabled":true}`, "PodDisruptionBudget all: spec.maxUnavailable: 1: it selects all pods of the namespace, so it stays", []string{"PodDisruptionBudget all"}},
		"all, and its own":  {cart + all + cartBudget, `{"disabled":true}`, "PodDisruptionBudget cart: spec.minAvailable: 4: several budgets", []string{"PodDisruptionBudget all", "PodDisruptionBudget cart"}},
		"two of its own":    {cart + cartBudget + second, `{"disabled":true}`, "PodDisruptionBudget second: spec.maxUnavailable: 1: several budgets", []string{"PodDisruptionBudget cart", "PodDisruptionBudget second"}},
		"one by old labels": {labeled + cartBudget + old, `{"minAvailable":4}`, "PodDisruptionBudget old: spec.maxUnavailable: 1: several budgets select the pods, so it stays as it is, but it does not select", []string{"PodDisruptionBudget old"}},
	} {
		output := converted(t, read(t, c.manifests))
		result := output.Results[0]
		if got := shown(result.Service.Spec.DisruptionBudget); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
		if diff := cmp.Diff(c.left, output.Left); diff != "" {
			t.Errorf("%s: what stays (-want +got):\n%s", what, diff)
		}
		if notes := allNotes(result); !strings.Contains(notes, c.note) || c.note == "" && strings.Contains(notes, string(Lost)) {
			t.Errorf("%s: no note with %q, or others:\n%s", what, c.note, notes)
		}
	}
}

// A NetworkPolicy is carried over if it says of the pods what spec.networkPolicy can say; any other stays and goes on working.
func TestNetworkPolicies(t *testing.T) {
	policy := func(name, spec string) string {
		return `{"apiVersion": networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: ` + name + `}, spec: {` + spec + `}}
---
`
	}
	const pods = `podSelector: {matchLabels: {app: cart}}, `
	many := strings.Repeat(`{podSelector: {matchLabels: {a: "x"}}}, `, 17)
	for i := range 17 {
		many = strings.Replace(many, `"x"`, "v"+string(rune('a'+i)), 1)
	}
	shared := strings.Replace(cart, "metadata: {name: cart}", "metadata: {name: cart-canary}", 1)
	for what, c := range map[string]struct{ manifests, want, note string }{
		"anybody to every port":           {policy("p", pods+`ingress: [{}]`), `{}`, ""},
		"anybody to each of the ports":    {policy("p", pods+`ingress: [{ports: [{port: http}]}, {ports: [{port: 9000}]}]`), `{}`, ""},
		"the same clients to every port":  {policy("p", pods+`policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {a: b}}, namespaceSelector: {}}], ports: [{port: http}, {port: side, protocol: TCP}]}]`), `{"from":[{"podSelector":{"matchLabels":{"a":"b"}},"namespaceSelector":{}}]}`, ""},
		"the same clients in two rules":   {policy("p", pods+`ingress: [{from: [{podSelector: {}}], ports: [{port: 8080}]}, {from: [{podSelector: {}}], ports: [{port: 9000}]}]`), `{"from":[{"podSelector":{}}]}`, ""},
		"addresses":                       {policy("p", pods+`ingress: [{from: [{ipBlock: {cidr: 10.1.2.3/8, except: [10.1.2.3/16]}}]}]`), `{"from":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["10.1.0.0/16"]}}]}`, ""},
		"every port of a protocol":        {policy("p", pods+`ingress: [{from: [{podSelector: {}}], ports: [{protocol: TCP}]}]`), `{"from":[{"podSelector":{}}]}`, ""},
		"other clients to another port":   {policy("p", pods+`ingress: [{from: [{podSelector: {}}], ports: [{port: 8080}]}, {from: [{namespaceSelector: {}}], ports: [{port: 9000}]}]`), "null", "spec.ingress: who may connect differs"},
		"nobody to another port":          {policy("p", pods+`ingress: [{from: [{podSelector: {}}], ports: [{port: 8080}]}]`), "null", "spec.ingress: who may connect differs"},
		"nobody":                          {policy("p", pods+`policyTypes: [Ingress]`), "null", "spec.ingress: nobody may connect"},
		"egress":                          {policy("p", pods+`egress: [{}], ingress: [{}]`), "null", "spec.policyTypes: it is about egress"},
		"no egress":                       {policy("p", pods+`policyTypes: [Ingress, Egress], ingress: [{}]`), "null", "spec.policyTypes: it is about egress"},
		"a range of ports":                {policy("p", pods+`ingress: [{ports: [{port: 8000, endPort: 9000}]}]`), "null", "spec.ingress.ports: it opens a range"},
		"a port that nobody declares":     {policy("p", pods+`ingress: [{ports: [{port: 8080}, {port: 9000}, {port: 1}]}]`), "null", "spec.ingress.ports: it opens 1, a port"},
		"a protocol that nobody declares": {policy("p", pods+`ingress: [{ports: [{port: 8080, protocol: UDP}]}]`), "null", "spec.ingress.ports: it opens 8080, a port"},
		"too many clients":                {policy("p", pods+`ingress: [{from: [`+many+`]}]`), "null", "spec.ingress.from: it names more than 16"},
		"two of them":                     {policy("p", pods+`ingress: [{}]`) + policy("q", pods+`ingress: [{}]`), "null", "NetworkPolicy p: spec.podSelector: several NetworkPolicies"},
		"one of all pods":                 {policy("p", `podSelector: {}, policyTypes: [Ingress]`), "null", ""},
		"one of all pods, and its own":    {policy("p", `podSelector: {}, policyTypes: [Ingress]`) + policy("q", pods+`ingress: [{}]`), `{}`, ""},
		"one of other pods":               {policy("p", `podSelector: {matchLabels: {app: other}}, ingress: [{}]`), "null", ""},
		"one of two Deployments":          {shared + policy("p", pods+`ingress: [{}]`), "null", "it also selects the pods of Deployment cart-canary"},
	} {
		output := converted(t, read(t, cart+c.manifests))
		result := output.Results[0]
		accepted(t, result.Service)
		if got := shown(result.Service.Spec.NetworkPolicy); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
		if notes := allNotes(result); !strings.Contains(notes, c.note) || c.note == "" && strings.Contains(notes, string(Lost)) {
			t.Errorf("%s: no note with %q, or others:\n%s", what, c.note, notes)
		}
		carried := slices.ContainsFunc(result.Replaced, func(name string) bool { return strings.HasPrefix(name, "NetworkPolicy ") })
		if carried != (c.want != "null") || carried && slices.Contains(output.Left, result.Replaced[len(result.Replaced)-1]) {
			t.Errorf("%s: takes the place of %v, and %v stays", what, result.Replaced, output.Left)
		}
	}
}

// Many a chart has a Service of its own for metrics, and the ServiceMonitor selects that one.
func TestMetricsOfAFurtherService(t *testing.T) {
	const monitor = `{"apiVersion": monitoring.coreos.com/v1, kind: ServiceMonitor, metadata: {name: cart}, spec: {selector: {matchLabels: {part: metrics}}, endpoints: [{port: metrics, path: /stats}]}}
---
`
	further := func(name, annotations string) string {
		return `{"apiVersion": v1, kind: Service, metadata: {name: ` + name + `, labels: {part: metrics}` + annotations +
			`}, spec: {selector: {app: cart}, ports: [{name: metrics, port: 8082, targetPort: metrics}]}}
---
`
	}
	deployment := strings.Replace(cart, "name: side", "name: metrics", 1) + cartService
	for what, c := range map[string]struct {
		manifests string
		replaced  bool
	}{
		"the operator's name":        {deployment + further("cart-metrics", "") + monitor, true},
		"another name":               {deployment + further("cart-stats", "") + monitor, false},
		"annotations and no monitor": {deployment + further("cart-metrics", `, annotations: {prometheus.io/port: "9000", prometheus.io/path: /stats}`), true},
	} {
		result := converted(t, read(t, c.manifests)).Results[0]
		metrics := result.Service.Spec.Observability.Metrics
		want := &v1alpha1.MetricsSpec{Port: new(int32(9000)), Path: "/stats", Indicators: v1alpha1.IndicatorsPrometheus}
		if diff := cmp.Diff(want, metrics); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", what, diff)
		}
		if got := slices.Contains(result.Replaced, "Service cart-metrics"); got != c.replaced {
			t.Errorf("%s: replaces %v", what, result.Replaced)
		}
		notes := allNotes(result)
		if strings.Contains(notes, "no ServiceMonitor") {
			t.Errorf("%s: notes:\n%s", what, notes)
		}
		if c.replaced && strings.Contains(notes, string(Lost)) {
			t.Errorf("%s: something is lost:\n%s", what, notes)
		}
	}
}

// What sets the number of pods and stays would fight the operator over it.
func TestOtherAutoscalersStay(t *testing.T) {
	const keda = `{"apiVersion": keda.sh/v1alpha1, kind: ScaledObject, metadata: {name: queue}, spec: {scaleTargetRef: {name: cart}}}
---
`
	const ofKEDA = `{"apiVersion": autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: keda-hpa-queue, ownerReferences: [{kind: ScaledObject, name: queue, apiVersion: keda.sh/v1alpha1, uid: a}]}, ` +
		`spec: {scaleTargetRef: {kind: Deployment, name: cart}, maxReplicas: 9}}
---
`
	const older = `{"apiVersion": autoscaling/v2beta2, kind: HorizontalPodAutoscaler, metadata: {name: cart}, spec: {scaleTargetRef: {kind: Deployment, name: cart}, maxReplicas: 9}}
---
`
	for what, c := range map[string]struct {
		manifests, want string
		notes           []string
	}{
		"KEDA":                 {keda, `{"mode":"External"}`, []string{"ScaledObject queue"}},
		"KEDA and its own":     {ofKEDA + keda, `{"mode":"External"}`, []string{"ScaledObject queue"}},
		"what KEDA made":       {ofKEDA, `{"mode":"External"}`, []string{"ScaledObject queue"}},
		"an older version":     {older, `{"mode":"External"}`, []string{"HorizontalPodAutoscaler cart"}},
		"in two versions":      {older + strings.Replace(older, "v2beta2", "v2", 1), `{"minReplicas":1,"maxReplicas":9,"targetCPUUtilization":80}`, nil},
		"of another workload":  {strings.Replace(keda, "{name: cart}", "{name: cart, kind: StatefulSet}", 1), "null", nil},
		"in another namespace": {strings.Replace(keda, "{name: queue}", "{name: queue, namespace: b}", 1), "null", nil},
	} {
		result := converted(t, read(t, cart+c.manifests)).Results[0]
		if got := shown(result.Service.Spec.Autoscaling); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
		notes := allNotes(result)
		if got := strings.Count(notes, "spec.autoscaling.mode is External"); got != len(c.notes) {
			t.Errorf("%s: notes:\n%s", what, notes)
		}
		for _, object := range c.notes {
			if !strings.Contains(notes, "not carried over: "+object+": spec.scaleTargetRef: Deployment cart: it stays") {
				t.Errorf("%s: no note on %s in:\n%s", what, object, notes)
			}
		}
		if strings.Contains(shown(result.Replaced), "keda-hpa") {
			t.Errorf("%s: replaces %v", what, result.Replaced)
		}
	}
}

// An Ingress is told of a port that is there.
func TestIngressesAreToldOfPortsThatAreThere(t *testing.T) {
	const service = `{"apiVersion": v1, kind: Service, metadata: {name: cart}, spec: {selector: {app: cart}, ports: [{name: web, port: 80, targetPort: http}, {name: api, port: 81, targetPort: side}, ` +
		`{name: again, port: 82, targetPort: http}, {name: gone, port: 83, targetPort: nothing}]}}
---
`
	for port, want := range map[string]string{
		"number: 80": "", "number: 81": "", "name: api": "", "name: unknown": "",
		"name: web":   "backend.service.port.name: web: the Service's port has another name now: set port.number to 80",
		"name: again": "backend.service.port.name: again: the GoService's Service has no such port", "number: 82": "backend.service.port.number: 82: the GoService's Service has no such port",
		"name: gone": "backend.service.port.name: gone: the GoService's Service has no such port",
	} {
		ingress := `{"apiVersion": networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, spec: {defaultBackend: {service: {name: cart, port: {` + port + `}}}}}`
		notes := allNotes(converted(t, read(t, cart+service+ingress)).Results[0])
		if want == "" && strings.Contains(notes, "not carried over: Ingress a") || !strings.Contains(notes, want) {
			t.Errorf("%s: no note %q, or others:\n%s", port, want, notes)
		}
	}
}
