// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

// policyOf is the NetworkPolicy of a service with this spec; nil for none.
func policyOf(t *testing.T, spec string, environment Environment) *networkingv1.NetworkPolicy {
	t.Helper()
	service := v1alpha1.GoService{}
	service.Name, service.Namespace = "checkout", "shop"
	if err := yaml.UnmarshalStrict([]byte(spec), &service.Spec); err != nil {
		t.Fatalf("%s: %v", spec, err)
	}
	environment.WorkloadImage = testImage
	desired, err := Build(&service, plan.Compute(&service.Spec, plan.Observed{}), environment)
	if err != nil {
		t.Fatalf("%s: %v", spec, err)
	}
	for _, child := range desired.Children {
		if child.Kind != NetworkPolicyKind {
			continue
		}
		object, err := child.Unstructured()
		if err != nil {
			t.Fatal(err)
		}
		var policy networkingv1.NetworkPolicy
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, &policy); err != nil {
			t.Fatal(err)
		}
		return &policy
	}
	return nil
}

// opened are the rules of a policy, such as "8080/TCP 9000/TCP from 1": the ports, and how many peers may connect, or anybody.
func opened(policy *networkingv1.NetworkPolicy) []string {
	var result []string
	for i := range policy.Spec.Ingress {
		rule := &policy.Spec.Ingress[i]
		var text strings.Builder
		for _, p := range rule.Ports {
			fmt.Fprintf(&text, "%s/%s ", p.Port, *p.Protocol)
		}
		if len(rule.From) == 0 {
			text.WriteString("from anybody")
		} else {
			fmt.Fprintf(&text, "from %d", len(rule.From))
		}
		result = append(result, text.String())
	}
	return result
}

func TestANetworkPolicyOpensThePortsOfPods(t *testing.T) {
	const from = `networkPolicy: {from: [{podSelector: {}}]}`
	const otherImage = `image: a, observability: {metrics: {indicators: Prometheus`
	known := Environment{MetricsFrom: testPeers()}
	anywhere := Environment{MetricsFrom: testPeers(), MetricsFromAnywhere: true}
	for name, c := range map[string]struct {
		spec        string
		environment Environment
		want        []string
	}{
		"clients reach the port, and only the operator and Prometheus the admin port": {
			`networkPolicy: {}`, known, []string{"8080/TCP from anybody", "9100/TCP from 2", "9443/TCP from 1"},
		},
		"the port is that of the container, not that of the Service": {
			`{` + from + `, port: 8081, service: {port: 80}, ports: [{name: grpc, port: 9000, servicePort: 90}]}`, known,
			[]string{"8081/TCP 9000/TCP from 1", "9100/TCP from 2", "9443/TCP from 1"},
		},
		"every protocol, and ports that the Service does not have": {
			`{` + from + `, ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53}, {name: debug, port: 8081, hidden: true}, {name: m, port: 9100, protocol: UDP}]}`,
			known, []string{"53/TCP 53/UDP 8080/TCP 8081/TCP 9100/UDP from 1", "9100/TCP from 2", "9443/TCP from 1"},
		},
		"what sidecars declare, but not what init containers do": {
			`{` + from + `, initContainers: [{name: a, image: b, ports: [{containerPort: 1}]},
				{name: c, image: d, restartPolicy: Always, ports: [{name: admin, containerPort: 9901}, {containerPort: 8443, protocol: UDP}]}]}`,
			known, []string{"8080/TCP 8443/UDP 9901/TCP from 1", "9100/TCP from 2", "9443/TCP from 1"},
		},
		"what containers of the overlay declare": {
			`{` + from + `, pod: {overlay: {spec: {containers: [{name: agent, image: b, ports: [{containerPort: 7000}]}]}}}}`,
			known, []string{"7000/TCP 8080/TCP from 1", "9100/TCP from 2", "9443/TCP from 1"},
		},
		"a sidecar that declares the admin port does not open it": {
			`{` + from + `, initContainers: [{name: c, image: d, restartPolicy: Always, ports: [{containerPort: 9100}]}]}`,
			known, []string{"8080/TCP from 1", "9100/TCP from 2", "9443/TCP from 1"},
		},
		"metrics on a port of their own": {
			`{` + from + `, ` + otherImage + `, port: 2112}}}`, known, []string{"8080/TCP from 1", "2112/TCP from 2"},
		},
		"metrics where the service serves": {
			`{` + from + `, ` + otherImage + `}}}`, known, []string{"8080/TCP from 1", "8080/TCP from 2"},
		},
		"an image that has no admin port may serve there": {
			`{` + from + `, port: 9100, ` + otherImage + `, port: 2112}}}`, known, []string{"9100/TCP from 1", "2112/TCP from 2"},
		},
		"nobody reads the metrics": {
			`{` + from + `, ` + otherImage + `, enabled: false}}}`, known, []string{"8080/TCP from 1"},
		},
		"an operator of which nobody knows where it is": {
			`{` + from + `, port: 8081}`, anywhere, []string{"8081/TCP from 1", "9100/TCP from anybody", "9443/TCP from 1"},
		},
		"the same, and the metrics are where the service serves: from decides": {
			`{` + from + `, ` + otherImage + `}}}`, anywhere, []string{"8080/TCP from 1", "8080/TCP from 2"},
		},
		"pods that do not share their queue": {
			`{` + from + `, handOff: Disabled}`, known, []string{"8080/TCP from 1", "9100/TCP from 2"},
		},
		"pods of an earlier template that still do": {
			`{` + from + `, handOff: Disabled}`, Environment{MetricsFrom: testPeers(), FormerHandOff: true},
			[]string{"8080/TCP from 1", "9100/TCP from 2", "9443/TCP from 1"},
		},
		"pods of an earlier template": {
			`{` + from + `, port: 8081}`,
			Environment{MetricsFrom: testPeers(), FormerPorts: []Port{{corev1.ProtocolTCP, 8080}, {corev1.ProtocolTCP, 8081}, {corev1.ProtocolTCP, 9100}}},
			[]string{"8080/TCP 8081/TCP from 1", "9100/TCP from 2", "9443/TCP from 1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			policy := policyOf(t, c.spec, c.environment)
			if diff := cmp.Diff(c.want, opened(policy)); diff != "" {
				t.Errorf("rules (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]networkingv1.PolicyType{networkingv1.PolicyTypeIngress}, policy.Spec.PolicyTypes); diff != "" {
				t.Errorf("policyTypes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(selectorOf(&v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Name: "checkout"}}), policy.Spec.PodSelector.MatchLabels); diff != "" {
				t.Errorf("podSelector (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWithoutTheFieldThereIsNoNetworkPolicy(t *testing.T) {
	if policy := policyOf(t, `port: 8080`, Environment{MetricsFrom: testPeers()}); policy != nil {
		t.Errorf("rules %v", opened(policy))
	}
}

func TestNobodyWhoIsNotNamedReachesTheAdminPort(t *testing.T) {
	if diff := cmp.Diff([]string{"8080/TCP from anybody", "9443/TCP from 1"}, opened(policyOf(t, `networkPolicy: {}`, Environment{}))); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

func TestThePortsOfAPolicyAreReadAsTheyWereWritten(t *testing.T) {
	spec := `{networkPolicy: {}, ports: [{name: dns, port: 53, protocol: UDP}]}`
	want := []Port{{corev1.ProtocolUDP, 53}, {corev1.ProtocolTCP, 8080}}
	if diff := cmp.Diff(want, OpenPorts(policyOf(t, spec, Environment{MetricsFrom: testPeers()}))); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
	if ports := OpenPorts(&networkingv1.NetworkPolicy{}); ports != nil {
		t.Errorf("a policy without rules opens %v", ports)
	}
}
