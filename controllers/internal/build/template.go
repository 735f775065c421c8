// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

// An upgrade of the operator replaces no pod. What this operator renders may differ from the pod template in force, by its
// bundled image or by its code; as long as the user's part of it is what it was, the template in force stays as it is, to the
// byte. Each Deployment keeps its template beside what it followed from, so that any operator of any version can apply it
// again and see whether the user changed anything.

const (
	// annotationTemplate of a Deployment holds a Template.
	annotationTemplate = "goservice.dev/pod-template"
	// maxTemplate is how many bytes of an object's 256 KiB of annotations a template may take. A larger one is not kept: it
	// is replaced when an operator renders another.
	maxTemplate = 96 << 10
	// maxTemplateJSON bounds what a template that somebody wrote may become in memory.
	maxTemplateJSON = 2 << 20
)

// Template is a pod template as the operator applied it.
type Template struct {
	// Inputs is a hash of what the user declares of the template.
	Inputs string `json:"inputs"`
	// Hash of the template.
	Hash string `json:"hash"`
	// Version of the operator that rendered it; empty for one that was found.
	Version string `json:"version,omitempty"`
	// Cause of its being in force.
	Cause v1alpha1.TemplateCause `json:"cause"`
	// OthersPods says that pods may be left which the operator did not make.
	OthersPods bool `json:"othersPods,omitempty"`
	// References holds the digests of what the pods take from ConfigMaps and Secrets, as it was when they were made.
	References map[string]string `json:"references,omitempty"`
	// Token is what the template was told when such data changed last; empty if none ever did.
	Token string `json:"token,omitempty"`
	// Content is the template itself, as JSON in gzip; empty if it is too large.
	Content []byte `json:"content,omitempty"`

	annotation string // as it stands on the Deployment
	found      *found // if there was no annotation
}

// TemplateOf reads the template that a Deployment keeps; nil if it keeps none that can be read.
func TemplateOf(deployment metav1.Object) *Template {
	template := &Template{annotation: deployment.GetAnnotations()[annotationTemplate]}
	if template.annotation == "" || json.Unmarshal([]byte(template.annotation), template) != nil {
		return nil
	}
	return template
}

// json is the template itself, nil if it cannot be had.
func (t *Template) json() json.RawMessage {
	reader, err := gzip.NewReader(bytes.NewReader(t.Content))
	if err != nil {
		return nil
	}
	content, err := io.ReadAll(io.LimitReader(reader, maxTemplateJSON))
	if err != nil || hashOf(content) != t.Hash {
		return nil
	}
	return content
}

// stamped is the template, of which inputs, version, cause, and references are given, with its content and the annotation that keeps it.
func (t Template) stamped(content json.RawMessage) (*Template, error) {
	t.Hash, t.Content, t.annotation, t.found = hashOf(content), nil, "", nil
	var packed bytes.Buffer
	if err := pack(&packed, content); err != nil {
		return nil, err
	}
	if packed.Len() <= maxTemplate*3/4 { // in base64 a third more
		t.Content = packed.Bytes()
	}
	annotation, err := json.Marshal(t)
	t.annotation = string(annotation)
	return &t, err
}

// packers are kept: a new one is 800 KB.
var packers = sync.Pool{New: func() any {
	packer, err := gzip.NewWriterLevel(nil, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	return packer
}}

// pack writes content in gzip.
func pack(into io.Writer, content []byte) error {
	packer := packers.Get().(*gzip.Writer)
	defer packers.Put(packer)
	packer.Reset(into)
	if _, err := packer.Write(content); err != nil {
		return err
	}
	return packer.Close()
}

// references of the pods: what is kept of them, what the template is told, and whether that replaces the pods.
type references struct {
	digests map[string]string
	token   string
	changed bool
}

// referencesNow compares what is referenced with what the template in force was made of. Whatever replaces the pods lets them take the
// data as it is.
func (in input) referencesNow() references {
	held := in.environment.Template
	if held == nil {
		held = &Template{}
	}
	edited := held.Inputs != in.inputs
	r := references{token: held.Token}
	r.digests, r.changed = follow(held.References, in.environment.References, edited || !in.environment.HoldReferences && FollowsReferences(&in.service.Spec))
	r.changed = r.changed && !edited
	if r.changed {
		r.token = token(r.digests)
	}
	return r
}

// ReferencesChanged tells one change of what is referenced from another, if it is to replace the pods of the template in force; empty
// where there is none.
func ReferencesChanged(spec *v1alpha1.GoServiceSpec, inForce *Template, now []Referenced) string {
	if len(now) == 0 || inForce == nil || !FollowsReferences(spec) || inForce.Inputs != templateInputs(*spec) {
		return ""
	}
	digests, changed := follow(inForce.References, now, true)
	if !changed {
		return ""
	}
	return token(digests)
}

// choose decides between the template in force and what this operator renders.
func (in input) choose(rendered json.RawMessage) (chosen *Template, content json.RawMessage, err error) {
	held := in.environment.Template
	made := Template{
		Inputs: in.inputs, Version: in.environment.Version, Cause: v1alpha1.TemplateFromSpec,
		References: in.references.digests, Token: in.references.token, OthersPods: in.othersPods(),
	}
	if held == nil || (held.found != nil && (held.found.equals(rendered) || held.found.editedIn(rendered))) {
		chosen, err = made.stamped(rendered)
		return chosen, rendered, err
	}
	if held.found != nil {
		// Nobody edited it since an operator that kept no templates applied it. From now on it is kept.
		if held, err = (Template{Inputs: made.Inputs, Cause: v1alpha1.TemplateFromSpec}).stamped(held.found.template); err != nil {
			return nil, nil, err
		}
	}
	switch {
	case held.justHandedOver():
		made.Cause = v1alpha1.TemplateFromHandOver
	case held.Inputs != made.Inputs:
	case in.references.changed:
		made.Cause = v1alpha1.TemplateFromReferences
	case held.Hash == hashOf(rendered):
		return held.with(made, rendered)
	case !in.environment.Upgrade:
		if content := held.json(); content != nil {
			return held.with(made, content)
		}
	default:
		made.Cause = v1alpha1.TemplateFromUpgrade
	}
	chosen, err = made.stamped(rendered)
	return chosen, rendered, err
}

// with is the template, whose content is given, with what may change beside it: references, and whose pods are left.
func (t *Template) with(now Template, content json.RawMessage) (*Template, json.RawMessage, error) {
	if maps.Equal(t.References, now.References) && t.OthersPods == now.OthersPods {
		return t, content, nil
	}
	next := *t
	next.References, next.OthersPods = now.References, now.OthersPods
	chosen, err := next.stamped(content)
	return chosen, content, err
}

// templateInputs is a hash of what the user declares of the pod template: the spec without what is Live. A hash must not
// change from one version of the operator to the next, or every service would be rolled out: what a newer API defaults is
// left out where it has the default.
func templateInputs(spec v1alpha1.GoServiceSpec) string {
	spec.Replicas, spec.Autoscaling, spec.Tuning, spec.Paused = nil, nil, nil, false
	spec.RateLimit, spec.Pool, spec.Runtime, spec.Routes, spec.TrustedProxies = nil, nil, nil, nil, nil
	spec.Settings = nil
	spec.HandOff = handOffInputs(spec)
	var threshold *v1alpha1.SLOSpec
	if spec.SLO != nil && spec.SLO.Latency != nil && plan.OnToolkit(&spec) {
		threshold = &v1alpha1.SLOSpec{Latency: &v1alpha1.LatencyObjective{Threshold: spec.SLO.Latency.Threshold}}
	}
	spec.SLO = threshold
	upstreams := make([]v1alpha1.UpstreamSpec, len(spec.Upstreams))
	for i := range spec.Upstreams {
		upstreams[i] = spec.Upstreams[i]
		upstreams[i].Timeout, upstreams[i].RateLimit, upstreams[i].MaxInFlight = nil, nil, nil
	}
	spec.Upstreams = upstreams
	onToolkit := plan.OnToolkit(&spec)
	spec.Observability = observabilityInputs(spec.Observability, onToolkit)
	if spec.Port == defaultPort {
		spec.Port = 0
	}
	spec.Service, spec.Expose, spec.NetworkPolicy, spec.Rollout, spec.DisruptionBudget = nil, nil, nil, nil, nil
	spec.Ports, spec.InitContainers = portInputs(spec.Ports), containerInputs(spec.InitContainers)
	if p := spec.Pod; p != nil {
		without := *p
		without.WritableTmp = nil // as an older API had it by default
		if !writableTmp(*p) {
			without.WritableTmp = new(false)
		}
		spec.Pod = &without
	}
	encoded, err := json.Marshal(spec)
	if err != nil {
		panic(fmt.Sprintf("encoding a spec that was decoded cannot fail: %v", err))
	}
	return hashOf(encoded)
}

// portInputs are the ports without what only the Service has.
func portInputs(ports []v1alpha1.PortSpec) []v1alpha1.PortSpec {
	var inputs []v1alpha1.PortSpec
	for i := range ports {
		inputs = append(inputs, v1alpha1.PortSpec{Name: ports[i].Name, Port: ports[i].Port, Protocol: protocol(&ports[i])})
	}
	return inputs
}

// containerInputs are containers without what their ports have by default.
func containerInputs(containers []v1alpha1.Container) []v1alpha1.Container {
	var inputs []v1alpha1.Container
	for i := range containers {
		container := containers[i]
		container.Ports = slices.Clone(container.Ports)
		for j := range container.Ports {
			container.Ports[j].Protocol = cmp.Or(container.Ports[j].Protocol, corev1.ProtocolTCP)
		}
		inputs = append(inputs, container)
	}
	return inputs
}

func observabilityInputs(o *v1alpha1.ObservabilitySpec, onToolkit bool) *v1alpha1.ObservabilitySpec {
	if o == nil {
		return nil
	}
	var inputs v1alpha1.ObservabilitySpec
	if !onToolkit { // with which indicators is nothing that pods are told
		inputs.Metrics = &v1alpha1.MetricsSpec{Indicators: v1alpha1.IndicatorsCustom}
	}
	if o.Tracing != nil {
		inputs.Tracing = &v1alpha1.TracingSpec{Endpoint: o.Tracing.Endpoint}
	}
	if o.Profiling != nil && o.Profiling.Enabled != nil && !*o.Profiling.Enabled {
		inputs.Profiling = o.Profiling
	}
	if inputs == (v1alpha1.ObservabilitySpec{}) {
		return nil
	}
	return &inputs
}

const templateHashLength = 16

func hashOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])[:templateHashLength]
}

// status is what the status says of the template.
func (t *Template) status(rendered json.RawMessage) v1alpha1.TemplateStatus {
	return v1alpha1.TemplateStatus{OperatorVersion: t.Version, Cause: t.Cause, Behind: t.Hash != hashOf(rendered)}
}
