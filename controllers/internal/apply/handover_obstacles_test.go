// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/controllers/internal/build"
)

// takesOver applies the child of a Deployment that was handed over as found, and others beside it.
func takesOver(t *testing.T, s *server, engine *Engine, found *unstructured.Unstructured, children ...build.Child) error {
	t.Helper()
	s.once = map[string]error{"apply Deployment": conflict} // the creation
	s.live[Key{ownerKind, "checkout"}] = owner()
	s.has(found)
	return engine.Apply(t.Context(), passOf(children))
}

// What makes no sense to the operator is an error, and nothing is taken.
func TestADeploymentThatCannotBeReadIsNotTaken(t *testing.T) {
	template := func(content string) func(*build.Child) {
		return func(c *build.Child) { c.Template = []byte(content) }
	}
	cases := map[string]struct {
		theirs  string
		desires func(*build.Child)
		want    string
	}{
		"a spec that is none":              {`none`, template(`{}`), ".spec.selector accessor error: "},
		"a selector by what is no text":    {`{selector: {matchLabels: {app: 1}}}`, template(`{}`), ".spec.selector.matchLabels accessor error: "},
		"a template that is none":          {`{selector: {matchLabels: {app: a}}, template: none}`, template(`{}`), `comparing the pods of Deployment "checkout": `},
		"a template of the wrong types":    {`{selector: {matchLabels: {app: a}}, template: {spec: {containers: none}}}`, template(`{}`), `comparing the pods of Deployment "checkout": `},
		"a declaration of the wrong types": {theirs, template(`{"spec":{"containers":"none"}}`), `comparing the pods of Deployment "checkout": `},
		"a declared spec that is none": {
			theirs, func(c *build.Child) { c.Template, c.Configuration.(map[string]any)["spec"] = nil, "none" }, ".spec.selector accessor error: ",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			child := ourDeployment(t)
			c.desires(&child)
			expectFailures(t, takesOver(t, s, engine, foreign(t, deploymentKind, "checkout", c.theirs), child), "Transient Deployment/checkout: "+c.want)
			s.expect([]string{createsDeployment, looksDeployment, looksUpOwner}, nil)
		})
	}
}

// Every Service that leads to the pods is looked at, not only the first.
func TestEveryServiceOfADeploymentThatIsHandedOverIsLookedAt(t *testing.T) {
	const (
		second   = `{selector: {app: a}, ports: [{port: 80, targetPort: web}]}`
		notTaken = `Conflict Deployment/checkout: Deployment "checkout" is handed over and not taken: `
		taken    = `Stale Deployment/checkout: Deployment "checkout" was taken: `
	)
	service := func(name, spec string, change ...func(*unstructured.Unstructured)) *unstructured.Unstructured {
		return foreign(t, serviceKind, name, spec, change...)
	}
	fewerPorts := func(c *build.Child) {
		c.Template = []byte(strings.Replace(string(c.Template), `,{"containerPort":9000}`, "", 1))
	}
	cases := map[string]struct {
		services []*unstructured.Unstructured
		desires  func(*build.Child)
		declared string // the Service of the service's name
		want     string
	}{
		"after the one that follows": {
			services: []*unstructured.Unstructured{service("checkout", theirService), service("second", second)},
			want:     notTaken + `Service "second" leads to the port named web`,
		},
		"after one of other pods": {
			services: []*unstructured.Unstructured{service("elsewhere", `{selector: {app: b}, ports: [{port: 80}]}`), service("second", second)},
			want:     notTaken + `Service "second" leads to the port named web`,
		},
		"the second port": {
			services: []*unstructured.Unstructured{service("second", `{selector: {app: a}, ports: [{port: 79, targetPort: 8080}, {port: 80, targetPort: web}]}`)},
			want:     notTaken + `Service "second" leads to the port named web`,
		},
		"a port stays and a nameless one goes": {
			services: []*unstructured.Unstructured{service("second", `{selector: {app: a}, ports: [{port: 80, targetPort: 8080}]}`)}, desires: fewerPorts, want: taken,
		},
		"a port of its Service would be gone": {
			services: []*unstructured.Unstructured{service("checkout", theirService)}, declared: strings.Replace(ourService, "port: 80,", "port: 443,", 1),
			want: notTaken + `Service "checkout" leads to it, and cannot be taken: its port 80 would be gone`,
		},
		"the type of its Service would be another": {
			services: []*unstructured.Unstructured{service("checkout", theirService)}, declared: strings.Replace(ourService, "NodePort", "ClusterIP", 1),
			want: notTaken + `Service "checkout" leads to it, and cannot be taken: its type is NodePort`,
		},
		"its Service is declared as what makes no sense": {
			services: []*unstructured.Unstructured{service("checkout", theirService)}, declared: `{ports: none}`,
			want: `Transient Deployment/checkout: reading the Service "checkout" as declared: `,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			s.has(c.services...)
			child := ourDeployment(t)
			if c.desires != nil {
				c.desires(&child)
			}
			children := []build.Child{child}
			if c.declared != "" {
				children = append(children, desired(t, serviceKind, "checkout", c.declared))
			}
			failures := failuresOf(takesOver(t, s, engine, foreign(t, deploymentKind, "checkout", theirs), children...))
			if len(failures) != 1 || !strings.HasPrefix(failures[0], c.want) {
				t.Errorf("failures %v, want %s", failures, c.want)
			}
		})
	}
}

// A Service whose declaration cannot even be made keeps the Deployment.
func TestAServiceThatCannotBeDeclaredKeepsTheDeployment(t *testing.T) {
	s, engine := newEngine(t)
	s.has(foreign(t, serviceKind, "checkout", theirService))
	odd := desired(t, serviceKind, "checkout", ourService)
	odd.Template = []byte(`[]`)
	const reading = `reading the pod template of Service "checkout": `
	expectFailures(t, takesOver(t, s, engine, foreign(t, deploymentKind, "checkout", theirs), ourDeployment(t), odd),
		"Transient Deployment/checkout: "+reading, "Transient Service/checkout: "+reading)
	s.expect([]string{createsDeployment, looksDeployment, looksUpOwner, listsServices}, nil)
}

// What was handed over and is of no known kind stays, and that is told.
func TestWhatIsHandedOverAndOfNoKindStays(t *testing.T) {
	s, engine := newEngine(t)
	pass := passOf(nil)
	pass.HandedOver = []client.Object{&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "theirs"}}, foreign(t, budgetKind, "theirs", `{}`)}
	expectFailures(t, engine.Apply(t.Context(), pass), "Transient /: ")
	s.expect([]string{"delete PodDisruptionBudget shop/theirs of uid-theirs in the Background"}, []string{"PodDisruptionBudget pruned"})
}

func TestWhatCanBeTaken(t *testing.T) {
	cases := map[string]struct {
		change func(*unstructured.Unstructured)
		want   bool
	}{
		"it is handed over":            {func(*unstructured.Unstructured) {}, true},
		"it is handed over to another": {handedToAnother, false},
		"somebody controls it":         {controlled("theirs"), false},
		"Helm applies it":              {annotated("meta.helm.sh/release-name", "shop"), false},
		"it is being deleted":          {func(o *unstructured.Unstructured) { o.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(1, 0)}) }, false},
		"it is another's, and not handed over": {func(o *unstructured.Unstructured) {
			handedToAnother(o)
			controlled("theirs")(o)
		}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := CanTake(owner(), foreign(t, budgetKind, "theirs", `{}`, c.change)); got != c.want {
				t.Errorf("%t, want %t", got, c.want)
			}
		})
	}
}
