// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/controllers/internal/build"
)

// obstacleToPods is what has to be done before a Deployment's pods can be replaced: its selector stays, nobody else may scale it, and
// whatever leads clients to its pods must lead them to the new ones.
func (e *Engine) obstacleToPods(ctx context.Context, pass Pass, child *build.Child, found *unstructured.Unstructured) (string, error) {
	if reason, err := otherSelector(child, found); reason != "" || err != nil {
		return reason, err
	}
	if reason, err := e.lostByServices(ctx, pass, child, found); reason != "" || err != nil {
		return reason, err
	}
	return e.settleAutoscalers(ctx, pass, found)
}

// otherSelector says what the spec needs if a Deployment selects by other labels than those of the service: nobody can change them.
func otherSelector(child *build.Child, found *unstructured.Unstructured) (string, error) {
	desired, err := child.Unstructured()
	if err != nil {
		return "", err
	}
	wanted, _, err := unstructured.NestedFieldNoCopy(desired, "spec", "selector")
	if err != nil {
		return "", err
	}
	selector, _, err := unstructured.NestedFieldNoCopy(found.Object, "spec", "selector")
	if err != nil || equality.Semantic.DeepEqual(wanted, selector) {
		return "", err
	}
	has, _, err := unstructured.NestedStringMap(found.Object, "spec", "selector", "matchLabels")
	if err != nil {
		return "", err
	}
	if expressions, _, _ := unstructured.NestedSlice(found.Object, "spec", "selector", "matchExpressions"); len(expressions) > 0 {
		return "its selector has matchExpressions, which pod.selector cannot have; give the GoService another name, and lead clients to its Service", nil
	}
	return fmt.Sprintf("nobody can change its selector; set spec.pod.selector to {%s}", strings.NewReplacer("=", ": ", ",", ", ").Replace(labels.FormatLabels(has))), nil
}

// lostByServices names a Service that would not lead to the new pods, although it leads to those of the Deployment.
func (e *Engine) lostByServices(ctx context.Context, pass Pass, child *build.Child, found *unstructured.Unstructured) (string, error) {
	var before, after corev1.PodTemplateSpec
	template, _, err := unstructured.NestedMap(found.Object, "spec", "template")
	if err == nil {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(template, &before)
	}
	if err == nil {
		err = json.Unmarshal(child.Template, &after)
	}
	if err != nil {
		return "", fmt.Errorf("comparing the pods of Deployment %q: %w", child.Name, err)
	}
	var list corev1.ServiceList
	if err := e.Live.List(ctx, &list, client.InNamespace(found.GetNamespace())); err != nil {
		return "", fmt.Errorf("listing the Services of %s: %w", found.GetNamespace(), err)
	}
	for i := range list.Items {
		service := &list.Items[i]
		selector := labels.SelectorFromSet(service.Spec.Selector)
		if service.Name == pass.Owner.GetName() && handedOver(service, pass.Owner) { // it follows, unless something is in the way of that
			if reason, err := pass.obstacleToEntrance(service, &before, &after); reason != "" || err != nil {
				return reason, err
			}
			continue
		}
		if len(service.Spec.Selector) == 0 || !selector.Matches(labels.Set(before.Labels)) {
			continue
		}
		if !selector.Matches(labels.Set(after.Labels)) {
			return fmt.Sprintf("Service %q selects its pods by labels that the new pods do not have (%s); set them in spec.pod.labels", service.Name, labels.FormatLabels(service.Spec.Selector)), nil
		}
		for _, port := range service.Spec.Ports {
			switch to := port.TargetPort; {
			case !opens(&before, to) || opens(&after, to):
			case to.Type == intstr.Int:
				return fmt.Sprintf("Service %q leads to port %d, which the new pods do not have; set spec.port, or add it to spec.ports", service.Name, to.IntVal), nil
			default:
				return fmt.Sprintf("Service %q leads to the port named %s, which the new pods do not have; annotate the Service of the name %s with %s as well, and let others name the port by its number",
					service.Name, to.StrVal, pass.Owner.GetName(), build.AnnotationAdopt), nil
			}
		}
	}
	return "", nil
}

// obstacleToEntrance is what is in the way of taking the Service of the owner's name, which leads to the former pods and to the new ones.
func (p *Pass) obstacleToEntrance(service *corev1.Service, before, after *corev1.PodTemplateSpec) (string, error) {
	reason := held(service)
	for i := range p.Desired {
		if child := &p.Desired[i]; reason == "" && child.Kind == build.ServiceKind && child.Name == service.Name {
			declared, err := serviceOf(child)
			if err != nil {
				return "", err
			}
			if reason = lostByClients(service, declared); reason == "" {
				reason = leadsElsewhere(service, declared, before, after)
			}
		}
	}
	if reason == "" {
		return "", nil
	}
	return fmt.Sprintf("Service %q leads to it, and cannot be taken: %s", service.Name, reason), nil
}

// leadsElsewhere says which port of a Service would lead to another one than that on which the former pods serve until they are replaced.
func leadsElsewhere(was, is *corev1.Service, before, after *corev1.PodTemplateSpec) string {
	if !labels.SelectorFromSet(was.Spec.Selector).Matches(labels.Set(before.Labels)) {
		return ""
	}
	for i := range was.Spec.Ports {
		port := &was.Spec.Ports[i]
		same := slices.IndexFunc(is.Spec.Ports, func(p corev1.ServicePort) bool { return samePort(&p, port) })
		if same < 0 {
			continue
		}
		to, known := numberOf(before, port.TargetPort)
		will, alsoKnown := numberOf(after, is.Spec.Ports[same].TargetPort)
		if known && alsoKnown && to != will {
			return fmt.Sprintf("its port %d leads to port %d of the pods that run, and would lead to %d; set spec.port, or the port in spec.ports, to %[2]d", port.Port, to, will)
		}
	}
	return ""
}

// numberOf a port of pods; false where they declare none of the name.
func numberOf(template *corev1.PodTemplateSpec, port intstr.IntOrString) (int32, bool) {
	if port.Type == intstr.Int {
		return port.IntVal, true
	}
	ports := portsOf(template)
	if i := slices.IndexFunc(ports, func(p corev1.ContainerPort) bool { return p.Name == port.StrVal }); i >= 0 {
		return ports[i].ContainerPort, true
	}
	return 0, false
}

// portsOf pods are those that their containers declare.
func portsOf(template *corev1.PodTemplateSpec) []corev1.ContainerPort {
	var ports []corev1.ContainerPort
	for _, c := range slices.Concat(template.Spec.Containers, template.Spec.InitContainers) {
		ports = append(ports, c.Ports...)
	}
	return ports
}

func samePort(a, b *corev1.ServicePort) bool {
	return a.Port == b.Port && cmp.Or(a.Protocol, corev1.ProtocolTCP) == cmp.Or(b.Protocol, corev1.ProtocolTCP)
}

// serviceOf a child is the Service as it is declared.
func serviceOf(child *build.Child) (*corev1.Service, error) {
	content, err := child.Unstructured()
	if err != nil {
		return nil, err
	}
	var service corev1.Service
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &service); err != nil {
		return nil, fmt.Errorf("reading the Service %q as declared: %w", child.Name, err)
	}
	return &service, nil
}

// lostByClients is what clients of a Service have and would lose by what the service declares.
func lostByClients(before, after *corev1.Service) string {
	was, is := before.Spec.Type, after.Spec.Type
	if outside := was == corev1.ServiceTypeLoadBalancer || was == corev1.ServiceTypeNodePort && is != corev1.ServiceTypeLoadBalancer; outside && is != was {
		return fmt.Sprintf("its type is %[1]s; set spec.service.type to %[1]s, or change the Service first", was)
	}
	for i := range before.Spec.Ports {
		port := &before.Spec.Ports[i]
		if !slices.ContainsFunc(after.Spec.Ports, func(p corev1.ServicePort) bool { return samePort(&p, port) }) {
			return fmt.Sprintf("its port %d would be gone; set spec.service.port, add it to spec.ports, or remove it from the Service first", port.Port)
		}
	}
	if len(before.Spec.LoadBalancerSourceRanges) > 0 && len(after.Spec.LoadBalancerSourceRanges) == 0 {
		return "everybody could reach it then; set spec.service.loadBalancerSourceRanges, or remove them from the Service first"
	}
	return ""
}

// opens reports whether pods declare a port of a name or number.
func opens(template *corev1.PodTemplateSpec, port intstr.IntOrString) bool {
	return slices.ContainsFunc(portsOf(template), func(p corev1.ContainerPort) bool {
		if port.Type == intstr.String {
			return p.Name == port.StrVal
		}
		return p.ContainerPort == port.IntVal
	})
}

// settleAutoscalers demands that every autoscaler of a Deployment is handed over as well, and removes those that the service has no use
// for: the replica count stays as it is until the service's own decides.
func (e *Engine) settleAutoscalers(ctx context.Context, pass Pass, deployment *unstructured.Unstructured) (string, error) {
	var list autoscalingv2.HorizontalPodAutoscalerList
	if err := e.Live.List(ctx, &list, client.InNamespace(deployment.GetNamespace())); err != nil {
		return "", fmt.Errorf("listing the autoscalers of %s: %w", deployment.GetNamespace(), err)
	}
	var needless []*autoscalingv2.HorizontalPodAutoscaler
	for i := range list.Items {
		autoscaler := &list.Items[i]
		controller := metav1.GetControllerOf(autoscaler)
		switch {
		case !scales(autoscaler, deployment), controller != nil && controller.UID == pass.Owner.GetUID():
		case controller != nil:
			return fmt.Sprintf("HorizontalPodAutoscaler %q of %s %q scales it; delete that one, or let it scale the GoService", autoscaler.Name, controller.Kind, controller.Name), nil
		case !handedOver(autoscaler, pass.Owner):
			return fmt.Sprintf("HorizontalPodAutoscaler %q scales it; annotate that one with %s: %s as well, or delete it", autoscaler.Name, build.AnnotationAdopt, pass.Owner.GetName()), nil
		case !pass.desires(Key{horizontalPodAutoscalerKind, autoscaler.Name}):
			if reason := tracked(autoscaler); reason != "" {
				return fmt.Sprintf("HorizontalPodAutoscaler %q scales it, and %s", autoscaler.Name, reason), nil
			}
			needless = append(needless, autoscaler)
		}
	}
	for _, autoscaler := range needless {
		if err := e.replace(ctx, autoscaler); err != nil {
			return "", err
		}
	}
	return "", nil
}

// replace removes an object that was handed over and whose place another one has, unless somebody would only make it anew.
func (e *Engine) replace(ctx context.Context, object client.Object) error {
	kind, err := e.Client.GroupVersionKindFor(object)
	if err != nil || held(object) != "" {
		return err
	}
	return e.prune(ctx, Key{kind, object.GetName()}, object)
}

var horizontalPodAutoscalerKind = autoscalingv2.SchemeGroupVersion.WithKind("HorizontalPodAutoscaler")

func scales(autoscaler *autoscalingv2.HorizontalPodAutoscaler, deployment *unstructured.Unstructured) bool {
	target := autoscaler.Spec.ScaleTargetRef
	return target.Kind == build.DeploymentKind.Kind && target.Name == deployment.GetName() && strings.HasPrefix(target.APIVersion, build.DeploymentKind.Group+"/")
}

func (p *Pass) desires(key Key) bool {
	return slices.ContainsFunc(p.Desired, func(c build.Child) bool { return c.Kind == key.Kind && c.Name == key.Name })
}
