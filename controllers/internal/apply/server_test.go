// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/controllers/internal/build"
)

var (
	ownerKind      = schema.GroupVersionKind{Group: "goservice.dev", Version: "v1alpha1", Kind: "GoService"}
	accountKind    = corev1.SchemeGroupVersion.WithKind("ServiceAccount")
	configMapKind  = corev1.SchemeGroupVersion.WithKind("ConfigMap")
	serviceKind    = corev1.SchemeGroupVersion.WithKind("Service")
	deploymentKind = appsv1.SchemeGroupVersion.WithKind("Deployment")
	budgetKind     = policyv1.SchemeGroupVersion.WithKind("PodDisruptionBudget")
	autoscalerKind = autoscalingv2.SchemeGroupVersion.WithKind("HorizontalPodAutoscaler")

	conflict  = apierrors.NewConflict(schema.GroupResource{Resource: "things"}, "checkout", errors.New("another version"))
	invalid   = apierrors.NewInvalid(schema.GroupKind{Kind: "Thing"}, "checkout", nil)
	gone      = apierrors.NewNotFound(schema.GroupResource{Resource: "things"}, "checkout")
	breakdown = apierrors.NewInternalError(errors.New("etcd"))
	ending    = apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "shop")
	frozen    = statusError(409, "", `admission webhook "freeze.example.com" denied the request: frozen`)
)

// server answers the Engine as a test says, and keeps what it was asked for.
type server struct {
	client.Client
	t *testing.T
	// live are the objects that a Get finds.
	live map[Key]client.Object
	// errs are the answers to requests by their first words, such as "apply ConfigMap"; what has none succeeds.
	errs map[string]error
	// once are answers that come first, and once.
	once map[string]error
	// requests in the order in which they came, and results as they were counted.
	requests, results []string
	// sent is what the patches had in them, in the same order.
	sent []*unstructured.Unstructured
}

func newEngine(t *testing.T) (*server, *Engine) {
	s := &server{t: t, live: map[Key]client.Object{}, errs: map[string]error{}}
	return s, &Engine{Client: s, Live: s, Record: func(kind schema.GroupVersionKind, result Result) {
		s.results = append(s.results, kind.Kind+" "+string(result))
	}}
}

// asked keeps a request, and is the answer to it.
func (s *server) asked(what string, details ...string) error {
	s.requests = append(s.requests, strings.Join(append([]string{what}, details...), " "))
	if err := s.once[what]; err != nil {
		delete(s.once, what)
		return err
	}
	return s.errs[what]
}

func (s *server) expect(requests, results []string) {
	s.t.Helper()
	if diff := cmp.Diff(requests, s.requests); diff != "" {
		s.t.Errorf("requests (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(results, s.results); diff != "" {
		s.t.Errorf("results (-want +got):\n%s", diff)
	}
	s.requests, s.results = nil, nil
}

func (s *server) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	kind := into.GetObjectKind().GroupVersionKind()
	if err := s.asked("get "+kind.Kind, key.String()); err != nil {
		return err
	}
	found := s.live[Key{kind, key.Name}]
	if found == nil {
		return gone
	}
	encoded, err := json.Marshal(found)
	if err != nil {
		return err
	}
	return json.Unmarshal(encoded, into)
}

// List fills a typed list of live objects, by name.
func (s *server) List(_ context.Context, list client.ObjectList, opts ...client.ListOption) error {
	options := (&client.ListOptions{}).ApplyOptions(opts)
	name := strings.TrimPrefix(fmt.Sprintf("%T", list), "*v1.")
	name = strings.TrimPrefix(name, "*v2.")
	if err := s.asked("list "+name, options.Namespace); err != nil {
		return err
	}
	var items []client.Object
	for key, object := range s.live {
		if key.Kind.Kind+"List" == name {
			items = append(items, object)
		}
	}
	slices.SortFunc(items, func(a, b client.Object) int { return strings.Compare(a.GetName(), b.GetName()) })
	encoded, err := json.Marshal(map[string]any{"items": items})
	if err != nil {
		return err
	}
	return json.Unmarshal(encoded, list)
}

// GroupVersionKindFor is asked of typed objects from a list.
func (s *server) GroupVersionKindFor(object runtime.Object) (schema.GroupVersionKind, error) {
	return apiutil.GVKForObject(object, scheme.Scheme)
}

// Patch tells of the parts of a body on which something depends: conditions, owners, and the replica count.
func (s *server) Patch(_ context.Context, object client.Object, patch client.Patch, opts ...client.PatchOption) error {
	options := (&client.PatchOptions{}).ApplyOptions(opts)
	data, err := patch.Data(object)
	if err != nil {
		s.t.Fatal(err)
	}
	body := &unstructured.Unstructured{}
	if err := json.Unmarshal(data, &body.Object); err != nil {
		s.t.Fatal(err)
	}
	s.sent = append(s.sent, body)
	verb := map[types.PatchType]string{types.ApplyYAMLPatchType: "apply", types.MergePatchType: "merge"}[patch.Type()]
	if slices.Contains(options.DryRun, metav1.DryRunAll) {
		verb = "try to " + verb
	}
	details := []string{client.ObjectKeyFromObject(object).String(), "by " + options.FieldManager}
	if options.Force != nil && *options.Force {
		details = append(details, "forced")
	}
	if version := body.GetResourceVersion(); version != "" {
		details = append(details, "at "+version)
	}
	if uid := body.GetUID(); uid != "" {
		details = append(details, "of "+string(uid))
	}
	for _, owner := range body.GetOwnerReferences() {
		details = append(details, "owner "+string(owner.UID))
	}
	if count, there, _ := unstructured.NestedFieldNoCopy(body.Object, "spec", "replicas"); there {
		details = append(details, fmt.Sprintf("replicas %v", count))
	}
	kind := object.GetObjectKind().GroupVersionKind()
	if err := s.asked(verb+" "+kind.Kind, details...); err != nil {
		return err
	}
	// The answer: a version after all that tests make up.
	if object.GetUID() == "" {
		object.SetUID("uid-" + types.UID(object.GetName()))
	}
	object.SetResourceVersion("1000")
	object.SetGeneration(7)
	object.SetOwnerReferences(body.GetOwnerReferences())
	return nil
}

func (s *server) Delete(_ context.Context, object client.Object, opts ...client.DeleteOption) error {
	options := (&client.DeleteOptions{}).ApplyOptions(opts)
	details := []string{client.ObjectKeyFromObject(object).String()}
	if options.Preconditions != nil && options.Preconditions.UID != nil {
		details = append(details, "of "+string(*options.Preconditions.UID))
	}
	if options.PropagationPolicy != nil {
		details = append(details, "in the "+string(*options.PropagationPolicy))
	}
	kind := object.GetObjectKind().GroupVersionKind().Kind
	if kind == "" {
		kind = strings.TrimPrefix(fmt.Sprintf("%T", object), "*v1.")
	}
	return s.asked("delete "+kind, details...)
}

func owner() *metav1.PartialObjectMetadata {
	o := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "checkout", UID: "owner"}}
	o.SetGroupVersionKind(ownerKind)
	return o
}

// childOf is a child with some content.
func childOf(kind schema.GroupVersionKind, name string) build.Child {
	return build.Child{Kind: kind, Name: name, Configuration: map[string]any{
		"apiVersion": kind.GroupVersion().String(), "kind": kind.Kind,
		"metadata": map[string]any{"namespace": "shop", "name": name, "labels": map[string]any{
			build.LabelManagedBy: build.ManagedBy, "app.kubernetes.io/name": "checkout",
		}},
		"data": map[string]any{"a": "1"},
	}}
}

// existing is a child as it is in the cache: applied once, by the owner, unless change says otherwise.
func existing(t *testing.T, child build.Child, change func(*unstructured.Unstructured)) *unstructured.Unstructured {
	t.Helper()
	reference := *metav1.NewControllerRef(owner(), ownerKind)
	hash, err := hashOf(&child, reference)
	if err != nil {
		t.Fatal(err)
	}
	object, err := applied(&child, reference, hash)
	if err != nil {
		t.Fatal(err)
	}
	object.SetUID("uid-" + types.UID(child.Name))
	object.SetResourceVersion("50")
	object.SetGeneration(3)
	object.SetManagedFields([]metav1.ManagedFieldsEntry{manager(FieldManager, metav1.ManagedFieldsOperationApply, `{"f:data":{}}`)})
	if change != nil {
		change(object)
	}
	return object
}

// typedDeployment is a Deployment as the typed cache has it.
func typedDeployment(t *testing.T, object *unstructured.Unstructured) *appsv1.Deployment {
	t.Helper()
	var deployment appsv1.Deployment
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &deployment); err != nil {
		t.Fatal(err)
	}
	return &deployment
}

func drifted(object *unstructured.Unstructured) { object.Object["data"] = map[string]any{"a": "2"} }

func passOf(desired []build.Child, exist ...*unstructured.Unstructured) Pass {
	pass := Pass{Owner: owner(), OwnerKind: ownerKind, Desired: desired, Existing: map[Key]client.Object{}}
	for _, object := range exist {
		pass.Existing[Key{object.GroupVersionKind(), object.GetName()}] = object
	}
	return pass
}

// failures in the form "Class Kind/name: text".
func failuresOf(err error) []string {
	var all []string
	for _, failure := range Failures(err) {
		all = append(all, fmt.Sprintf("%s %s/%s: %v", failure.Class, failure.Kind, failure.Name, failure.Err))
	}
	return all
}

func expectFailures(t *testing.T, err error, want ...string) {
	t.Helper()
	got := failuresOf(err)
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("failures, want those that begin with the wanted (-want +got):\n%s", cmp.Diff(want, got))
	}
}

// object reads one from YAML.
func object(t *testing.T, manifest string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &o.Object); err != nil {
		t.Fatalf("%s: %v", manifest, err)
	}
	return o
}

// foreign objects are handed over to the service, at version 50.
func foreign(t *testing.T, kind schema.GroupVersionKind, name, spec string, change ...func(*unstructured.Unstructured)) *unstructured.Unstructured {
	t.Helper()
	o := object(t, "spec: "+spec)
	o.SetGroupVersionKind(kind)
	o.SetNamespace("shop")
	o.SetName(name)
	o.SetUID("uid-" + types.UID(name))
	o.SetResourceVersion("50")
	o.SetAnnotations(map[string]string{build.AnnotationAdopt: "checkout"})
	for _, f := range change {
		f(o)
	}
	return o
}

func (s *server) has(objects ...*unstructured.Unstructured) {
	for _, o := range objects {
		s.live[Key{o.GroupVersionKind(), o.GetName()}] = o
	}
}

// desired is a child with a spec.
func desired(t *testing.T, kind schema.GroupVersionKind, name, spec string) build.Child {
	t.Helper()
	child := childOf(kind, name)
	content := child.Configuration.(map[string]any)
	delete(content, "data")
	content["spec"] = object(t, "spec: "+spec).Object["spec"]
	return child
}

func labeled(key, value string) func(*unstructured.Unstructured) {
	return func(o *unstructured.Unstructured) { o.SetLabels(map[string]string{key: value}) }
}

func annotated(key, value string) func(*unstructured.Unstructured) {
	return func(o *unstructured.Unstructured) {
		all := o.GetAnnotations()
		all[key] = value
		o.SetAnnotations(all)
	}
}

func controlled(by string) func(*unstructured.Unstructured) {
	return func(o *unstructured.Unstructured) {
		o.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "ScaledObject", Name: "scaler", UID: types.UID(by), Controller: new(true)}})
	}
}

func handedToAnother(o *unstructured.Unstructured) {
	o.SetAnnotations(map[string]string{build.AnnotationAdopt: "cart"})
}
