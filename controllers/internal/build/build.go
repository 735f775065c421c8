// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package build turns a GoService and its Plan into the objects that should exist. It is pure: no client, context, clock,
// logger or environment may enter, the same input gives the same output, and no map or slice of the spec is shared with
// what is built. One file builds one kind; the table in this file names all of them, names.go holds every name and
// labels.go every label.
package build

import (
	"encoding/json"
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/workload/livesettings"
)

// Environment holds what builders must know of the operator's surroundings.
type Environment struct {
	// WorkloadImage is the image of services that name none.
	WorkloadImage string
	// OptionalKinds says which optional kinds the cluster knows at the moment.
	OptionalKinds map[schema.GroupVersionKind]bool
	// ClassicHistograms says whether the cluster's ServiceMonitors have the field scrapeClassicHistograms.
	ClassicHistograms bool
	// AutoscalerTolerance says whether the API server knows the tolerance of a HorizontalPodAutoscaler's rules.
	AutoscalerTolerance bool
	// OlderPods says that pods or the present template mount the older form of live settings: it is rendered as well.
	OlderPods bool
	// RunbookURL is the page that alerts lead to, followed by # and the name of the alert; empty means DefaultRunbookURL.
	RunbookURL string
	// MonitorLabels are labels of the ServiceMonitors and PrometheusRules of all services; those that a service sets itself take precedence.
	MonitorLabels map[string]string
	// Version of this operator.
	Version string
	// Template is the pod template in force; nil where there is none, or none that is known to be the user's spec, applied.
	Template *Template
	// HasDeployment says that the service has its Deployment, and Replacing that this one replaces pods at the moment.
	HasDeployment, Replacing bool
	// References are the ConfigMaps and Secrets whose data the pods take, as References names them.
	References []Referenced
	// HoldReferences puts off the replacement of pods whose data changed.
	HoldReferences bool
	// AssignedUsers says that the platform assigns users to the namespace, as OpenShift does: pods must not name others.
	AssignedUsers bool
	// MetricsFrom may connect to the port of the metrics where a service has a NetworkPolicy: the operator and Prometheus.
	MetricsFrom []networkingv1.NetworkPolicyPeer
	// MetricsFromAnywhere opens that port to everybody, unless the service serves on it: where the operator's requests come from is not
	// known.
	MetricsFromAnywhere bool
	// FormerPorts are those on which pods of an earlier template may still serve.
	FormerPorts []Port
	// FormerHandOff says that pods of an earlier template may still share their queue.
	FormerHandOff bool
	// Upgrade replaces a template in force that another operator would render, though the user changed nothing.
	Upgrade bool
}

// Child is one object that should exist.
type Child struct {
	Kind schema.GroupVersionKind
	Name string
	// Configuration is an apply configuration: a typed one, or map[string]any for kinds of other projects.
	Configuration any
	// Seed holds fields that are set once and then left to whoever changes them, such as the replica count that a
	// HorizontalPodAutoscaler takes over; nil for most.
	Seed map[string]any
	// SeededFor is the annotation that says what the seed was made of: when it changes, the fields are set once more. An
	// object without it keeps what it has.
	SeededFor string
	// Template is spec.template of a Deployment, as JSON: another version of the operator may have rendered it, with fields
	// that the types here do not know.
	Template json.RawMessage
	// Trial says that no schema has judged all of the child: the API server must accept it in a dry run before anything is written.
	Trial bool
}

// Desired is everything that should exist for one GoService.
type Desired struct {
	// Children in the order in which they are applied.
	Children []Child
	// LiveSettings is the document that running pods must confirm, by its revision.
	LiveSettings livesettings.Document
	// Template says which pod template the Deployment has.
	Template v1alpha1.TemplateStatus
	// OlderRevision is what pods that mount the older form must confirm; empty where none do.
	OlderRevision string
}

// input is what every builder receives; builders only read it.
type input struct {
	service     *v1alpha1.GoService
	plan        plan.Plan
	environment Environment
	document    []byte
	inputs      string // of the template, as templateInputs has them
	references  references
	// template of the pods, and its content.
	template        *Template
	templateContent json.RawMessage
	older           []byte // the document in its older form; nil where no pod mounts that
	served          []Port // that clients connect to; nil where there is no NetworkPolicy
	handsOff        bool   // pods of the template share their queue; false where there is no NetworkPolicy
}

// Kind is an emitted kind.
type Kind struct {
	schema.GroupVersionKind
	// Optional kinds are emitted only while the cluster knows them.
	Optional bool
	// ActsOn is the kind whose child of the same name one of this kind changes. It comes after that one and exists only while
	// that one is the service's own. What selects by labels acts on nothing.
	ActsOn *schema.GroupVersionKind
	// SelectsPods: a foreign object of the kind, handed over, changes who reaches pods or evicts them; it is taken only while pods of the
	// service serve.
	SelectsPods bool
	// NamedByPods: pods cannot start without it, so it goes only after the last pod whose template names it.
	NamedByPods bool
	// PrunedLast: it goes only once all else has been applied, since another kind may take its place.
	PrunedLast bool
	build      func(input) []Child
}

// kinds is the one table of everything that is emitted, in the order in which it is applied. When the Deployment's pods
// start, all that they need is in place; what acts on the Deployment follows, and what leads clients to the Service.
var kinds = []Kind{
	{GroupVersionKind: serviceAccountKind, NamedByPods: true, build: serviceAccount},
	{GroupVersionKind: configMapKind, NamedByPods: true, build: liveSettings},
	{GroupVersionKind: ServiceKind, SelectsPods: true, build: services},
	{GroupVersionKind: NetworkPolicyKind, SelectsPods: true, build: networkPolicy},
	{GroupVersionKind: podDisruptionBudgetKind, SelectsPods: true, build: podDisruptionBudget},
	{GroupVersionKind: ServiceMonitorKind, Optional: true, build: serviceMonitor},
	{GroupVersionKind: PrometheusRuleKind, Optional: true, build: prometheusRule},
	{GroupVersionKind: DeploymentKind, build: deployment},
	{GroupVersionKind: horizontalPodAutoscalerKind, ActsOn: &DeploymentKind, build: horizontalPodAutoscaler},
	{GroupVersionKind: HTTPRouteKind, Optional: true, ActsOn: &ServiceKind, PrunedLast: true, build: httpRoute},
	{GroupVersionKind: GRPCRouteKind, Optional: true, ActsOn: &ServiceKind, PrunedLast: true, build: grpcRoute},
	{GroupVersionKind: IngressKind, ActsOn: &ServiceKind, PrunedLast: true, build: ingress},
}

// Kinds lists every kind that the operator may emit, in the order in which they are applied.
func Kinds() []Kind { return kinds }

// KindOf is the table's line for a kind that may be emitted.
func KindOf(kind schema.GroupVersionKind) Kind {
	for _, known := range kinds {
		if known.GroupVersionKind == kind {
			return known
		}
	}
	return Kind{GroupVersionKind: kind}
}

// Build returns what should exist for the service. The only errors are live settings that are not valid or too large.
func Build(service *v1alpha1.GoService, p plan.Plan, environment Environment) (Desired, error) {
	live := document(&service.Spec, p)
	if err := live.Validate(); err != nil {
		return Desired{}, fmt.Errorf("rendering GoService %s/%s: %w", service.Namespace, service.Name, err)
	}
	live, err := live.WithRevision()
	if err != nil {
		return Desired{}, err
	}
	encoded, err := live.Encode()
	if err != nil {
		return Desired{}, err
	}
	if len(encoded) > livesettings.MaxDocumentBytes { // pods would refuse it
		return Desired{}, fmt.Errorf("rendering GoService %s/%s: the live settings have %d bytes, at most %d are allowed; shorten spec.settings",
			service.Namespace, service.Name, len(encoded), livesettings.MaxDocumentBytes)
	}
	desired := Desired{LiveSettings: live}
	in := input{service: service.DeepCopy(), plan: p, environment: environment, document: encoded, inputs: templateInputs(service.Spec)}
	in.references = in.referencesNow()
	rendered, err := in.render()
	if err != nil {
		return Desired{}, err
	}
	if in.template, in.templateContent, err = in.choose(rendered); err != nil {
		return Desired{}, fmt.Errorf("keeping the pod template of GoService %s/%s: %w", service.Namespace, service.Name, err)
	}
	desired.Template = in.template.status(rendered)
	if err := in.findPorts(); err != nil {
		return Desired{}, err
	}
	if environment.OlderPods {
		if in.older, desired.OlderRevision, err = olderForm(encoded); err != nil {
			return Desired{}, err
		}
	}
	for _, kind := range kinds {
		if kind.Optional && !environment.OptionalKinds[kind.GroupVersionKind] {
			continue
		}
		for _, child := range kind.build(in) {
			child.Kind = kind.GroupVersionKind
			desired.Children = append(desired.Children, child)
		}
	}
	return desired, nil
}

// render is the pod template that this operator makes of the spec.
func (in input) render() (json.RawMessage, error) {
	template, err := podTemplate(in)
	if err != nil {
		return nil, err
	}
	rendered, err := json.Marshal(template)
	if err != nil {
		return nil, fmt.Errorf("rendering the pod template of GoService %s/%s: %w", in.service.Namespace, in.service.Name, err)
	}
	if overlay := in.podSettings().Overlay; overlay != nil {
		return in.overlaid(rendered, overlay.Raw)
	}
	return rendered, nil
}

// Unstructured converts a child's configuration to the form that is sent to the API server.
func (c Child) Unstructured() (map[string]any, error) {
	object, err := c.withoutTemplate()
	if err != nil || c.Template == nil {
		return object, err
	}
	var template map[string]any
	if err := utiljson.Unmarshal(c.Template, &template); err != nil {
		return nil, fmt.Errorf("reading the pod template of %s %q: %w", c.Kind.Kind, c.Name, err)
	}
	return object, unstructured.SetNestedMap(object, template, "spec", "template")
}

func (c Child) withoutTemplate() (map[string]any, error) {
	if object, already := c.Configuration.(map[string]any); already {
		return runtime.DeepCopyJSON(object), nil
	}
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(c.Configuration)
	if err != nil {
		return nil, fmt.Errorf("converting %s %q: %w", c.Kind.Kind, c.Name, err)
	}
	return object, nil
}
