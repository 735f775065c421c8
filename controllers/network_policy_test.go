// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
)

// opened says of each rule of a policy which ports it opens, and to how many peers; 0: to anybody.
func opened(policy *networkingv1.NetworkPolicy) []string {
	var result []string
	for _, rule := range policy.Spec.Ingress {
		var ports []string
		for _, p := range rule.Ports {
			ports = append(ports, p.Port.String()+"/"+string(*p.Protocol))
		}
		result = append(result, fmt.Sprintf("%s to %d", strings.Join(ports, " "), len(rule.From)))
	}
	return result
}

// eventuallyOpened waits for the rules of the service's policy, and returns it.
func eventuallyOpened(t *testing.T, namespace string, want ...string) *networkingv1.NetworkPolicy {
	t.Helper()
	var policy networkingv1.NetworkPolicy
	eventually(t, func(g gomega.Gomega) {
		g.Expect(api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: serviceName}, &policy)).To(gomega.Succeed())
		g.Expect(cmp.Diff(want, opened(&policy))).To(gomega.BeEmpty())
	})
	return &policy
}

func TestTheNetworkPolicyFollowsItsField(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil, func(o *operatorOptions) { o.Namespace = namespace })
	service := applyService(t, namespace, `networkPolicy: {}`)
	policy := eventuallyOpened(t, namespace, "8080/TCP to 0", "9100/TCP to 2", "9443/TCP to 1")
	if !metav1.IsControlledBy(policy, service) {
		t.Errorf("owners %v", policy.OwnerReferences)
	}
	want := metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}}
	if diff := cmp.Diff(&want, policy.Spec.Ingress[1].From[0].NamespaceSelector); diff != "" {
		t.Errorf("namespace of the operator (-want +got):\n%s", diff)
	}

	applyService(t, namespace, `networkPolicy: {from: [{podSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8}}]}`)
	eventuallyOpened(t, namespace, "8080/TCP to 2", "9100/TCP to 2", "9443/TCP to 1")
	settled(t, namespace, serviceName)
	for _, written := range nudgeOperator(t, namespace, op, 1) {
		if strings.Contains(written, "networkpolicies") {
			t.Errorf("nothing has changed, and the operator writes %s", written)
		}
	}

	applyService(t, namespace, `networkPolicy: {}`) // which is not the same as no policy
	eventuallyOpened(t, namespace, "8080/TCP to 0", "9100/TCP to 2", "9443/TCP to 1")

	applyService(t, namespace, `replicas: 3`)
	eventually(t, func(g gomega.Gomega) {
		err := api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: serviceName}, policy)
		g.Expect(apierrors.IsNotFound(err)).To(gomega.BeTrue(), "%v", err)
	})
	settled(t, namespace, serviceName)
}

// A policy of somebody else may have any name as long as the GoService wants none.
func TestAForeignNetworkPolicyIsNoConflictWithoutTheField(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	foreign := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: serviceName}}
	if err := api.Create(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	before := foreign.ResourceVersion
	startOperator(t, namespace, nil)
	applyService(t, namespace, minimalSpec)
	settled(t, namespace, serviceName)
	applyService(t, namespace, with(t, minimalSpec, `networkPolicy: {}`))
	expectCondition(t, namespace, v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonConflict)
	applyService(t, namespace, minimalSpec)
	settled(t, namespace, serviceName)
	get(t, namespace, serviceName, foreign)
	if foreign.ResourceVersion != before {
		t.Errorf("the foreign policy was written: %+v", foreign)
	}
}

// Pods of the earlier template serve until they are replaced.
func TestBothPortsAreOpenDuringARollout(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil, func(o *operatorOptions) { o.Namespace = namespace })
	applyService(t, namespace, `replicas: 2`)
	settled(t, namespace, serviceName)
	rollout(t, namespace, 2, 2, 2)

	applyService(t, namespace, `{replicas: 2, port: 8081, networkPolicy: {}}`)
	eventuallyOpened(t, namespace, "8080/TCP 8081/TCP to 0", "9100/TCP to 2", "9443/TCP to 1")
	settled(t, namespace, serviceName)
	rollout(t, namespace, 3, 1, 2)
	expectCondition(t, namespace, v1alpha1.ConditionProgressing, metav1.ConditionTrue, v1alpha1.ReasonRollingOut)
	eventuallyOpened(t, namespace, "8080/TCP 8081/TCP to 0", "9100/TCP to 2", "9443/TCP to 1")
	rollout(t, namespace, 2, 2, 2)
	eventuallyOpened(t, namespace, "8081/TCP to 0", "9100/TCP to 2", "9443/TCP to 1")
}

// Requests run in pods of the earlier template until these are replaced: to close their links would break them.
func TestPodsOfAnEarlierTemplateKeepTheirLinks(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil, withKeys(namespace))
	applyService(t, namespace, `{replicas: 2, networkPolicy: {}}`)
	settled(t, namespace, serviceName)
	rollout(t, namespace, 2, 2, 2)

	applyService(t, namespace, `{replicas: 2, networkPolicy: {}, handOff: Disabled}`)
	settled(t, namespace, serviceName)
	rollout(t, namespace, 3, 1, 2)
	expectCondition(t, namespace, v1alpha1.ConditionProgressing, metav1.ConditionTrue, v1alpha1.ReasonRollingOut)
	eventuallyOpened(t, namespace, "8080/TCP to 0", "9100/TCP to 2", "9443/TCP to 1")
	rollout(t, namespace, 2, 2, 2)
	eventuallyOpened(t, namespace, "8080/TCP to 0", "9100/TCP to 2")
}

func TestMetricsFromIsAPeerOfANetworkPolicy(t *testing.T) {
	for text, complaint := range map[string]string{
		`{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}`: "",
		`{"podSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}`:   "",
		`{podSelector: {}, namespaceSelector: {}}`:                                      "",
		`{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}`:                          "",
		`{ipBlock: {cidr: "2001:db8::/32"}}`:                                            "",
		``:                                                                              "must have podSelector",
		`{}`:                                                                            "must have podSelector",
		`{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}`:                                "must have podSelector",
		`prometheus`:                                                                    "must be a peer of a NetworkPolicy",
		`{podSelectors: {}}`:                                                            `unknown field "podSelectors"`,
		`{podSelector: {matchLabels: {"a b": c}}}`:                                      "podSelector.matchLabels",
		`{podSelector: {matchLabels: {a: b c}}}`:                                        "podSelector.matchLabels",
		`{namespaceSelector: {matchExpressions: [{key: a, operator: In}]}}`: "namespaceSelector.matchExpressions[0].values",
		`{ipBlock: {cidr: 10.1.2.3/8}}`:                                     "ipBlock.cidr",
		`{ipBlock: {cidr: 10.0.0.1}}`:                                       "ipBlock.cidr",
		`{ipBlock: {except: [10.0.0.0/8]}}`:                                 "ipBlock.cidr",
		`{ipBlock: {cidr: "::ffff:10.0.0.0/104"}}`:                          "ipBlock.cidr",
		`{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}`:              "ipBlock.except",
		`{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}`:               "ipBlock.except",
		`{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/4]}}`:               "ipBlock.except",
		`{ipBlock: {cidr: 10.0.0.0/8, except: [a]}}`:                        "ipBlock.except",
	} {
		var o Options
		switch err := o.AddMetricsFrom(text); {
		case complaint == "" && (err != nil || len(o.MetricsFrom) != 1):
			t.Errorf("%s: %v, %d peers", text, err, len(o.MetricsFrom))
		case complaint != "" && (err == nil || !strings.Contains(err.Error(), complaint) || len(o.MetricsFrom) != 0):
			t.Errorf("%s: error %v, want one with %q", text, err, complaint)
		}
	}
}

func TestWhoMayConnectToMetrics(t *testing.T) {
	named := []networkingv1.NetworkPolicyPeer{{IPBlock: &networkingv1.IPBlock{CIDR: "192.0.2.0/24"}}}
	for name, c := range map[string]struct {
		options  Options
		peers    int
		operator bool
		anywhere bool
	}{
		"an operator in the cluster, and every Prometheus":         {Options{Namespace: "goservice-system"}, 2, true, false},
		"an operator in the cluster, and whom its installer names": {Options{Namespace: "goservice-system", MetricsFrom: named}, 2, true, false},
		"through the API server, of which nobody knows where it is": {
			Options{Namespace: "goservice-system", PodAccess: PodAccessAPIServer}, 1, false, true,
		},
		"through the API server, and its installer says where it is": {
			Options{Namespace: "goservice-system", PodAccess: PodAccessAPIServer, MetricsFrom: named}, 1, false, false,
		},
		"an operator without a namespace":                               {Options{}, 1, false, true},
		"an operator without a namespace, whose installer names others": {Options{MetricsFrom: named}, 1, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			said := 0
			access := c.options.metricsAccess(funcr.New(func(_, _ string) { said++ }, funcr.Options{}))
			if len(access.from) != c.peers || access.anywhere != c.anywhere || (said == 1) != c.anywhere {
				t.Errorf("%d peers, anywhere: %t, said %d times", len(access.from), access.anywhere, said)
			}
			first := access.from[0].NamespaceSelector
			if is := first != nil && first.MatchLabels[corev1.LabelMetadataName] == "goservice-system"; is != c.operator {
				t.Errorf("the first peer is %v; the operator: %t", access.from[0], c.operator)
			}
		})
	}
}

// The operator must recognize its own pods as config/manager labels them.
func TestTheOperatorsPodsHaveTheLabelsThatPoliciesName(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "config", "manager", "manager.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var deployment appsv1.Deployment
	if err := yaml.UnmarshalStrict(text, &deployment); err != nil {
		t.Fatal(err)
	}
	for key, value := range operatorLabels {
		if got := deployment.Spec.Template.Labels[key]; got != value {
			t.Errorf("%s: %q, want %q", key, got, value)
		}
	}
}

// What somebody opens by hand is closed again, also on a port that looks like one of an earlier template.
func TestAPortThatSomebodyOpenedIsClosed(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil, func(o *operatorOptions) { o.Namespace = namespace })
	applyService(t, namespace, `{replicas: 2, networkPolicy: {}}`)
	policy := eventuallyOpened(t, namespace, "8080/TCP to 0", "9100/TCP to 2", "9443/TCP to 1")
	settled(t, namespace, serviceName)
	rollout(t, namespace, 2, 2, 2)
	expectCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
	policy.Spec.Ingress[0].Ports = append(policy.Spec.Ingress[0].Ports, networkingv1.NetworkPolicyPort{
		Protocol: new(corev1.ProtocolTCP), Port: new(intstr.FromInt32(22)),
	})
	if err := api.Update(t.Context(), policy, client.FieldOwner("somebody")); err != nil {
		t.Fatal(err)
	}
	eventuallyOpened(t, namespace, "8080/TCP to 0", "9100/TCP to 2", "9443/TCP to 1")
}
