// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

// version of an operator, with the image that it bundles.
type version struct {
	name, image string
	upgrade     bool
	references  []Referenced
	hold        bool
}

// with what is referenced.
func (v version) with(references []Referenced) version {
	v.references = references
	return v
}

var older, newer = version{name: "v1", image: "workload:1"}, version{name: "v2", image: "workload:2"}

// run builds a service by a version, with the template that is in force, and returns what is in force then.
func (v version) run(t *testing.T, spec v1alpha1.GoServiceSpec, inForce *Template) (Desired, *Template) {
	t.Helper()
	service := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "checkout"}, Spec: spec}
	desired, err := Build(service, plan.Compute(&spec, plan.Observed{}), Environment{
		WorkloadImage: v.image, Version: v.name, Template: inForce, Upgrade: v.upgrade, References: v.references, HoldReferences: v.hold,
	})
	if err != nil {
		t.Fatal(err)
	}
	object, err := deploymentIn(desired).Unstructured()
	if err != nil {
		t.Fatal(err)
	}
	var deployment appsv1.Deployment
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, &deployment); err != nil {
		t.Fatal(err)
	}
	return desired, TemplateOf(&deployment)
}

func templateOf(t *testing.T, desired Desired) string {
	t.Helper()
	return string(deploymentIn(desired).Template)
}

func deploymentIn(desired Desired) Child {
	return desired.Children[slices.IndexFunc(desired.Children, func(c Child) bool { return c.Kind == DeploymentKind })]
}

func TestATemplateIsKeptUntilTheUserChangesIt(t *testing.T) {
	spec := v1alpha1.GoServiceSpec{Env: []v1alpha1.EnvVar{{Name: "COLOR", Value: "blue"}}}
	before, kept := older.run(t, spec, nil)
	if diff := cmp.Diff(v1alpha1.TemplateStatus{OperatorVersion: "v1", Cause: v1alpha1.TemplateFromSpec}, before.Template); diff != "" {
		t.Errorf("the first template (-want +got):\n%s", diff)
	}
	live := spec
	live.RateLimit = &v1alpha1.RateLimitSpec{RequestsPerSecond: 100}
	rolling := spec
	rolling.Env = []v1alpha1.EnvVar{{Name: "COLOR", Value: "red"}}
	upgrading := newer
	upgrading.upgrade = true
	behind := v1alpha1.TemplateStatus{OperatorVersion: "v1", Cause: v1alpha1.TemplateFromSpec, Behind: true}
	current := v1alpha1.TemplateStatus{OperatorVersion: "v2", Cause: v1alpha1.TemplateFromSpec}
	for name, c := range map[string]struct {
		by   version
		spec v1alpha1.GoServiceSpec
		kept bool
		want v1alpha1.TemplateStatus
	}{
		"the same operator again":        {older, spec, true, before.Template},
		"another operator":               {newer, spec, true, behind},
		"another operator, a live edit":  {newer, live, true, behind},
		"another operator, rolling edit": {newer, rolling, false, current},
		"an upgrade is granted":          {upgrading, spec, false, v1alpha1.TemplateStatus{OperatorVersion: "v2", Cause: v1alpha1.TemplateFromUpgrade}},
		"an upgrade and a rolling edit":  {upgrading, rolling, false, current},
		"the same operator, a live edit": {older, live, true, before.Template},
		"the same, a rolling edit":       {older, rolling, false, before.Template},
	} {
		t.Run(name, func(t *testing.T) {
			after, stamp := c.by.run(t, c.spec, kept)
			if same := templateOf(t, after) == templateOf(t, before); same != c.kept {
				t.Errorf("the template stayed: %v\n%s", same, cmp.Diff(templateOf(t, before), templateOf(t, after)))
			}
			if c.kept && stamp.annotation != kept.annotation {
				t.Error("the annotation of a template that is kept was written anew")
			}
			if !c.kept && !strings.Contains(templateOf(t, after), c.by.image) {
				t.Errorf("a new template does not have the image %s", c.by.image)
			}
			if diff := cmp.Diff(c.want, after.Template); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			again, _ := c.by.run(t, c.spec, stamp)
			if templateOf(t, again) != templateOf(t, after) {
				t.Error("the next build changes the template again")
			}
		})
	}
}

// An operator that is rolled back keeps what the newer one wrote, also fields that it does not know.
func TestATemplateIsKeptToTheByte(t *testing.T) {
	spec := v1alpha1.GoServiceSpec{}
	future := `{"metadata":{"labels":{"a":"b"}},"spec":{"fieldOfTheFuture":{"x":1},"containers":[{"name":"service","image":"workload:3"}]}}`
	kept, err := (Template{Inputs: templateInputs(spec), Version: "v3", Cause: v1alpha1.TemplateFromUpgrade}).stamped(json.RawMessage(future))
	if err != nil {
		t.Fatal(err)
	}
	desired, _ := older.run(t, spec, kept)
	if diff := cmp.Diff(future, templateOf(t, desired)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	object, err := deploymentIn(desired).Unstructured()
	if err != nil {
		t.Fatal(err)
	}
	if encoded, _ := json.Marshal(object); !strings.Contains(string(encoded), `"fieldOfTheFuture":{"x":1}`) {
		t.Errorf("what is sent: %s", encoded)
	}
}

func TestATemplateThatCannotBeReadIsRendered(t *testing.T) {
	spec := v1alpha1.GoServiceSpec{}
	_, good := older.run(t, spec, nil)
	for name, spoil := range map[string]func(*Template){
		"no content":      func(t *Template) { t.Content = nil },
		"no gzip":         func(t *Template) { t.Content = []byte("nonsense") },
		"another content": func(t *Template) { t.Hash = "0123456789abcdef" },
	} {
		t.Run(name, func(t *testing.T) {
			spoiled := *good
			spoil(&spoiled)
			desired, _ := newer.run(t, spec, &spoiled)
			if !strings.Contains(templateOf(t, desired), newer.image) {
				t.Errorf("template %s", templateOf(t, desired))
			}
		})
	}
	for _, annotation := range []string{"", "nonsense", `{"inputs":1}`} {
		deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{annotationTemplate: annotation}}}
		if TemplateOf(deployment) != nil {
			t.Errorf("annotation %q is read", annotation)
		}
	}
}

// Annotations of an object have room for 256 KiB in all.
func TestATemplateThatIsTooLargeIsNotKeptButApplied(t *testing.T) {
	source := rand.NewChaCha8([32]byte{})
	noise := make([]byte, 200<<10) // no gzip makes this smaller than the limit
	for i := range noise {
		noise[i] = "0123456789abcdef"[source.Uint64()%16]
	}
	spec := v1alpha1.GoServiceSpec{Env: []v1alpha1.EnvVar{{Name: "NOISE", Value: string(noise)}}}
	desired, stamp := older.run(t, spec, nil)
	if len(stamp.Content) > 0 || len(stamp.annotation) > maxTemplate {
		t.Errorf("%d bytes of annotation", len(stamp.annotation))
	}
	again, _ := older.run(t, spec, stamp)
	if templateOf(t, again) != templateOf(t, desired) || again.Template.Behind {
		t.Error("the same operator changes it")
	}
}

func fullSpec(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "config", "samples", "goservice_full.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var object struct {
		Spec map[string]any `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	return object.Spec
}

func specOf(content map[string]any) (spec v1alpha1.GoServiceSpec, err error) {
	encoded, err := json.Marshal(content)
	if err == nil {
		err = json.Unmarshal(encoded, &spec)
	}
	return spec, err
}

// What changes the template must change the hash of its inputs, or the user's edit would never arrive. What does not change
// it must not, or a live edit would replace pods after an upgrade.
func TestTheInputsOfATemplateAreWhatItFollowsFrom(t *testing.T) {
	content := fullSpec(t)
	base, err := specOf(content)
	if err != nil {
		t.Fatal(err)
	}
	render := func(spec v1alpha1.GoServiceSpec) (string, error) {
		service := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Name: "checkout"}, Spec: spec}
		rendered, err := input{service: service, plan: plan.Compute(&spec, plan.Observed{})}.render()
		return string(rendered), err
	}
	before, err := render(base)
	if err != nil {
		t.Fatal(err)
	}
	rolling, live := 0, 0
	everyNode(content, nil, func(path []string, set func(any), value any) {
		for _, other := range others(path, value) {
			set(other)
			spec, err := specOf(content)
			set(value)
			if err != nil {
				continue // a value that no spec can have
			}
			after, err := render(spec)
			if err != nil {
				continue // an overlay that is refused
			}
			rolls, counts := after != before, templateInputs(spec) != templateInputs(base)
			// Who leaves out a Rolling field that had its default edited a Rolling field all the same.
			if rolls != counts && (rolls || other != nil) {
				t.Errorf("%s: %v → %v changes the template: %v, the inputs: %v", strings.Join(path, "."), value, other, rolls, counts)
			}
			if rolls {
				rolling++
			} else {
				live++
			}
		}
	})
	if rolling < 30 || live < 20 {
		t.Errorf("only %d rolling and %d live changes were tried", rolling, live)
	}
}

// others are values that a field could have instead; nil leaves it out.
func others(path []string, value any) []any {
	switch value := value.(type) {
	case string:
		return []any{"7" + value, value + "7", nil}
	case float64:
		return []any{value + 1, nil}
	case bool:
		return []any{!value, nil}
	}
	return []any{nil}
}

// everyNode visits all that is in a document.
func everyNode(content any, path []string, visit func(path []string, set func(any), value any)) {
	each := func(name string, value any, set func(any)) {
		below := append(slices.Clone(path), name)
		visit(below, set, value)
		everyNode(value, below, visit)
	}
	switch content := content.(type) {
	case map[string]any:
		for name, value := range content {
			each(name, value, func(v any) { content[name] = v })
		}
	case []any:
		for i, value := range content {
			each(strconv.Itoa(i), value, func(v any) { content[i] = v })
		}
	}
}

// A default that a newer API brings is no edit of the user's.
func TestDefaultsAreNoInputs(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "config", "crd", "bases", "goservice.dev_goservices.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var definition struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema schemaNode `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &definition); err != nil {
		t.Fatal(err)
	}
	for _, apiVersion := range definition.Spec.Versions {
		content := fullSpec(t)
		schema := apiVersion.Schema.OpenAPIV3Schema.Properties["spec"]
		if schema.each(content, func(object map[string]any, name string, _ any) { delete(object, name) }) < 5 {
			t.Fatal("the schema has hardly any defaults")
		}
		without, err := specOf(content)
		if err != nil {
			t.Fatal(err)
		}
		schema.each(content, func(object map[string]any, name string, value any) {
			object[name] = value
			with, err := specOf(content)
			if err != nil {
				t.Fatal(err)
			}
			if templateInputs(with) != templateInputs(without) {
				t.Errorf("the default %v of %s counts as an edit: leave it out in templateInputs", value, name)
			}
		})
	}
}

type schemaNode struct {
	Default    any                   `json:"default"`
	Properties map[string]schemaNode `json:"properties"`
	Items      *schemaNode           `json:"items"`
}

// each visits the fields with defaults in a document of the schema.
func (s schemaNode) each(content any, visit func(object map[string]any, name string, value any)) (count int) {
	switch content := content.(type) {
	case map[string]any:
		for name, property := range s.Properties {
			if property.Default != nil {
				visit(content, name, property.Default)
				count++
			}
			count += property.each(content[name], visit)
		}
	case []any:
		for _, element := range content {
			if s.Items != nil {
				count += s.Items.each(element, visit)
			}
		}
	}
	return count
}

// Services whose hash changes from one version to the next are rolled out with the upgrade: this must never be changed.
func TestTheHashOfInputsStaysFromVersionToVersion(t *testing.T) {
	for name, c := range map[string]struct {
		spec v1alpha1.GoServiceSpec
		want string
	}{
		"empty": {v1alpha1.GoServiceSpec{}, "44136fa355b3678a"},
		"some": {v1alpha1.GoServiceSpec{
			Image: "registry.example/checkout:v1", Port: 8000, Env: []v1alpha1.EnvVar{{Name: "COLOR", Value: "blue"}},
			Upstreams: []v1alpha1.UpstreamSpec{{Name: "billing", URL: "http://billing.shop.svc"}},
			Pod:       &v1alpha1.PodSpec{Annotations: map[string]v1alpha1.AnnotationValue{"team": "shop"}, WritableTmp: new(true)}, // once the default
		}, "5d033e8e87fff6dc"},
	} {
		if got := templateInputs(c.spec); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
