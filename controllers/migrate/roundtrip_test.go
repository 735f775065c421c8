// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/plan"
)

// intended are the differences between the pods of a Deployment and those of the GoService that was made of it. Any other one must be
// in the notes. docs/migrate.md tells users of them.
var intended = []struct{ path, reason string }{
	{`^metadata\.labels\.app\.kubernetes\.io/(name|instance|component|managed-by)$`, "they are the operator's unless the selector has them"},
	{`^metadata\.(labels|annotations)\.goservice\.dev/`, "the operator's own"},
	{`^metadata\.annotations\.kubectl\.kubernetes\.io/restartedAt$`, "a restart that has happened"},
	{`^spec\.terminationGracePeriodSeconds$`, "the delay, the time to drain, and 5 s; TestTheProcessHasAsLongToStop"},
	{`^spec\.containers\[[^]]+\]\.lifecycle\.preStop\.`, "pods serve on for shutdown.preStopDelay; TestTheProcessHasAsLongToStop"},
	{`^spec\.containers\[[^]]+\]\.env\[(GOSERVICE_[A-Z_]+|PORT|GOMEMLIMIT)\]\.`, "the operator tells containers where they are, and Go how much memory there is"},
	{`\.terminationMessagePolicy$`, "a container that fails without a message leaves the end of its log"},
	{`^spec\.nodeSelector\.kubernetes\.io/os$`, "Go services run on Linux unless they say otherwise"},
	{`^spec\.containers\[[^]]+\]\.env\[GOMAXPROCS\]\.valueFrom\.resourceFieldRef\.containerName$`, "the container's own limit, without its name"},
	{`^spec\.(affinity\.podAntiAffinity\.preferredDuringSchedulingIgnoredDuringExecution|topologySpreadConstraints)\[0\]\.`, "pods are spread over nodes and zones where possible, or as they were, selected by other labels"},
	{`^spec\.serviceAccountName$`, "the default account, by its name"},
	{`^spec\.containers\[[^]]+\]\.ports\[[a-z0-9-]+\](\.|$)`, "names of ports; TestClientsReachTheSamePorts"},
	{`\.(httpGet|tcpSocket)\.port$`, "the same port by its name"},
	{`^spec\.volumes\[tmp(-volume)?\]\.`, "the name of a volume, which only the pod knows"},
	{`\.volumeMounts\[/tmp\]\.name$`, "the name of a volume, which only the pod knows"},
	{`\.volumeMounts\[/etc/orders/?\]\.`, "a path with a '/' at the end is the same path"},
}

// asKept is the pod template of a Deployment with the service's container alone, and the others as sidecars, so that
// each container is compared with itself.
func asKept(r Result, from bundle) *corev1.PodTemplateSpec {
	template := from.deployment.Spec.Template.DeepCopy()
	var beside []corev1.Container
	for _, container := range template.Spec.Containers {
		kept := false
		for i := range r.Service.Spec.InitContainers {
			kept = kept || string(r.Service.Spec.InitContainers[i].Name) == container.Name
		}
		if kept {
			container.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
			beside = append(beside, container)
			continue
		}
		template.Spec.Containers = []corev1.Container{container}
	}
	template.Spec.InitContainers = append(template.Spec.InitContainers, beside...)
	return template
}

func TestPodsAreWhatTheyWere(t *testing.T) {
	unused := map[string]bool{}
	for _, difference := range intended {
		unused[difference.path] = true
	}
	everyCase(t, func(t *testing.T, _ string, m *Manifests) {
		output := converted(t, m)
		for i, result := range output.Results {
			built, err := builtTemplate(result.Service)
			if err != nil {
				t.Fatal(err)
			}
			different("", canonicalTemplate(asKept(result, m.belongingTo(m.deployments[i]))), canonicalTemplate(built), func(path string, was, is any) {
				if noted(result.Notes, path) {
					return
				}
				for _, difference := range intended {
					if regexp.MustCompile(difference.path).MatchString(path) {
						delete(unused, difference.path)
						return
					}
				}
				t.Errorf("%s was %s and is %s, which is neither intended nor in the notes", path, shown(was), shown(is))
			})
		}
	})
	for path := range unused {
		t.Errorf("no case has the difference %s any more", path)
	}
}

var containerInPath = regexp.MustCompile(`^spec\.(containers|initContainers)\[[^]]+\]`)

// noted says whether the notes speak of a path in the pods, whatever its container is called.
func noted(notes []Note, path string) bool {
	path = containerInPath.ReplaceAllString(path, "spec.containers[]")
	for _, note := range notes {
		at := containerInPath.ReplaceAllString(strings.TrimPrefix(note.Path, "spec.template."), "spec.containers[]")
		if at != "spec.containers[]" && strings.HasPrefix(path, at) && note.Path != "" {
			return true
		}
	}
	return false
}

func TestTheProcessHasAsLongToStop(t *testing.T) {
	for _, c := range []struct {
		grace string
		hook  string
		delay int64
	}{
		{"30", "", 0}, {"5", "", 0}, {"1", "", 0}, {"3600", "", 0}, {"30", "{sleep: {seconds: 10}}", 10}, {"60", "{exec: {command: [sleep, \"15\"]}}", 15},
		{"20", "{exec: {command: [sh, -c, sleep 5]}}", 5}, {"10", "{sleep: {seconds: 10}}", 10},
	} {
		hook := c.hook
		if hook != "" {
			hook = ", lifecycle: {preStop: " + hook + "}"
		}
		result := converted(t, read(t, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {template: {spec: {terminationGracePeriodSeconds: `+c.grace+
			`, containers: [{name: a, image: "a:1"`+hook+`}]}}}}`)).Results[0]
		p := plan.Compute(&result.Service.Spec, plan.Observed{})
		var grace int64
		if _, err := fmt.Sscan(c.grace, &grace); err != nil {
			t.Fatal(err)
		}
		if got, had := int64((p.GracePeriod.Value - p.PreStopDelay.Value).Seconds()), grace-c.delay; got < had {
			t.Errorf("grace period %s, hook %s: the process has %d s to stop, and had %d s", c.grace, c.hook, got, had)
		}
		if got := int64(p.PreStopDelay.Value.Seconds()); c.hook != "" && got != c.delay {
			t.Errorf("hook %s: the pod serves on for %d s", c.hook, got)
		}
	}
}

// childrenOf what is built for a GoService, by their kinds; only the first one of each.
func childrenOf(t *testing.T, service *v1alpha1.GoService) map[string]map[string]any {
	t.Helper()
	desired, err := build.Build(service, plan.Compute(&service.Spec, plan.Observed{}), build.Environment{HasDeployment: true})
	if err != nil {
		t.Fatal(err)
	}
	result := map[string]map[string]any{}
	for i := range desired.Children {
		content, err := desired.Children[i].Unstructured()
		if err != nil {
			t.Fatal(err)
		}
		if kind := desired.Children[i].Kind.Kind; result[kind] == nil {
			result[kind], _ = content["spec"].(map[string]any)
		}
	}
	return result
}

func into[T any](t *testing.T, content map[string]any) T {
	t.Helper()
	encoded, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	var result T
	if err := json.Unmarshal(encoded, &result); err != nil {
		t.Fatal(err)
	}
	return result
}

func TestClientsReachTheSamePorts(t *testing.T) {
	everyCase(t, func(t *testing.T, _ string, m *Manifests) {
		for i, result := range converted(t, m).Results {
			from := m.belongingTo(m.deployments[i])
			built := into[corev1.ServiceSpec](t, childrenOf(t, result.Service)["Service"])
			pods, err := builtTemplate(result.Service)
			if err != nil {
				t.Fatal(err)
			}
			before := reached(from.service.Spec, &from.deployment.Spec.Template)
			if diff := cmp.Diff(before, reached(built, pods)); diff != "" {
				t.Errorf("ports of the Service (-before +after):\n%s", diff)
			}
			if built.Type != "" && built.Type != from.service.Spec.Type || built.SessionAffinity != "" && built.SessionAffinity != from.service.Spec.SessionAffinity ||
				built.ExternalTrafficPolicy != "" && built.ExternalTrafficPolicy != from.service.Spec.ExternalTrafficPolicy {
				t.Errorf("the Service is %+v, was %+v", built, from.service.Spec)
			}
		}
	})
}

// reached are the ports of the container by those of the Service.
func reached(service corev1.ServiceSpec, template *corev1.PodTemplateSpec) map[string]int32 {
	c := conversion{template: *template}
	result := map[string]int32{}
	for i := range service.Ports {
		port := &service.Ports[i]
		number, _ := c.targetOf(port)
		result[fmt.Sprint(port.Port, " ", port.Protocol == corev1.ProtocolUDP)] = number
	}
	return result
}

func TestBoundsAreWhatTheyWere(t *testing.T) {
	everyCase(t, func(t *testing.T, _ string, m *Manifests) {
		for i, result := range converted(t, m).Results {
			from, built := m.belongingTo(m.deployments[i]), childrenOf(t, result.Service)
			if from.autoscaler == nil {
				if n := built["Deployment"]["replicas"]; shown(n) != shown(max(1, deref(m.deployments[i].Spec.Replicas))) {
					t.Errorf("%s replicas, want %s", shown(n), shown(m.deployments[i].Spec.Replicas))
				}
			} else {
				after := into[autoscalingv2.HorizontalPodAutoscalerSpec](t, built["HorizontalPodAutoscaler"])
				if *after.MinReplicas != *from.autoscaler.Spec.MinReplicas || after.MaxReplicas != from.autoscaler.Spec.MaxReplicas ||
					*after.Metrics[0].ContainerResource.Target.AverageUtilization != *from.autoscaler.Spec.Metrics[0].Resource.Target.AverageUtilization {
					t.Errorf("the autoscaler is %s, was %s", shown(after), shown(from.autoscaler.Spec))
				}
			}
			if from.budget != nil {
				after := into[policyv1.PodDisruptionBudgetSpec](t, built["PodDisruptionBudget"])
				if shown(after.MinAvailable) != shown(from.budget.Spec.MinAvailable) || shown(after.MaxUnavailable) != shown(from.budget.Spec.MaxUnavailable) {
					t.Errorf("the budget is %s, was %s", shown(after), shown(from.budget.Spec))
				}
			}
		}
	})
}

func deref(n *int32) int32 {
	if n == nil {
		return 0
	}
	return *n
}
