// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/controllers/internal/observe"
	"goservice.dev/operator/controllers/plan"
)

const serviceName = "checkout"

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// serving is a service of two pods that all is well with; cases change what they are about.
func serving() Situation {
	service := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: serviceName, Generation: 3}}
	service.Spec.Replicas = new(int32(2))
	service.Spec.RateLimit = &v1alpha1.RateLimitSpec{RequestsPerSecond: 100}
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: serviceName, Generation: 5},
		Spec:       appsv1.DeploymentSpec{Replicas: new(int32(2))},
		Status:     appsv1.DeploymentStatus{ObservedGeneration: 5, Replicas: 2, UpdatedReplicas: 2, ReadyReplicas: 2, AvailableReplicas: 2},
	}
	return Situation{
		Service:  service,
		Observed: observe.State{Deployment: deployment, Children: map[apply.Key]client.Object{}},
		Plan:     plan.Compute(&service.Spec, plan.Observed{Sharing: 2}),
		Confirmed: confirm.Result{
			Revision: "r1", Confirmed: 2, Total: 2, ChangedAt: noon, ConfirmedAt: noon.Add(300 * time.Millisecond),
		},
		Optional: map[schema.GroupVersionKind]bool{build.ServiceMonitorKind: true, build.PrometheusRuleKind: true},
		Now:      metav1.NewTime(noon),
	}
}

// computed is the status of a situation.
func computed(s Situation) v1alpha1.GoServiceStatus {
	status, _ := Compute(s)
	return status
}

// said is what the conditions of a status say, by type.
func said(status v1alpha1.GoServiceStatus) map[string]string {
	result := map[string]string{}
	for _, c := range status.Conditions {
		result[c.Type] = fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
	}
	return result
}

func TestConditions(t *testing.T) {
	conflict := &apply.ConflictError{Kind: "Service", Name: serviceName, Owner: "no GoService"}
	invalid := apierrors.NewInvalid(schema.GroupKind{Kind: "Deployment"}, serviceName, nil)
	cases := map[string]struct {
		change func(*Situation)
		want   map[string]string // the conditions that the case is about
	}{
		"all is well": {func(*Situation) {}, map[string]string{
			"Ready":       "True Ready: the latest spec is applied and 2 of at least 2 pods are available",
			"Applied":     "True Applied: all objects are up to date",
			"Available":   "True MinimumReplicasAvailable: 2 of at least 2 pods are available",
			"Progressing": "False RolloutComplete: all pods run the latest template",
			"Tuned":       "True Confirmed: 2 of 2 pods confirmed the latest live settings",
			"Planned":     "True Derived: spec.slo is not set",
			"Monitored":   "True ServiceMonitorApplied: a ServiceMonitor is applied; it takes effect if a Prometheus selects it",
		}},
		"nothing exists yet": {
			func(s *Situation) { s.Observed = observe.State{}; s.Confirmed = confirm.Result{Revision: "r1"} },
			map[string]string{
				"Ready":       "False RollingOut: waiting for the rollout of the latest pod template to start",
				"Available":   "False MinimumReplicasUnavailable: 0 of at least 2 pods are available",
				"Progressing": "True RollingOut: waiting for the rollout of the latest pod template to start",
				"Tuned":       "Unknown NoPods: no pod runs yet",
			},
		},
		"a foreign object, among other failures": {
			func(s *Situation) { s.ApplyErr = errors.Join(errors.New("timeout"), conflict) },
			map[string]string{
				"Ready":   "False Conflict: " + conflict.Error() + ". timeout; the operator retries",
				"Applied": "False Conflict: " + conflict.Error() + ". timeout; the operator retries",
			},
		},
		"two foreign objects": {
			func(s *Situation) {
				s.ApplyErr = errors.Join(conflict, &apply.ConflictError{Kind: "ConfigMap", Name: "settings", Owner: `Helm release "shop"`})
			},
			map[string]string{"Applied": "False Conflict: " + conflict.Error() +
				`. a ConfigMap named "settings" exists and belongs to Helm release "shop"; delete it, choose another name for the GoService, or hand it over with the annotation goservice.dev/adopt`},
		},
		"a policy refuses, and the API server is busy": {
			func(s *Situation) {
				s.ApplyErr = errors.Join(errors.New("timeout"), apierrors.NewForbidden(schema.GroupResource{Resource: "services"}, serviceName, errors.New("exceeded quota: small")))
			},
			map[string]string{"Applied": `False Denied: services "checkout" is forbidden: exceeded quota: small; the operator retries every few minutes. timeout; the operator retries`},
		},
		"the API server refuses": {
			func(s *Situation) { s.ApplyErr = fmt.Errorf("creating Deployment %q: %w", serviceName, invalid) },
			map[string]string{
				"Ready":   `False Invalid: creating Deployment "checkout": ` + invalid.Error(),
				"Applied": `False Invalid: creating Deployment "checkout": ` + invalid.Error(),
			},
		},
		"no document can be made": {
			func(s *Situation) {
				s.ApplyErr = &apply.Failure{Class: apply.Invalid, Err: errors.New("the spec cannot be applied: pool.workers")}
			},
			map[string]string{"Applied": "False Invalid: the spec cannot be applied: pool.workers"},
		},
		"the API server is away": {
			func(s *Situation) { s.ApplyErr = errors.New("creating\nDeployment: timeout") },
			map[string]string{"Applied": "False ApplyFailed: creating Deployment: timeout; the operator retries"},
		},
		"one of two pods serves": {
			func(s *Situation) { s.Observed.Deployment.Status.AvailableReplicas = 1 },
			map[string]string{
				"Ready":       "False MinimumReplicasUnavailable: 1 of at least 2 pods are available",
				"Available":   "False MinimumReplicasUnavailable: 1 of at least 2 pods are available",
				"Progressing": "True Scaling: 1 of 2 pods are available",
			},
		},
		"a pod is in trouble": {
			func(s *Situation) {
				s.Observed.Deployment.Status.AvailableReplicas = 1
				s.Observed.Troubles = []observe.Trouble{{Kind: observe.ImagePull, Image: "shop:v2", Words: "not found"}}
			},
			map[string]string{
				"Available": `False MinimumReplicasUnavailable: 1 of at least 2 pods are available: image "shop:v2" cannot be pulled: not found; check its name, tag and spec.imagePullSecrets`,
				"Ready":     `False ImagePullFailed: 1 of at least 2 pods are available: image "shop:v2" cannot be pulled: not found; check its name, tag and spec.imagePullSecrets`,
			},
		},
		"a rollout runs": {
			func(s *Situation) {
				s.Observed.Deployment.Status.UpdatedReplicas, s.Observed.Deployment.Status.Replicas = 1, 3
			},
			map[string]string{
				"Ready":       "False RollingOut: 1 of 2 pods have the latest template",
				"Available":   "True MinimumReplicasAvailable: 2 of at least 2 pods are available",
				"Progressing": "True RollingOut: 1 of 2 pods have the latest template",
			},
		},
		"the rollout stalls": {
			func(s *Situation) {
				s.Observed.Deployment.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: progressDeadlineExceeded}}
				s.Observed.Troubles = []observe.Trouble{{Kind: observe.Exited, ExitCode: 2, Words: "no port"}}
			},
			map[string]string{
				"Ready":       "False RolloutStalled: new pods are not becoming ready: a container ended with code 2: no port",
				"Progressing": "False RolloutStalled: new pods are not becoming ready: a container ended with code 2: no port",
			},
		},
		"the ReplicaSet of a rollout is refused": {
			func(s *Situation) { refusedReplicaSet(s, 0) },
			map[string]string{
				"Ready": "False QuotaExceeded: the rollout of the latest pod template cannot start: its ReplicaSet is rejected: " +
					"exceeded quota: team, requested: count/replicasets.apps=1; raise the quota, or delete ReplicaSets that nothing uses",
				"Available": "True MinimumReplicasAvailable: 2 of at least 2 pods are available",
				"Progressing": "True RollingOut: waiting for the rollout of the latest pod template to start: its ReplicaSet is rejected: " +
					"exceeded quota: team, requested: count/replicasets.apps=1; raise the quota, or delete ReplicaSets that nothing uses",
			},
		},
		"the operator is paused": {
			func(s *Situation) { s.Service.Spec.Paused = true },
			map[string]string{
				"Ready":   "True Ready: the operator is paused, and 2 of at least 2 pods are available",
				"Applied": "Unknown Paused: spec.paused is true: the operator changes nothing until it is false",
				"Paused":  "True Paused: spec.paused is true: the operator changes nothing until it is false",
			},
		},
		"two budgets": {
			func(s *Situation) { s.Observed.OtherBudgets = []string{"team", "zone"} },
			map[string]string{"EvictionBlocked": `True MultipleBudgets: PodDisruptionBudget "team", "zone" selects these pods, too, and the API server ` +
				"evicts no pod that two budgets select: kubectl drain and node upgrades stop there; change its selector or delete it"},
		},
		"old pods still leave": {
			func(s *Situation) {
				s.Observed.Deployment.Status.Replicas, s.Observed.Deployment.Status.UpdatedReplicas = 4, 4
			},
			map[string]string{"Ready": "True Ready: the latest spec is applied and 2 of at least 2 pods are available", "Progressing": "True Scaling: 2 of 2 pods are available"},
		},
		"pods are asked": {
			func(s *Situation) {
				s.Confirmed = confirm.Result{Revision: "r2", Confirmed: 1, Total: 2, Waiting: true, Unconfirmed: []confirm.Unconfirmed{{Pod: "b"}}}
			},
			map[string]string{"Tuned": "False Confirming: 1 of 2 pods confirmed the latest live settings so far", "Ready": "True Ready: the latest spec is applied and 2 of at least 2 pods are available"},
		},
		"a pod cannot be asked": {
			func(s *Situation) {
				s.Confirmed = confirm.Result{Revision: "r2", Confirmed: 1, Total: 2, Unconfirmed: []confirm.Unconfirmed{{Pod: "b", Reason: "is silent"}}}
			},
			map[string]string{"Tuned": "Unknown UnreachablePods: 1 of 2 pods confirmed the latest live settings; a pod is silent"},
		},
		"a pod refuses, another cannot be asked": {
			func(s *Situation) {
				s.Confirmed = confirm.Result{Revision: "r2", Total: 2, Unconfirmed: []confirm.Unconfirmed{
					{Pod: "a", Reason: "is silent"}, {Pod: "b", Reason: "rejects the live settings: no", Rejected: true},
				}}
			},
			map[string]string{"Tuned": "False RejectedByPods: 0 of 2 pods confirmed the latest live settings; a pod rejects the live settings: no"},
		},
		"objectives without a finding": {
			func(s *Situation) { s.Service.Spec.SLO = &v1alpha1.SLOSpec{Availability: "99"} },
			map[string]string{"Planned": "True Derived: the declared objectives are achievable"},
		},
		"objectives that cannot be met": {
			func(s *Situation) {
				s.Plan.Findings = []plan.Finding{{Reason: "First", Message: "one"}, {Reason: "Second", Message: "two"}}
			},
			map[string]string{"Planned": "False First: one. two"},
		},
		"no ServiceMonitor in the cluster": {
			func(s *Situation) { s.Optional = nil },
			map[string]string{"Monitored": "False ServiceMonitorKindAbsent: ServiceMonitor is not installed in this cluster; install the Prometheus Operator to have this service scraped"},
		},
		"a ServiceMonitor that could not be applied": {
			func(s *Situation) { s.ApplyErr = errors.New("timeout") },
			map[string]string{"Monitored": "False ApplyFailed: the ServiceMonitor is not applied; the condition Applied says why"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := serving()
			c.change(&s)
			got := said(computed(s))
			for conditionType, want := range c.want {
				if got[conditionType] != want {
					t.Errorf("%s:\n got %s\nwant %s", conditionType, got[conditionType], want)
				}
			}
			for _, conditionType := range []string{"Ready", "Applied", "Available", "Progressing", "Tuned", "Planned", "Monitored"} {
				if got[conditionType] == "" {
					t.Errorf("there is no condition %s, whatever another one says", conditionType)
				}
			}
		})
	}
}

func TestStatusFigures(t *testing.T) {
	status := computed(serving())
	want := v1alpha1.GoServiceStatus{
		ObservedGeneration: 3, Replicas: 2, ReadyReplicas: 2,
		Selector: "app.kubernetes.io/managed-by=goservice-operator,app.kubernetes.io/name=checkout",
		Summary:  v1alpha1.StatusSummary{Replicas: "2/2", Tuned: "2/2", SLO: "-", Limit: "100"},
		LiveSettings: &v1alpha1.LiveSettingsStatus{
			Revision: "r1", ConfirmedPods: 2, TotalPods: 2, RequestsPerSecondPerPod: "50/s",
			ChangedAt: microTime(noon), ConfirmedAt: microTime(noon.Add(300 * time.Millisecond)),
		},
	}
	status.Conditions, status.Plan, status.Figures = nil, nil, nil
	if diff := cmp.Diff(want, status); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

func TestSummaryOfAnAutoscaledServiceWithLimitsPerPod(t *testing.T) {
	s := serving()
	s.Service.Spec.Replicas = nil
	s.Service.Spec.SLO = &v1alpha1.SLOSpec{Availability: "99.9"}
	s.Service.Spec.RateLimit.Scope = v1alpha1.ScopePod
	s.Plan = plan.Compute(&s.Service.Spec, plan.Observed{Sharing: 2})
	s.Observed.Deployment.Spec.Replicas = new(int32(7))
	want := v1alpha1.StatusSummary{Replicas: "2/7", Tuned: "2/2", SLO: "declared", Limit: "100/pod"}
	if diff := cmp.Diff(want, computed(s).Summary); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}

// Computing a status from its own result changes nothing: no time of transition moves, nothing is written.
func TestTheSameSituationGivesTheSameStatus(t *testing.T) {
	s := serving()
	s.Service.Status = computed(s)
	later := serving()
	later.Service.Status = *s.Service.Status.DeepCopy()
	later.Now = metav1.NewTime(noon.Add(time.Hour))
	if diff := cmp.Diff(s.Service.Status, computed(later)); diff != "" {
		t.Errorf("status an hour later (-before +after):\n%s", diff)
	}
}

func TestTunedOverTime(t *testing.T) {
	confirmed := serving()
	confirmed.Service.Status = computed(confirmed)
	before := confirmed.Service.Status.LiveSettings
	asking := func(revision string) confirm.Result {
		return confirm.Result{
			Revision: revision, Total: 3, Waiting: true, ChangedAt: noon.Add(time.Hour),
			Unconfirmed: []confirm.Unconfirmed{{Pod: "a"}, {Pod: "b"}, {Pod: "c"}},
		}
	}
	t.Run("an earlier answer stands while pods are asked again", func(t *testing.T) {
		s := serving()
		s.Service.Status = *confirmed.Service.Status.DeepCopy()
		s.Confirmed = asking("r1")
		status := computed(s)
		if diff := cmp.Diff(before, status.LiveSettings); diff != "" {
			t.Errorf("live settings (-before +after):\n%s", diff)
		}
		if got := said(status)["Tuned"]; !strings.HasPrefix(got, "True Confirmed") {
			t.Errorf("Tuned: %s", got)
		}
	})
	t.Run("it stands while parts of the same limit move, which are shown", func(t *testing.T) {
		s := serving()
		s.Service.Status = *confirmed.Service.Status.DeepCopy()
		s.Confirmed = asking("r2")
		s.Confirmed.Quiet = true
		s.Plan.SharePerPod = &plan.Figure[plan.Share]{Value: plan.Share{RequestsPerSecond: 1, Burst: 1}}
		s.Plan.PodShares = map[string]plan.Share{"a": {RequestsPerSecond: 20, Burst: 1}, "b": {RequestsPerSecond: 80, Burst: 1}}
		status := computed(s)
		if status.LiveSettings.Revision != "r1" || status.LiveSettings.RequestsPerSecondPerPod != "20 to 80/s" {
			t.Errorf("live settings %+v", status.LiveSettings)
		}
		if got := said(status)["Tuned"]; !strings.HasPrefix(got, "True Confirmed") {
			t.Errorf("Tuned: %s", got)
		}
	})
	t.Run("it does not stand for another revision", func(t *testing.T) {
		s := serving()
		s.Service.Status = *confirmed.Service.Status.DeepCopy()
		s.Confirmed = asking("r2")
		status := computed(s)
		if status.LiveSettings.Revision != "r2" || status.LiveSettings.ConfirmedPods != 0 || status.LiveSettings.ConfirmedAt != nil {
			t.Errorf("live settings %+v", status.LiveSettings)
		}
		if got := said(status)["Tuned"]; !strings.HasPrefix(got, "False Confirming") {
			t.Errorf("Tuned: %s", got)
		}
	})
	t.Run("the times of a revision stay", func(t *testing.T) {
		s := serving()
		s.Service.Status = *confirmed.Service.Status.DeepCopy()
		s.Confirmed = confirm.Result{Revision: "r1", Confirmed: 3, Total: 3, ChangedAt: noon.Add(time.Hour), ConfirmedAt: noon.Add(2 * time.Hour)}
		live := computed(s).LiveSettings
		if !live.ChangedAt.Equal(before.ChangedAt) || !live.ConfirmedAt.Equal(before.ConfirmedAt) || live.TotalPods != 3 {
			t.Errorf("live settings %+v", live)
		}
	})
	t.Run("few of many unconfirmed pods are listed", func(t *testing.T) {
		s := serving()
		s.Confirmed = confirm.Result{Revision: "r1", Total: 50}
		for i := range 50 {
			s.Confirmed.Unconfirmed = append(s.Confirmed.Unconfirmed, confirm.Unconfirmed{Pod: fmt.Sprintf("pod-%02d", i), Reason: "is silent"})
		}
		if got := len(computed(s).LiveSettings.Unconfirmed); got != maxUnconfirmed {
			t.Errorf("%d pods listed, want %d", got, maxUnconfirmed)
		}
	})
	t.Run("no document, no news of live settings", func(t *testing.T) {
		s := serving()
		s.Service.Status = *confirmed.Service.Status.DeepCopy()
		s.Confirmed = confirm.Result{}
		if diff := cmp.Diff(before, computed(s).LiveSettings); diff != "" {
			t.Errorf("live settings (-before +after):\n%s", diff)
		}
	})
}

func TestOneLine(t *testing.T) {
	if got := oneLine("a\n  b\tc"); got != "a b c" {
		t.Errorf("%q", got)
	}
	long := oneLine(strings.Repeat("é", maxMessageLength))
	if len(long) > maxMessageLength || len(long) < maxMessageLength-len("é") || !strings.HasSuffix(long, "é…") {
		t.Errorf("%d bytes, ending in %q", len(long), long[len(long)-8:])
	}
	if fits := strings.Repeat("x", maxMessageLength); oneLine(fits) != fits {
		t.Error("a text that fits was cut")
	}
}
