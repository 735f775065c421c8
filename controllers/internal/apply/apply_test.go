// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/controllers/internal/build"
)

const (
	createsConfigMap = "apply ConfigMap shop/checkout by goservice-operator forced at 1 owner owner"
	updatesConfigMap = "apply ConfigMap shop/checkout by goservice-operator forced of uid-checkout owner owner"
)

// What is written for one child: by whom, under which condition, and what its failure means.
func TestOneChild(t *testing.T) {
	cases := map[string]struct {
		existing          func(*unstructured.Unstructured) // nil: the cache holds none
		errs              map[string]error
		requests, results []string
		failures          []string
	}{
		"one that does not exist is created, and nothing that exists is touched": {
			requests: []string{createsConfigMap}, results: []string{"ConfigMap created"},
		},
		"one that is as it should be costs no request": {existing: func(*unstructured.Unstructured) {}},
		"one that differs is applied, if it is still the same object": {
			existing: drifted, requests: []string{updatesConfigMap}, results: []string{"ConfigMap updated"},
		},
		"a creation that is refused": {
			errs: map[string]error{"apply ConfigMap": invalid}, requests: []string{createsConfigMap}, results: []string{"ConfigMap failed"},
			failures: []string{`Invalid ConfigMap/checkout: creating ConfigMap "checkout": `},
		},
		"a creation that a webhook refuses with the code of a conflict": {
			errs: map[string]error{"apply ConfigMap": frozen}, requests: []string{createsConfigMap}, results: []string{"ConfigMap failed"},
			failures: []string{`Denied ConfigMap/checkout: creating ConfigMap "checkout": `},
		},
		"an update that is refused": {
			existing: drifted,
			errs:     map[string]error{"apply ConfigMap": invalid}, requests: []string{updatesConfigMap}, results: []string{"ConfigMap failed"},
			failures: []string{`Invalid ConfigMap/checkout: applying ConfigMap "checkout": `},
		},
		"an update of an object that was replaced is no failure that counts": {
			existing: drifted,
			errs:     map[string]error{"apply ConfigMap": conflict}, requests: []string{updatesConfigMap},
			failures: []string{`Stale ConfigMap/checkout: applying ConfigMap "checkout": the cache lags behind the API server`},
		},
		"an update that a webhook refuses with the code of a conflict": {
			existing: drifted,
			errs:     map[string]error{"apply ConfigMap": frozen}, requests: []string{updatesConfigMap}, results: []string{"ConfigMap failed"},
			failures: []string{`Denied ConfigMap/checkout: applying ConfigMap "checkout": `},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			if c.errs != nil {
				s.errs = c.errs
			}
			child := childOf(configMapKind, "checkout")
			pass := passOf([]build.Child{child})
			if c.existing != nil {
				pass = passOf([]build.Child{child}, existing(t, child, c.existing))
			}
			expectFailures(t, engine.Apply(t.Context(), pass), c.failures...)
			s.expect(c.requests, c.results)
		})
	}
}

// A recorder is not needed.
func TestNothingIsCountedWithoutARecorder(t *testing.T) {
	s, engine := newEngine(t)
	engine.Record = nil
	if err := engine.Apply(t.Context(), passOf([]build.Child{childOf(configMapKind, "checkout")})); err != nil {
		t.Error(err)
	}
	s.expect([]string{createsConfigMap}, nil)
}

func TestSeededFieldsHaveAnotherManagerBeforeTheOperatorLetsGo(t *testing.T) {
	child := childOf(deploymentKind, "checkout")
	child.Seed, child.SeededFor = replicas(2), build.AnnotationStartedFrom
	child.Configuration.(map[string]any)["metadata"].(map[string]any)["annotations"] = map[string]any{build.AnnotationStartedFrom: "2"}
	count := func(n int64) func(*unstructured.Unstructured) {
		return func(o *unstructured.Unstructured) {
			drifted(o)
			o.Object["spec"] = map[string]any{"replicas": n}
		}
	}
	all := func(changes ...func(*unstructured.Unstructured)) func(*unstructured.Unstructured) {
		return func(o *unstructured.Unstructured) {
			for _, change := range changes {
				change(o)
			}
		}
	}
	const (
		seeds   = "apply Deployment shop/checkout by goservice-operator-seed forced at 50 of uid-checkout replicas "
		updates = "apply Deployment shop/checkout by goservice-operator forced of uid-checkout owner owner"
	)
	scaled := func(o *unstructured.Unstructured) {
		o.SetManagedFields(append(o.GetManagedFields(), manager("kube-controller-manager", metav1.ManagedFieldsOperationUpdate, `{"f:spec":{"f:replicas":{}}}`)))
	}
	cases := map[string]struct {
		existing          func(*unstructured.Unstructured)
		errs              map[string]error
		requests, results []string
		failures          []string
	}{
		"at the creation, in one request": {
			requests: []string{"apply Deployment shop/checkout by goservice-operator forced at 1 owner owner replicas 2"},
			results:  []string{"Deployment created"},
		},
		"where nobody else has it, with the present value": {
			existing: count(5), requests: []string{seeds + "5", updates}, results: []string{"Deployment seeded", "Deployment updated"},
		},
		"not where an autoscaler has it": {
			existing: all(count(5), scaled), requests: []string{updates}, results: []string{"Deployment updated"},
		},
		"anew where the count to start from changed": {
			existing: all(count(5), scaled, func(o *unstructured.Unstructured) {
				o.SetAnnotations(map[string]string{build.AnnotationStartedFrom: "9"})
			}),
			requests: []string{seeds + "2", updates}, results: []string{"Deployment seeded", "Deployment updated"},
		},
		"not anew where it is not known what the count started from": {
			existing: all(count(5), scaled, func(o *unstructured.Unstructured) { o.SetAnnotations(nil) }),
			requests: []string{updates}, results: []string{"Deployment updated"},
		},
		"a seed that fails keeps the operator from letting go": {
			existing: count(5), errs: map[string]error{"apply Deployment": breakdown}, requests: []string{seeds + "5"}, results: []string{"Deployment failed"},
			failures: []string{`Transient Deployment/checkout: seeding Deployment "checkout": `},
		},
		"a seed of a count that changed meanwhile": {
			existing: count(5), errs: map[string]error{"apply Deployment": conflict}, requests: []string{seeds + "5"},
			failures: []string{`Stale Deployment/checkout: seeding Deployment "checkout": `},
		},
		"managers that cannot be read": {
			existing: all(count(5), func(o *unstructured.Unstructured) {
				o.SetManagedFields([]metav1.ManagedFieldsEntry{manager("odd", metav1.ManagedFieldsOperationUpdate, `{"f:spec":1}`)})
			}),
			failures: []string{`Transient Deployment/checkout: reading the field managers of Deployment "checkout": `},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			if c.errs != nil {
				s.errs = c.errs
			}
			pass := passOf([]build.Child{child})
			if c.existing != nil {
				pass = passOf([]build.Child{child}, existing(t, child, c.existing))
			}
			expectFailures(t, engine.Apply(t.Context(), pass), c.failures...)
			s.expect(c.requests, c.results)
		})
	}
}

// What was verified is not compared again before something new is seen, or something else desired.
func TestWhatWasAppliedIsNotLookedAtAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, engine := newEngine(t)
		name := client.ObjectKey{Namespace: "shop", Name: "checkout"}
		key := Key{configMapKind, "checkout"}
		child := childOf(configMapKind, "checkout")
		at := func(version string) *unstructured.Unstructured {
			return existing(t, child, func(o *unstructured.Unstructured) {
				drifted(o) // so that a look at it would cost a request
				o.SetResourceVersion(version)
			})
		}
		apply := func(pass Pass, requests ...string) {
			t.Helper()
			if err := engine.Apply(t.Context(), pass); err != nil {
				t.Error(err)
			}
			results := s.results
			s.expect(requests, results)
		}
		if got := engine.Generation(name, key); got != 0 {
			t.Errorf("generation %d before anything was applied", got)
		}
		apply(passOf([]build.Child{child}), createsConfigMap)
		if got := engine.Generation(name, key); got != 7 {
			t.Errorf("generation %d, want that of the answer, 7", got)
		}
		apply(passOf([]build.Child{child}, at("1000")))
		apply(passOf([]build.Child{child}, at("999"))) // the cache lags
		if got := engine.Generation(name, key); got != 7 {
			t.Errorf("generation %d is forgotten", got)
		}
		apply(passOf([]build.Child{child}, at("1001")), updatesConfigMap)
		time.Sleep(longestLag)
		apply(passOf([]build.Child{child}, at("999")), updatesConfigMap) // this is no lag any more
		other := childOf(configMapKind, "checkout")
		other.Configuration.(map[string]any)["data"] = map[string]any{"a": "3"}
		apply(passOf([]build.Child{other}, at("1000")), updatesConfigMap)
		engine.Forget(name)
		if got := engine.Generation(name, key); got != 0 {
			t.Errorf("generation %d of a service that is gone", got)
		}
		apply(passOf([]build.Child{other}, at("1000")), updatesConfigMap)
		if len(engine.verified.byOwner) != 1 || len(engine.verified.byOwner[name]) != 1 {
			t.Errorf("remembered are %v", engine.verified.byOwner)
		}
		// A failure leaves nothing that counts as verified.
		s.errs["apply ConfigMap"] = invalid
		expectFailures(t, engine.Apply(t.Context(), passOf([]build.Child{child}, at("1000"))), "Invalid ConfigMap/checkout")
		if got := engine.Generation(name, key); got != 0 {
			t.Errorf("generation %d after a failure", got)
		}
	})
}

// rolledOutAs is a Deployment as the cache holds it.
func rolledOutAs(generation, observed int64, replicas, updated int32) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "checkout", UID: "uid-checkout", ResourceVersion: "50", Generation: generation},
		Status:     appsv1.DeploymentStatus{ObservedGeneration: observed, Replicas: replicas, UpdatedReplicas: updated},
	}
}

func TestWhatIsNotDesiredGoes(t *testing.T) {
	const deletesService = "delete Service shop/old of uid-old in the Background"
	wanted := childOf(configMapKind, "checkout")
	old := func(change func(*unstructured.Unstructured)) *unstructured.Unstructured {
		return existing(t, childOf(serviceKind, "old"), change)
	}
	cases := map[string]struct {
		pass              Pass
		errs              map[string]error
		requests, results []string
		failures          []string
	}{
		"one that is left over": {
			pass: passOf([]build.Child{wanted}, existing(t, wanted, nil), old(nil)), requests: []string{deletesService}, results: []string{"Service pruned"},
		},
		"one that is on its way out already": {
			pass: passOf([]build.Child{wanted}, existing(t, wanted, nil), old(func(o *unstructured.Unstructured) { o.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(1, 0)}) })),
		},
		"one that is gone already": {
			pass: passOf([]build.Child{wanted}, existing(t, wanted, nil), old(nil)), errs: map[string]error{"delete Service": gone},
			requests: []string{deletesService}, results: []string{"Service pruned"},
		},
		"one that cannot be deleted": {
			pass: passOf([]build.Child{wanted}, existing(t, wanted, nil), old(nil)), errs: map[string]error{"delete Service": breakdown},
			requests: []string{deletesService}, results: []string{"Service failed"},
			failures: []string{`Transient Service/old: pruning Service "old": `},
		},
		"one that was replaced": {
			pass: passOf([]build.Child{wanted}, existing(t, wanted, nil), old(nil)), errs: map[string]error{"delete Service": conflict},
			requests: []string{deletesService}, failures: []string{`Stale Service/old: pruning Service "old": `},
		},
		"not where something failed": {
			pass: passOf([]build.Child{wanted}, old(nil)), errs: map[string]error{"apply ConfigMap": invalid},
			requests: []string{createsConfigMap}, results: []string{"ConfigMap failed"}, failures: []string{"Invalid ConfigMap/checkout"},
		},
		"what pods name stays while pods of an earlier template run": {
			pass:     withDeployment(passOf(nil, existing(t, childOf(accountKind, "old"), nil), old(nil)), rolledOutAs(2, 2, 3, 2)),
			requests: []string{deletesService}, results: []string{"Service pruned"},
		},
		"what pods name stays until the rollout was begun": {
			pass: withDeployment(passOf(nil, existing(t, childOf(accountKind, "old"), nil)), rolledOutAs(3, 2, 3, 3)),
		},
		"what pods name goes with the last of them": {
			pass:     withDeployment(passOf(nil, existing(t, childOf(accountKind, "old"), nil)), rolledOutAs(3, 3, 3, 3)),
			requests: []string{"delete ServiceAccount shop/old of uid-old in the Background"}, results: []string{"ServiceAccount pruned"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			if c.errs != nil {
				s.errs = c.errs
			}
			expectFailures(t, engine.Apply(t.Context(), c.pass), c.failures...)
			s.expect(c.requests, c.results)
		})
	}
}

// withDeployment adds a Deployment that is as it should be.
func withDeployment(pass Pass, deployment *appsv1.Deployment) Pass {
	child := build.Child{Kind: deploymentKind, Name: "checkout", Configuration: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"namespace": "shop", "name": "checkout"},
	}}
	reference := *metav1.NewControllerRef(owner(), ownerKind)
	hash, err := hashOf(&child, reference)
	if err != nil {
		panic(err)
	}
	deployment.OwnerReferences, deployment.Annotations = []metav1.OwnerReference{reference}, map[string]string{annotationApplied: hash}
	pass.Desired = append(pass.Desired, child)
	pass.Existing[Key{deploymentKind, "checkout"}] = deployment
	return pass
}

// The cache need not show yet that a new template was applied.
func TestATemplateThatWasJustAppliedIsNotRolledOut(t *testing.T) {
	s, engine := newEngine(t)
	pass := withDeployment(passOf(nil, existing(t, childOf(accountKind, "old"), nil)), rolledOutAs(3, 3, 3, 3))
	pass.Existing[Key{deploymentKind, "checkout"}].SetAnnotations(nil)
	if err := engine.Apply(t.Context(), pass); err != nil { // the answer has generation 7
		t.Error(err)
	}
	s.expect([]string{"apply Deployment shop/checkout by goservice-operator forced of uid-checkout owner owner"}, []string{"Deployment updated"})
}

func TestAChildThatFailsKeepsNoOtherFromBeingApplied(t *testing.T) {
	s, engine := newEngine(t)
	s.errs["apply ConfigMap"] = invalid
	s.errs["apply Deployment"] = breakdown
	desired := []build.Child{childOf(configMapKind, "checkout"), childOf(serviceKind, "checkout"), childOf(deploymentKind, "checkout"), childOf(autoscalerKind, "checkout")}
	scaler := existing(t, desired[3], nil)
	expectFailures(t, engine.Apply(t.Context(), passOf(desired, scaler)), "Invalid ConfigMap/checkout", "Transient Deployment/checkout")
	// An autoscaler without the Deployment that it acts on is left alone: it may be there in the next pass.
	s.expect([]string{
		createsConfigMap, "apply Service shop/checkout by goservice-operator forced at 1 owner owner",
		"apply Deployment shop/checkout by goservice-operator forced at 1 owner owner",
	}, []string{"ConfigMap failed", "Service created", "Deployment failed"})
}

func TestAnAutoscalerActsOnTheOwnDeploymentOnly(t *testing.T) {
	deployment, scaler := childOf(deploymentKind, "checkout"), childOf(autoscalerKind, "checkout")
	foreign := existing(t, deployment, func(o *unstructured.Unstructured) { o.SetOwnerReferences(nil); o.SetManagedFields(nil) })
	const deletesScaler = "delete HorizontalPodAutoscaler shop/checkout of uid-checkout in the Background"
	cases := map[string]struct {
		exist    []*unstructured.Unstructured
		errs     map[string]error
		requests []string
		failures []string
	}{
		"its Deployment is another's": {
			exist: []*unstructured.Unstructured{existing(t, scaler, nil)}, errs: map[string]error{"apply Deployment": conflict},
			requests: []string{"apply Deployment shop/checkout by goservice-operator forced at 1 owner owner", "get Deployment shop/checkout", deletesScaler},
			failures: []string{"Conflict Deployment/checkout"},
		},
		"its Deployment exists, and cannot be changed": {
			exist: []*unstructured.Unstructured{existing(t, deployment, drifted), existing(t, scaler, drifted)}, errs: map[string]error{"apply Deployment": invalid},
			requests: []string{
				"apply Deployment shop/checkout by goservice-operator forced of uid-checkout owner owner",
				"apply HorizontalPodAutoscaler shop/checkout by goservice-operator forced of uid-checkout owner owner",
			},
			failures: []string{"Invalid Deployment/checkout"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			s.live[Key{deploymentKind, "checkout"}], s.errs = foreign, c.errs
			expectFailures(t, engine.Apply(t.Context(), passOf([]build.Child{deployment, scaler}, c.exist...)), c.failures...)
			results := s.results
			s.expect(c.requests, results)
		})
	}
	t.Run("it is not desired any more although something else failed", func(t *testing.T) {
		s, engine := newEngine(t)
		s.errs["apply ConfigMap"] = invalid
		pass := passOf([]build.Child{childOf(configMapKind, "checkout"), deployment}, existing(t, deployment, nil), existing(t, scaler, nil))
		expectFailures(t, engine.Apply(t.Context(), pass), "Invalid ConfigMap/checkout")
		s.expect([]string{createsConfigMap, deletesScaler}, []string{"ConfigMap failed", "HorizontalPodAutoscaler pruned"})
	})
}

func TestNothingMoreIsTriedInANamespaceThatEnds(t *testing.T) {
	s, engine := newEngine(t)
	s.errs["apply ConfigMap"] = ending
	desired := []build.Child{childOf(configMapKind, "checkout"), childOf(serviceKind, "checkout")}
	pass := passOf(desired, existing(t, childOf(autoscalerKind, "checkout"), nil))
	expectFailures(t, engine.Apply(t.Context(), pass), "Terminating ConfigMap/checkout")
	s.expect([]string{createsConfigMap}, []string{"ConfigMap failed"})
}

// While its owner is being deleted, what exists is kept up to date; nothing comes, and nothing goes.
func TestUpdateOnly(t *testing.T) {
	s, engine := newEngine(t)
	configMap := childOf(configMapKind, "checkout")
	pass := passOf([]build.Child{childOf(serviceKind, "checkout"), configMap}, existing(t, configMap, drifted), existing(t, childOf(serviceKind, "old"), nil))
	pass.UpdateOnly = true
	if err := engine.Apply(t.Context(), pass); err != nil {
		t.Error(err)
	}
	s.expect([]string{updatesConfigMap}, []string{"ConfigMap updated"})
}

func TestWhatCannotBeEncodedFails(t *testing.T) {
	s, engine := newEngine(t)
	none := build.Child{Kind: configMapKind, Name: "checkout", Configuration: make(chan int)}
	odd := childOf(deploymentKind, "checkout")
	odd.Template = []byte(`[]`)
	err := engine.Apply(t.Context(), passOf([]build.Child{none, odd}))
	expectFailures(t, err, `Transient ConfigMap/checkout: encoding ConfigMap "checkout": `, `Transient Deployment/checkout: reading the pod template of Deployment "checkout": `)
	s.expect(nil, nil)
}

func TestATemplateIsPartOfWhatIsApplied(t *testing.T) {
	reference := *metav1.NewControllerRef(owner(), ownerKind)
	hashes := map[string]bool{}
	for _, template := range []string{"", `{"a":"1"}`, `{"a":"2"}`} {
		child := childOf(deploymentKind, "checkout")
		if template != "" {
			child.Template = []byte(template)
		}
		hash, err := hashOf(&child, reference)
		if err != nil {
			t.Fatal(err)
		}
		hashes[hash] = true
		object, err := applied(&child, reference, hash)
		if err != nil {
			t.Fatal(err)
		}
		if _, there, _ := unstructured.NestedMap(object.Object, "spec", "template"); there != (template != "") {
			t.Errorf("template %s: %v", template, object.Object["spec"])
		}
	}
	if len(hashes) != 3 {
		t.Errorf("hashes %v, want three", hashes)
	}
}

func TestRaise(t *testing.T) {
	deployment := func(replicas *int32) *appsv1.Deployment {
		return &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "checkout", UID: types.UID("uid"), ResourceVersion: "50"},
			Spec:       appsv1.DeploymentSpec{Replicas: replicas},
		}
	}
	const raises = "merge Deployment shop/checkout by goservice-operator-seed at 50 replicas 5"
	cases := map[string]struct {
		deployment        *appsv1.Deployment
		err               error
		requests, results []string
		failure           string
	}{
		"none":                      {},
		"a count that nobody set":   {deployment: deployment(nil)},
		"fewer":                     {deployment: deployment(new(int32(4))), requests: []string{raises}, results: []string{"Deployment seeded"}},
		"one":                       {deployment: deployment(new(int32(1))), requests: []string{raises}, results: []string{"Deployment seeded"}},
		"as many":                   {deployment: deployment(new(int32(5)))},
		"more":                      {deployment: deployment(new(int32(6)))},
		"switched off":              {deployment: deployment(new(int32(0)))},
		"somebody else was quicker": {deployment: deployment(new(int32(4))), err: conflict, requests: []string{raises}, failure: `Stale Deployment/checkout: raising to 5 replicas Deployment "checkout": `},
		"it is refused": {
			deployment: deployment(new(int32(4))), err: invalid, requests: []string{raises}, results: []string{"Deployment failed"},
			failure: `Invalid Deployment/checkout: raising to 5 replicas Deployment "checkout": `,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			s.errs["merge Deployment"] = c.err
			var want []string
			if c.failure != "" {
				want = []string{c.failure}
			}
			expectFailures(t, engine.Raise(t.Context(), c.deployment, 5), want...)
			s.expect(c.requests, c.results)
		})
	}
}

func TestFindTemplate(t *testing.T) {
	live := func(uid, annotation string) *unstructured.Unstructured {
		object := existing(t, childOf(deploymentKind, "checkout"), func(o *unstructured.Unstructured) {
			o.SetUID(types.UID(uid))
			o.Object["spec"] = map[string]any{"template": map[string]any{"spec": map[string]any{"serviceAccountName": "shop"}}}
			o.SetManagedFields([]metav1.ManagedFieldsEntry{
				manager(FieldManager, metav1.ManagedFieldsOperationApply, `{"f:spec":{"f:template":{"f:spec":{"f:serviceAccountName":{}}}}}`),
			})
		})
		if annotation != "" {
			object.SetAnnotations(map[string]string{annotation: "x"})
		}
		return object
	}
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "checkout", UID: "uid"}}
	cases := map[string]struct {
		live  *unstructured.Unstructured
		err   error
		found bool
		want  string
	}{
		"by its fields":              {live: live("uid", ""), found: true},
		"another Deployment by now":  {live: live("other", "")},
		"none":                       {want: "reading Deployment shop/checkout: "},
		"a server that breaks":       {live: live("uid", ""), err: breakdown, want: "reading Deployment shop/checkout: "},
		"fields that nobody applied": {live: existing(t, childOf(deploymentKind, "checkout"), func(o *unstructured.Unstructured) { o.SetUID("uid") })},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			if c.live != nil {
				s.live[Key{deploymentKind, "checkout"}] = c.live
			}
			s.errs["get Deployment"] = c.err
			template, err := engine.FindTemplate(t.Context(), deployment)
			if (template != nil) != c.found || (err != nil) != (c.want != "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("template %v, error %v", template, err)
			}
			if diff := cmp.Diff([]string{"get Deployment shop/checkout"}, s.requests); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}
