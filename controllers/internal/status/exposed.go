// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/observe"
)

// exposed says whether clients outside of the cluster reach the Service: whether every controller that answers for the Gateway
// accepts the route as it is now, or whether the Ingress has an address.
var exposed = chain{
	{no, ifExposed(routeKindAbsent)},
	{no, ifExposed(exposureFailed)},
	{unknown, ifExposed(exposureUnseen)},
	{unknown, ifRouted(unanswered)},
	{no, ifRouted(refused(observe.RouteAccepted, v1alpha1.ReasonNotAccepted))},
	{no, ifRouted(refused(observe.RouteResolvedRefs, v1alpha1.ReasonUnresolved))},
	{unknown, ifRouted(undecided)},
	{yes, ifRouted(routeAccepted)},
	{yes, ifExposed(addressed)},
	{unknown, ifExposed(noAddress)},
}

func ifExposed(p predicate) predicate {
	return func(s Situation) (string, string, bool) {
		if s.Service.Spec.Expose == nil {
			return "", "", false
		}
		return p(s)
	}
}

// ifRouted applies where the service has a route.
func ifRouted(p predicate) predicate {
	return func(s Situation) (string, string, bool) {
		if s.route() == nil {
			return "", "", false
		}
		return p(s)
	}
}

// exposure is the object that leads clients to the service from outside, as the cache has it; nil while there is none.
func (s Situation) exposure() any {
	kind, exists := build.Exposure(&s.Service.Spec, s.Optional)
	if !exists {
		return nil
	}
	if object, exists := s.Observed.Children[apply.Key{Kind: kind, Name: s.Service.Name}]; exists {
		return object
	}
	return nil
}

func (s Situation) route() *unstructured.Unstructured {
	route, _ := s.exposure().(*unstructured.Unstructured)
	return route
}

func routeKindAbsent(s Situation) (string, string, bool) {
	_, exists := build.Exposure(&s.Service.Spec, s.Optional)
	return v1alpha1.ReasonRouteKindAbsent, build.RouteKind(&s.Service.Spec).Kind + " (gateway.networking.k8s.io/v1) is not installed in this cluster; " +
		"install Gateway API, or set expose.ingressClassName to have an Ingress meanwhile", !exists
}

// exposureFailed applies where what clients are led by, or to, could not be applied as the spec has it.
func exposureFailed(s Situation) (string, string, bool) {
	kind, _ := build.Exposure(&s.Service.Spec, s.Optional)
	failed := slices.ContainsFunc(apply.Failures(s.ApplyErr), func(f apply.Failure) bool {
		return f.Name == s.Service.Name && (f.Kind == kind.Kind || f.Kind == "Service")
	})
	return v1alpha1.ReasonApplyFailed, "the " + kind.Kind + " is not applied; the condition Applied says why", failed || s.exposure() == nil && s.ApplyErr != nil
}

func exposureUnseen(s Situation) (string, string, bool) {
	kind, _ := build.Exposure(&s.Service.Spec, s.Optional)
	message := "the " + kind.Kind + " is being applied"
	if s.Service.Spec.Paused {
		message = "there is no " + kind.Kind + ", and spec.paused is true"
	}
	return v1alpha1.ReasonNotYetApplied, message, s.exposure() == nil
}

// answers are what controllers say of the route at the Gateway that the spec names.
func (s Situation) answers() []observe.RouteParent {
	target := s.Service.Spec.Expose.Gateway
	namespace := string(target.Namespace)
	if namespace == "" {
		namespace = s.Service.Namespace
	}
	var found []observe.RouteParent
	for _, parent := range observe.RouteParents(s.route()) {
		ref := parent.ParentRef
		if or(ref.Group, build.GatewayGroup) == build.GatewayGroup && or(ref.Kind, build.GatewayKind.Kind) == build.GatewayKind.Kind &&
			or(ref.Namespace, s.Service.Namespace) == namespace && ref.Name == string(target.Name) && or(ref.SectionName, "") == string(target.SectionName) {
			found = append(found, parent)
		}
	}
	slices.SortStableFunc(found, func(a, b observe.RouteParent) int { return strings.Compare(a.ControllerName, b.ControllerName) })
	return found
}

func or(value *string, otherwise string) string {
	if value == nil {
		return otherwise
	}
	return *value
}

// current is a condition of an answer that speaks of the route as it was applied last; nil where there is none.
func (s Situation) current(answer observe.RouteParent, kind string) *metav1.Condition {
	c := meta.FindStatusCondition(answer.Conditions, kind)
	if c == nil || c.ObservedGeneration < max(s.route().GetGeneration(), s.ExposedGeneration) {
		return nil
	}
	return c
}

// gatewayName for people.
func (s Situation) gatewayName() string {
	target := s.Service.Spec.Expose.Gateway
	if target.Namespace == "" {
		return fmt.Sprintf("%q", target.Name)
	}
	return fmt.Sprintf("%q of namespace %s", target.Name, target.Namespace)
}

func unanswered(s Situation) (string, string, bool) {
	listener := ""
	if name := s.Service.Spec.Expose.Gateway.SectionName; name != "" {
		listener = fmt.Sprintf(" with the listener %q", name)
	}
	return v1alpha1.ReasonAwaitingGateway, fmt.Sprintf("no controller has answered for Gateway %s: check that it exists%s, and that the controller of its GatewayClass runs and supports %s",
		s.gatewayName(), listener, build.RouteKind(&s.Service.Spec).Kind), len(s.answers()) == 0
}

// refused quotes the first controller whose condition is False. An answer to an earlier form of the route is none.
func refused(kind, reason string) predicate {
	return func(s Situation) (string, string, bool) {
		for _, answer := range s.answers() {
			if c := s.current(answer, kind); c != nil && c.Status == metav1.ConditionFalse {
				return quotable(c.Reason, reason), oneLine(fmt.Sprintf("Gateway %s: %s is False (%s), says %s: %s", s.gatewayName(), kind, c.Reason, answer.ControllerName, c.Message)), true
			}
		}
		return "", "", false
	}
}

// maxReasonLength is that of an event's reason.
const maxReasonLength = 128

// quotable is a reason that somebody else gave, if it can be one of an event, too.
func quotable(reason, otherwise string) string {
	if reason == "" || len(reason) > maxReasonLength {
		return otherwise
	}
	return reason
}

func undecided(s Situation) (string, string, bool) {
	for _, answer := range s.answers() {
		for _, kind := range []string{observe.RouteAccepted, observe.RouteResolvedRefs} {
			if c := s.current(answer, kind); c == nil || c.Status != metav1.ConditionTrue {
				return v1alpha1.ReasonAwaitingGateway, fmt.Sprintf("%s has not said of Gateway %s whether %s is True for the latest %s",
					answer.ControllerName, s.gatewayName(), kind, build.RouteKind(&s.Service.Spec).Kind), true
			}
		}
	}
	return "", "", false
}

func routeAccepted(s Situation) (string, string, bool) {
	return v1alpha1.ReasonRouteAccepted, fmt.Sprintf("Gateway %s accepts the %s", s.gatewayName(), build.RouteKind(&s.Service.Spec).Kind), true
}

// addressed applies where a controller has published where the Ingress is reached.
func addressed(s Situation) (string, string, bool) {
	ingress, is := s.exposure().(*networkingv1.Ingress)
	if !is {
		return "", "", false
	}
	for _, at := range ingress.Status.LoadBalancer.Ingress {
		if address := at.IP + at.Hostname; address != "" {
			if at.IP != "" {
				address = at.IP
			}
			return v1alpha1.ReasonAddressAssigned, "the Ingress has the address " + address + "; DNS must lead the hosts there", true
		}
	}
	return "", "", false
}

func noAddress(s Situation) (string, string, bool) {
	class := "expose.ingressClassName is not set, so check that the cluster has a default IngressClass"
	if name := s.Service.Spec.Expose.IngressClassName; name != "" {
		class = fmt.Sprintf("check that IngressClass %q exists", name)
	}
	return v1alpha1.ReasonAwaitingAddress, "the Ingress has no address: " + class + ", and that its controller runs and publishes addresses; " +
		"kubectl describe ingress shows its events", true
}
