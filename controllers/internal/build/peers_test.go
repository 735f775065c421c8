// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

func templateFor(t *testing.T, spec string) (*v1alpha1.GoService, *corev1.PodTemplateSpec) {
	t.Helper()
	service := &v1alpha1.GoService{}
	service.Name, service.Namespace = "checkout", "shop"
	if err := yaml.UnmarshalStrict([]byte(spec), &service.Spec); err != nil {
		t.Fatalf("%s: %v", spec, err)
	}
	in := inputOf(service)
	rendered, err := in.render()
	if err != nil {
		t.Fatalf("%s: %v", spec, err)
	}
	var template corev1.PodTemplateSpec
	if err := json.Unmarshal(rendered, &template); err != nil {
		t.Fatal(err)
	}
	return service, &template
}

func TestPodsShareTheirQueueUnlessSomethingKeepsThemFromIt(t *testing.T) {
	const foreign = `image: a, observability: {metrics: {indicators: Prometheus}}`
	for spec, reason := range map[string]string{
		`{}`:                                  "",
		`{handOff: Automatic}`:                "",
		`{handOff: Disabled}`:                 v1alpha1.ReasonDisabled,
		`{replicas: 1}`:                       "", // how many there are is Live, and must replace no pod
		`{port: 9443}`:                        v1alpha1.ReasonPortTaken,
		`{ports: [{name: hook, port: 9443}]}`: v1alpha1.ReasonPortTaken,
		`{ports: [{name: hook, port: 8443, servicePort: 9443}]}`:                                                                   "",
		`{ports: [{name: quic, port: 9443, protocol: UDP}]}`:                                                                       "",
		`{initContainers: [{name: a, image: b, restartPolicy: Always, ports: [{containerPort: 9443}]}]}`:                           v1alpha1.ReasonPortTaken,
		`{initContainers: [{name: a, image: b, restartPolicy: Always, ports: [{containerPort: 9443, protocol: UDP}]}]}`:            "",
		`{pod: {overlay: {spec: {containers: [{name: agent, image: b, ports: [{containerPort: 9443}]}]}}}}`:                        v1alpha1.ReasonPortTaken,
		`{pod: {overlay: {spec: {initContainers: [{name: a, image: b, restartPolicy: Always, ports: [{containerPort: 9443}]}]}}}}`: v1alpha1.ReasonPortTaken,
		`{pod: {overlay: {spec: {hostNetwork: true}}}}`:                                                                            v1alpha1.ReasonHostNetwork,
		`{pod: {overlay: {spec: {hostNetwork: false}}}}`:                                                                           "",
		`{pod: {dnsPolicy: ClusterFirst}}`:                                                                                         "",
		`{pod: {dnsPolicy: Default}}`:                                                                                              v1alpha1.ReasonNoClusterDNS,
		`{pod: {dnsPolicy: None, dnsConfig: {nameservers: ["192.0.2.53"]}}}`:                                                       v1alpha1.ReasonNoClusterDNS,
		`{pod: {overlay: {spec: {dnsPolicy: Default}}}}`:                                                                           v1alpha1.ReasonNoClusterDNS,
		`{pod: {containerName: app}}`:                                                                                              "",
		`{` + foreign + `}`:                                                                                                        "",
	} {
		service, template := templateFor(t, spec)
		got, message := NoHandOff(&service.Spec)
		if got != reason || (got == "") != (message == "") {
			t.Errorf("%s: reason %q (%s), want %q", spec, got, message, reason)
		}
		want := reason == "" && plan.OnToolkit(&service.Spec)
		if got := HandsOff(template); got != want {
			t.Errorf("%s: the template shares the queue: %t, want %t", spec, got, want)
		}
		keys := false
		for _, volume := range template.Spec.Volumes {
			if volume.Secret != nil && volume.Secret.SecretName == "checkout-peers" {
				keys = true
				if volume.Secret.Optional == nil || !*volume.Secret.Optional {
					t.Errorf("%s: pods cannot start without the Secret", spec)
				}
			}
		}
		if keys != want {
			t.Errorf("%s: the template has the keys: %t, want %t", spec, keys, want)
		}
	}
}

// The name of the Service by which pods find each other is the one that is made, also where a name is too long.
func TestPodsFindEachOtherByTheMetricsService(t *testing.T) {
	everyCase(t, func(t *testing.T, _ string, input goldenInput) {
		desired := input.build(t)
		var template corev1.PodTemplateSpec
		headless := map[string]bool{}
		for _, child := range desired.Children {
			object, err := child.Unstructured()
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			switch child.Kind {
			case ServiceKind:
				var service corev1.Service
				if err := json.Unmarshal(text, &service); err != nil {
					t.Fatal(err)
				}
				headless[child.Name] = service.Spec.ClusterIP == corev1.ClusterIPNone && service.Spec.PublishNotReadyAddresses
			case DeploymentKind:
				if err := json.Unmarshal(child.Template, &template); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, variable := range template.Spec.Containers[0].Env {
			if variable.Name == peersNames && !headless[variable.Value] {
				t.Errorf("%s is no headless Service that names every pod; there are %v", variable.Value, headless)
			}
		}
	})
}

func TestTheRuleForPeersIsReadAsItWasWritten(t *testing.T) {
	for spec, want := range map[string]bool{
		`{networkPolicy: {}}`: true, `{networkPolicy: {}, handOff: Disabled}`: false,
		`{networkPolicy: {}, port: 9443}`: false, // which is for clients
	} {
		policy := policyOf(t, spec, Environment{MetricsFrom: testPeers()})
		if got := LetsPeersIn(policy); got != want {
			t.Errorf("%s: %t, want %t: %v", spec, got, want, opened(policy))
		}
	}
	if LetsPeersIn(&networkingv1.NetworkPolicy{}) {
		t.Error("a policy without rules lets peers in")
	}
	policy := policyOf(t, `{networkPolicy: {from: [{ipBlock: {cidr: 10.0.0.0/8}}]}}`, Environment{MetricsFrom: testPeers()})
	last := policy.Spec.Ingress[len(policy.Spec.Ingress)-1]
	if diff := cmp.Diff(policy.Spec.PodSelector.MatchLabels, last.From[0].PodSelector.MatchLabels); diff != "" || len(last.From) != 1 || last.From[0].NamespaceSelector != nil {
		t.Errorf("pods of other services connect to the port for peers: %v %s", last.From, diff)
	}
}

// To say what is so anyway is no edit of the pods.
func TestWhetherTheQueueIsSharedCountsWhereItMakesADifference(t *testing.T) {
	for spec, counts := range map[string]bool{
		`{handOff: Automatic}`:                           false,
		`{handOff: Disabled}`:                            true,
		`{handOff: Disabled, replicas: 1}`:               true,
		`{handOff: Disabled, port: 9443}`:                false,
		`{handOff: Disabled, pod: {dnsPolicy: Default}}`: false,
		`{handOff: Disabled, image: a, observability: {metrics: {indicators: Prometheus}}}`: false,
	} {
		service, _ := templateFor(t, spec)
		without := service.Spec
		without.HandOff = ""
		if got := templateInputs(service.Spec) != templateInputs(without); got != counts {
			t.Errorf("%s: %t, want %t", spec, got, counts)
		}
	}
}
