// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"

	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/observe"
)

// withTemplate gives the Deployment what the operator writes into it, as far as texts speak of it.
func withTemplate(s *Situation) *corev1.PodSpec {
	probe := func(path string, failures int32) *corev1.Probe {
		return &corev1.Probe{PeriodSeconds: 1, FailureThreshold: failures, ProbeHandler: corev1.ProbeHandler{
			HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString("admin")},
		}}
	}
	pod := &s.Observed.Deployment.Spec.Template.Spec
	*pod = corev1.PodSpec{
		TerminationGracePeriodSeconds: new(int64(20)),
		Containers: []corev1.Container{{
			Name: build.ContainerName, Ports: []corev1.ContainerPort{{Name: "admin", ContainerPort: 9100}},
			StartupProbe: probe("/startupz", 60), ReadinessProbe: probe("/readyz", 2), LivenessProbe: probe("/livez", 30),
			Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")}},
		}},
		Volumes: []corev1.Volume{{Name: "live-settings", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: build.LiveSettingsName(serviceName)},
		}}}},
	}
	return pod
}

func TestWhatKeepsPodsFromServingIsTold(t *testing.T) {
	pod := func(trouble observe.Trouble) func(*Situation) {
		trouble.Since = noon.Add(-time.Minute)
		return func(s *Situation) { s.Observed.Troubles = []observe.Trouble{trouble} }
	}
	refused := func(words string) func(*Situation) {
		return func(s *Situation) {
			s.Observed.Deployment.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: words}}
		}
	}
	cases := map[string]struct {
		change       func(*Situation)
		reason, want string
	}{
		"a quota without room": {
			refused(`pods "checkout-7d4c-x8k2p" is forbidden: exceeded quota: team, requested: limits.cpu=2, used: limits.cpu=7, limited: limits.cpu=8`), "QuotaExceeded",
			"its pods are rejected: exceeded quota: team, requested: limits.cpu=2, used: limits.cpu=7, limited: limits.cpu=8; lower spec.resources, or raise the quota",
		},
		"a quota that wants a limit": {
			refused(`pods "a" is forbidden: failed quota: q: must specify limits.cpu for: service`), "QuotaExceeded",
			"its pods are rejected: failed quota: q: must specify limits.cpu for: service; lower spec.resources, or raise the quota",
		},
		"a LimitRange": {
			refused(`pods "a" is forbidden: maximum memory usage per Container is 100Mi, but limit is 256Mi`), "LimitRangeViolated",
			"its pods are rejected: maximum memory usage per Container is 100Mi, but limit is 256Mi; edit spec.resources, or change the LimitRange",
		},
		"Pod Security": {
			refused(`pods "a" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true`), "PodSecurityViolated",
			`its pods are rejected: violates PodSecurity "restricted:latest": runAsNonRoot != true; the namespace's pod-security.kubernetes.io/enforce label decides`,
		},
		"no ServiceAccount": {
			refused(`pods "a" is forbidden: error looking up service account ns/robot: serviceaccount "robot" not found`), "MissingServiceAccount",
			`its pods are rejected: error looking up service account ns/robot: serviceaccount "robot" not found; create it, or edit spec.pod.serviceAccountName`,
		},
		"no PriorityClass": {
			refused(`pods "a" is forbidden: no PriorityClass with name high was found`), "MissingPriorityClass",
			"its pods are rejected: no PriorityClass with name high was found; create it, or edit spec.pod.priorityClassName",
		},
		"a policy": {
			refused(`admission webhook "images.example" denied the request: registry not allowed`), "PodsDenied",
			`its pods are rejected: admission webhook "images.example" denied the request: registry not allowed; edit the spec, or change the policy`,
		},
		"a missing Secret": {
			pod(observe.Trouble{Kind: observe.ContainerConfig, Words: `secret "db" not found`}), "MissingSecret",
			`Secret "db", which the pods refer to, does not exist; the service starts without further action once it exists`,
		},
		"a missing ConfigMap": {
			pod(observe.Trouble{Kind: observe.ContainerConfig, Words: `configmap "flags" not found`}), "MissingConfigMap",
			`ConfigMap "flags", which the pods refer to, does not exist; the service starts without further action once it exists`,
		},
		"a missing key": {
			pod(observe.Trouble{Kind: observe.ContainerConfig, Words: "couldn't find key k in Secret shop/db"}), "ContainerNotCreated",
			"a container cannot be created: couldn't find key k in Secret shop/db",
		},
		"an image that is not there": {
			pod(observe.Trouble{Kind: observe.ImagePull, Image: "r.example/shop:v9", Words: "manifest unknown"}), "ImagePullFailed",
			`image "r.example/shop:v9" cannot be pulled: manifest unknown; check its name, tag and spec.imagePullSecrets`,
		},
		"a name that is no image's": {
			pod(observe.Trouble{Kind: observe.InvalidImage, Image: "Shop", Words: "must be lowercase"}), "InvalidImageName",
			`image "Shop" is not a valid image name: must be lowercase; edit spec.image`,
		},
		"too little memory": {
			pod(observe.Trouble{Kind: observe.OutOfMemory, ExitCode: 137}), "OutOfMemory",
			"a container was killed for using more memory than its limit of 256Mi; raise spec.resources.limits.memory",
		},
		"a crash": {
			pod(observe.Trouble{Kind: observe.Exited, ExitCode: 2, Words: "1 setting cannot be used: PORT: must be a number"}), "ContainerExited",
			"a container ended with code 2: 1 setting cannot be used: PORT: must be a number",
		},
		"an end without an error": {
			pod(observe.Trouble{Kind: observe.Exited, Ran: 2}), "ContainerExited",
			"a container ended with code 0, but a service must run until it is told to stop",
		},
		"a kill": {pod(observe.Trouble{Kind: observe.Exited, ExitCode: 137, Ran: 5}), "ContainerExited", "a container was killed (code 137)"},
		"a kill after a while, by the liveness probe or somebody else": {
			pod(observe.Trouble{Kind: observe.Exited, ExitCode: 137, Ran: 45}), "ContainerExited",
			"a container was killed (code 137); if its liveness probe, GET /livez on port 9100, failed, kubectl describe pod shows it",
		},
		"a drain after a while, by the liveness probe or by itself": {
			pod(observe.Trouble{Kind: observe.Exited, Ran: 29}), "ContainerExited",
			"a container ended with code 0, but a service must run until it is told to stop; if its liveness probe, GET /livez on port 9100, failed, kubectl describe pod shows it",
		},
		"a crash after a while": {pod(observe.Trouble{Kind: observe.Exited, ExitCode: 1, Ran: 45}), "ContainerExited", "a container ended with code 1"},
		"a startup that takes too long": {
			pod(observe.Trouble{Kind: observe.Exited, ExitCode: 143, Ran: 61}), "ContainerExited",
			"a container was restarted after the 60 s of spec.probes.startupTimeout: its startup probe, GET /startupz on port 9100, did not succeed",
		},
		"no node": {
			pod(observe.Trouble{Kind: observe.Unschedulable, Words: "0/3 nodes are available: 3 Insufficient cpu."}), "Unschedulable",
			"a pod cannot be scheduled: 0/3 nodes are available: 3 Insufficient cpu.",
		},
		"a mounted Secret, perhaps": {
			func(s *Situation) {
				pod(observe.Trouble{Kind: observe.NoSandbox})(s)
				volumes := &s.Observed.Deployment.Spec.Template.Spec.Volumes
				*volumes = append(*volumes, corev1.Volume{Name: "tls", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "shop-tls"}}})
			}, "VolumesNotReady",
			`a pod waits for its volumes or its network; check that what it mounts exists, with all keys: Secret "shop-tls"`,
		},
		"a claim and a projected volume, perhaps": {
			func(s *Situation) {
				pod(observe.Trouble{Kind: observe.NoSandbox})(s)
				volumes := &s.Observed.Deployment.Spec.Template.Spec.Volumes
				*volumes = append(*volumes, corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "shop"}}},
					corev1.Volume{Name: "all", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
						{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "a"}}},
						{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "b"}, Optional: new(true)}},
						{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "c"}}},
					}}}})
			}, "VolumesNotReady",
			`a pod waits for its volumes or its network; check that what it mounts exists, with all keys: PersistentVolumeClaim "shop", Secret "a", ConfigMap "c"`,
		},
		"nothing mounted": {
			pod(observe.Trouble{Kind: observe.NoSandbox}), "VolumesNotReady", "a pod waits for its volumes or its network; kubectl describe pod shows why",
		},
		"a slow pull":        {pod(observe.Trouble{Kind: observe.Pulling, Image: "big:v1"}), "PullingImage", `image "big:v1" is still being pulled`},
		"an unready pod":     {pod(observe.Trouble{Kind: observe.NotReady}), "PodsNotReady", "a pod runs but its readiness probe, GET /readyz on port 9100, does not succeed"},
		"a starting pod":     {pod(observe.Trouble{Kind: observe.NotReady, Unstarted: true}), "PodsNotReady", "a pod runs but its startup probe, GET /startupz on port 9100, does not succeed"},
		"a failed migration": {pod(observe.Trouble{Kind: observe.Exited, Container: "migrate", ExitCode: 1, Words: "no such table"}), "ContainerExited", `container "migrate" ended with code 1: no such table`},
		"a long migration":   {pod(observe.Trouble{Kind: observe.NotReady, Container: "migrate", Unstarted: true}), "PodsNotReady", `a pod waits for its container "migrate", which runs, but has not finished or does not pass its probes`},
		"a large sidecar":    {pod(observe.Trouble{Kind: observe.OutOfMemory, Container: "proxy"}), "OutOfMemory", `container "proxy" was killed for using more memory than its limit; raise its resources.limits.memory`},
		"a sidecar's image":  {pod(observe.Trouble{Kind: observe.InvalidImage, Container: "proxy", Image: "a b"}), "InvalidImageName", `image "a b" is not a valid image name; edit spec.initContainers`},
		"a gRPC probe": {func(s *Situation) {
			pod(observe.Trouble{Kind: observe.NotReady})(s)
			s.Observed.Deployment.Spec.Template.Spec.Containers[0].ReadinessProbe.ProbeHandler = corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: 9000}}
		}, "PodsNotReady", "a pod runs but its readiness probe, a gRPC health check on port 9000, does not succeed"},
		"a TCP probe": {func(s *Situation) {
			pod(observe.Trouble{Kind: observe.NotReady})(s)
			s.Observed.Deployment.Spec.Template.Spec.Containers[0].ReadinessProbe.ProbeHandler = corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString("admin")}}
		}, "PodsNotReady", "a pod runs but its readiness probe, a connection to port 9100, does not succeed"},
		"a command": {func(s *Situation) {
			pod(observe.Trouble{Kind: observe.NotReady})(s)
			s.Observed.Deployment.Spec.Template.Spec.Containers[0].ReadinessProbe.ProbeHandler = corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/bin/ready", "-v"}}}
		}, "PodsNotReady", `a pod runs but its readiness probe, the command "/bin/ready -v", does not succeed`},
		"a lost node":      {pod(observe.Trouble{Kind: observe.NodeLost}), "PodsNotReady", "a pod's container is ready but the pod is not: its node does not answer, or a readiness gate is not met"},
		"scaled to zero":   {func(s *Situation) { s.Plan.Autoscaled = true; s.Observed.Deployment.Spec.Replicas = new(int32(0)) }, "ScaledToZero", "something else scaled the Deployment to 0, and it stays there: no autoscaler acts at 0; scale it to 1 or more to start it again"},
		"just starting":    {func(s *Situation) { s.Observed.Troubles = []observe.Trouble{{Kind: observe.Pulling, Since: noon}} }, "MinimumReplicasUnavailable", ""},
		"nothing is wrong": {func(*Situation) {}, "MinimumReplicasUnavailable", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := serving()
			withTemplate(&s)
			short(&s)
			c.change(&s)
			want := "False " + c.reason + ": 1 of at least 2 pods are available"
			if c.want != "" {
				want += ": " + c.want
			}
			if got := said(computed(s))["Ready"]; got != want {
				t.Errorf("Ready:\n got %s\nwant %s", got, want)
			}
		})
	}
}

// Whatever a registry or a container says, a status stays small.
func TestForeignWordsAreBounded(t *testing.T) {
	s := serving()
	short(&s)
	deployed(&s, appsv1.DeploymentReplicaFailure, corev1.ConditionTrue, 0)
	s.Observed.Deployment.Status.Conditions[0].Message = strings.Repeat("x", 1<<20)
	for _, c := range computed(s).Conditions {
		if len(c.Message) > 2*maxMessageLength {
			t.Errorf("%s has %d bytes", c.Type, len(c.Message))
		}
	}
}
