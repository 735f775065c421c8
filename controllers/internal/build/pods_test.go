// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	policyv1ac "k8s.io/client-go/applyconfigurations/policy/v1"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

// builtOf is what is built for a spec in YAML.
func builtOf(t *testing.T, spec string) Desired {
	t.Helper()
	var service v1alpha1.GoService
	service.Name, service.Namespace = "checkout", "shop"
	if err := yaml.UnmarshalStrict([]byte(spec), &service.Spec); err != nil {
		t.Fatal(err)
	}
	desired, err := Build(&service, plan.Compute(&service.Spec, plan.Observed{}), Environment{WorkloadImage: testImage})
	if err != nil {
		t.Fatal(err)
	}
	return desired
}

// childOf is the first child with a configuration of a type.
func childOf[T any](t *testing.T, desired Desired) T {
	t.Helper()
	for _, child := range desired.Children {
		if configuration, is := child.Configuration.(T); is {
			return configuration
		}
	}
	t.Fatalf("there is no %T", *new(T))
	panic("unreachable")
}

func podOf(t *testing.T, spec string) *corev1ac.PodSpecApplyConfiguration {
	t.Helper()
	return podTemplateOf(t, spec).Spec
}

func podTemplateOf(t *testing.T, spec string) *corev1ac.PodTemplateSpecApplyConfiguration {
	t.Helper()
	var template corev1ac.PodTemplateSpecApplyConfiguration
	if err := json.Unmarshal(deploymentIn(builtOf(t, spec)).Template, &template); err != nil {
		t.Fatal(err)
	}
	return &template
}

// A quarter of five pods, rounded up as Kubernetes rounds percentages, would be two: more than the plan has room for.
func TestFewPodsLoseOneAtATime(t *testing.T) {
	for spec, want := range map[string]int32{
		`replicas: 0`: 1, `replicas: 1`: 1, `replicas: 5`: 1, `replicas: 7`: 1, `replicas: 8`: 2, `replicas: 100`: 25,
		`autoscaling: {minReplicas: 9, maxReplicas: 90}`: 2,
	} {
		budget := childOf[*policyv1ac.PodDisruptionBudgetApplyConfiguration](t, builtOf(t, spec))
		if got := budget.Spec.MaxUnavailable; got.Type != intstr.Int || got.IntVal != want {
			t.Errorf("%s: %s pods may go at a time, want %d", spec, got, want)
		}
	}
}

func TestAStartingPodIsNotAskedWhetherItIsReady(t *testing.T) {
	type probes struct{ Startup, Liveness, Readiness string }
	asked := func(p *corev1ac.ProbeApplyConfiguration) string {
		switch {
		case p == nil:
			return "-"
		case p.HTTPGet != nil:
			return string(*p.HTTPGet.Scheme) + " " + p.HTTPGet.Port.String() + *p.HTTPGet.Path
		case p.TCPSocket != nil:
			return "TCP " + p.TCPSocket.Port.String()
		case p.GRPC != nil:
			return fmt.Sprint("gRPC ", *p.GRPC.Port)
		}
		return strings.Join(p.Exec.Command, " ")
	}
	for spec, want := range map[string]probes{
		``: {"HTTP admin/startupz", "HTTP admin/livez", "HTTP admin/readyz"},
		`probes: {startup: {disabled: true}, liveness: {periodSeconds: 9}}`:                                                         {"-", "HTTP admin/livez", "HTTP admin/readyz"},
		`probes: {readiness: {httpGet: {path: /ready, port: admin}}}`:                                                               {"HTTP admin/startupz", "HTTP admin/livez", "HTTP admin/ready"},
		`probes: {readiness: {httpGet: {path: /ready, port: 9100}}, liveness: {disabled: true}}`:                                    {"HTTP admin/startupz", "-", "HTTP 9100/ready"},
		`probes: {liveness: {httpGet: {path: /alive}}}`:                                                                             {"HTTP http/alive", "HTTP http/alive", "-"},
		`probes: {readiness: {tcpSocket: {}}}`:                                                                                      {"-", "-", "TCP http"},
		`probes: {liveness: {grpc: {port: 9000}}, readiness: {exec: {command: [/ready, now]}}, startup: {tcpSocket: {port: 9000}}}`: {"TCP 9000", "gRPC 9000", "/ready now"},
		`{tls: {secretName: a}, probes: {liveness: {httpGet: {path: /, port: 8080}}, readiness: {httpGet: {path: /, port: 8081}}}}`: {"HTTPS 8080/", "HTTPS 8080/", "HTTP 8081/"},
		`{tls: {secretName: a}, probes: {liveness: {httpGet: {path: /, scheme: HTTP}}, startup: {disabled: true}}}`:                 {"-", "HTTP http/", "-"},
	} {
		c := podOf(t, spec).Containers[0]
		if diff := cmp.Diff(want, probes{asked(c.StartupProbe), asked(c.LivenessProbe), asked(c.ReadinessProbe)}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", spec, diff)
		}
	}
}

func TestProbesHaveTheUsersTimings(t *testing.T) {
	c := podOf(t, `probes: {startupTimeout: 90s, startup: {periodSeconds: 2}, liveness: {tcpSocket: {}, failureThreshold: 9, terminationGracePeriodSeconds: 4}, readiness: {tcpSocket: {}, timeoutSeconds: 7, successThreshold: 3}}`).Containers[0]
	type timings struct{ Period, Timeout, Failures int32 }
	of := func(p *corev1ac.ProbeApplyConfiguration) timings {
		return timings{*p.PeriodSeconds, *p.TimeoutSeconds, *p.FailureThreshold}
	}
	for name, pair := range map[string][2]timings{
		"startup":   {{2, 2, 45}, of(c.StartupProbe)},
		"liveness":  {{10, 2, 9}, of(c.LivenessProbe)},
		"readiness": {{5, 7, 2}, of(c.ReadinessProbe)},
	} {
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if *c.LivenessProbe.TerminationGracePeriodSeconds != 4 || *c.ReadinessProbe.SuccessThreshold != 3 || c.StartupProbe.TerminationGracePeriodSeconds != nil {
		t.Errorf("liveness %+v, readiness %+v, startup %+v", c.LivenessProbe, c.ReadinessProbe, c.StartupProbe)
	}
}

// Where a platform assigns users to namespaces, it refuses pods that name another.
func TestNoUserIsNamedWhereThePlatformAssignsOne(t *testing.T) {
	for name, c := range map[string]struct {
		assigned bool
		spec     string
		want     *int64
	}{
		"by default":          {false, ``, new(int64(nonRootID))},
		"assigned":            {true, ``, nil},
		"the user's":          {false, `pod: {securityContext: {runAsUser: 7}}`, new(int64(7))},
		"the user's, insists": {true, `pod: {securityContext: {runAsUser: 7}}`, new(int64(7))},
	} {
		var service v1alpha1.GoService
		if err := yaml.UnmarshalStrict([]byte(c.spec), &service.Spec); err != nil {
			t.Fatal(err)
		}
		got := podSecurity(input{service: &service, environment: Environment{AssignedUsers: c.assigned}})
		if diff := cmp.Diff(c.want, got.RunAsUser); diff != "" || !*got.RunAsNonRoot {
			t.Errorf("%s: non-root %v, user (-want +got):\n%s", name, *got.RunAsNonRoot, diff)
		}
	}
}

// The bundled image needs no writable root; one of the user's finds what it would find in a plain Deployment.
func TestOnlyImagesThatAreKnownNotToNeedItHaveAReadOnlyRoot(t *testing.T) {
	for spec, want := range map[string]bool{
		``: true, `image: nginx`: false, `{image: nginx, pod: {writableTmp: true}}`: true,
		`{image: nginx, securityContext: {readOnlyRootFilesystem: true}}`: true, `securityContext: {readOnlyRootFilesystem: false}`: false,
	} {
		security := podOf(t, spec).Containers[0].SecurityContext
		if *security.ReadOnlyRootFilesystem != want || *security.AllowPrivilegeEscalation || !slices.Equal(security.Capabilities.Drop, []corev1.Capability{"ALL"}) {
			t.Errorf("%s: %+v, want a read-only root: %t", spec, security, want)
		}
	}
}

func TestARolloutIsGivenTheTimeThatAPodMayTake(t *testing.T) {
	for spec, want := range map[string]int32{
		``: 600,
		// Five minutes to be scheduled and to pull the image, and the grace period of the pod whose room it needs.
		`{probes: {startupTimeout: 20m}, shutdown: {preStopDelay: 10s, drainTimeout: 20s}}`:               5*60 + 20*60 + 35,
		`shutdown: {preStopDelay: 10m, drainTimeout: 1h}`:                                                 5*60 + 60 + 70*60 + 5,
		`{probes: {startup: {periodSeconds: 2, failureThreshold: 600}}, rollout: {minReadySeconds: 100}}`: 5*60 + 1200 + (5 + 31 + 5) + 100,
		`rollout: {progressDeadline: 90500ms}`:                                                            91,
	} {
		if got := *childOf[*appsv1ac.DeploymentApplyConfiguration](t, builtOf(t, spec)).Spec.ProgressDeadlineSeconds; got != want {
			t.Errorf("%s: the rollout has %d s, want %d", spec, got, want)
		}
	}
}

func TestPodsRunOnLinuxUnlessTheUserSaysOtherwise(t *testing.T) {
	for spec, want := range map[string]map[string]string{
		``:                               {"kubernetes.io/os": "linux"},
		`pod: {nodeSelector: {disk: a}}`: {"kubernetes.io/os": "linux", "disk": "a"},
		`pod: {nodeSelector: {kubernetes.io/os: windows}}`: {"kubernetes.io/os": "windows"},
	} {
		if diff := cmp.Diff(want, podOf(t, spec).NodeSelector); diff != "" {
			t.Errorf("%s (-want +got):\n%s", spec, diff)
		}
	}
}

func TestWithoutAWritableTmpNoVolumeKeepsAPodOnItsNode(t *testing.T) {
	for spec, want := range map[string]bool{
		``: false, `pod: {writableTmp: true}`: true, `pod: {writableTmp: false}`: false,
		`{pod: {writableTmp: true}, volumes: [{name: a, nfs: {server: b, path: /c}}], volumeMounts: [{name: a, mountPath: /tmp}]}`: false,
	} {
		template := podTemplateOf(t, spec)
		local := false
		for _, volume := range template.Spec.Volumes {
			local = local || volume.EmptyDir != nil
		}
		if local != want {
			t.Errorf("%s: a volume that only the node has: %t, want %t", spec, local, want)
		}
		if _, annotated := template.Annotations[annotationLocalVolumes]; annotated != want {
			t.Errorf("%s: annotated for the cluster autoscaler: %t, want %t", spec, annotated, want)
		}
	}
	own := podTemplateOf(t, `pod: {annotations: {`+annotationLocalVolumes+`: "tmp,mine"}}`)
	if got := own.Annotations[annotationLocalVolumes]; got != "tmp,mine" {
		t.Errorf("the annotation is %q, want the user's", got)
	}
}

// The scheduler scores a node by soft constraints only if it has the labels of all of them, and not every node has a zone.
func TestPodsAreSpreadOverNodesWithoutZones(t *testing.T) {
	for _, spec := range []string{``, `pod: {affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [
		{weight: 1, podAffinityTerm: {topologyKey: rack}}]}}}`} {
		pod := podOf(t, spec)
		if len(pod.TopologySpreadConstraints) != 1 || *pod.TopologySpreadConstraints[0].TopologyKey != corev1.LabelHostname {
			t.Errorf("%s: constraints other than over nodes: %v", spec, pod.TopologySpreadConstraints)
		}
		terms := pod.Affinity.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution
		if last := terms[len(terms)-1]; *last.PodAffinityTerm.TopologyKey != corev1.LabelTopologyZone {
			t.Errorf("%s: zones are not preferred: %v", spec, terms)
		}
	}
	own := podOf(t, `pod: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: rack, whenUnsatisfiable: DoNotSchedule}]}`)
	if own.Affinity != nil || len(own.TopologySpreadConstraints) != 1 {
		t.Errorf("the user's own constraints do not replace the default: %v, %v", own.Affinity, own.TopologySpreadConstraints)
	}
}

// A constraint of the user's without a selector is about the service's own pods; one with a selector is about those that it names.
func TestConstraintsAreAboutThePodsThatTheUserNames(t *testing.T) {
	rest := `maxSkew: 1, topologyKey: rack, whenUnsatisfiable: DoNotSchedule`
	for selector, want := range map[string]map[string]string{
		``: {labelName: "checkout", LabelManagedBy: ManagedBy},
		`, labelSelector: {matchLabels: {team: shop}}`: {"team": "shop"},
	} {
		constraints := podOf(t, `pod: {topologySpreadConstraints: [{`+rest+selector+`}]}`).TopologySpreadConstraints
		if len(constraints) != 1 {
			t.Fatalf("%d constraints, want one", len(constraints))
		}
		if diff := cmp.Diff(want, constraints[0].LabelSelector.MatchLabels); diff != "" {
			t.Errorf("%q (-want +got):\n%s", selector, diff)
		}
	}
}
