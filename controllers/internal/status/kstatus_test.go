// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"errors"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/controllers/internal/observe"
	"goservice.dev/operator/controllers/plan"
)

// judged is what kstatus, and so helm --wait and Flux, make of a service.
func judged(t *testing.T, service *v1alpha1.GoService) kstatus.Status {
	t.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(service)
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{Object: content}
	object.SetGroupVersionKind(v1alpha1.GoServiceKind)
	result, err := kstatus.Compute(object)
	if err != nil {
		t.Fatal(err)
	}
	return result.Status
}

// short makes one of two pods serve; more of it is a rollout or a trouble.
func short(s *Situation) { s.Observed.Deployment.Status.AvailableReplicas = 1 }

func inTroubleSince(s *Situation, kind observe.TroubleKind, ago time.Duration) {
	short(s)
	s.Observed.Troubles = []observe.Trouble{{Kind: kind, Image: "shop:v2", Words: "words", Since: noon.Add(-ago)}}
}

func deployed(s *Situation, kind appsv1.DeploymentConditionType, status corev1.ConditionStatus, ago time.Duration) {
	at := metav1.NewTime(noon.Add(-ago))
	reason, message := "", `pods "checkout-7-x" is forbidden: exceeded quota: team`
	if kind == appsv1.DeploymentProgressing && status == "False" {
		reason, message = progressDeadlineExceeded, ""
	}
	s.Observed.Deployment.Status.Conditions = append(s.Observed.Deployment.Status.Conditions, appsv1.DeploymentCondition{
		Type: kind, Status: status, Reason: reason, Message: message, LastTransitionTime: at, LastUpdateTime: at,
	})
}

// refusedReplicaSet makes a new template one whose ReplicaSet the deployment controller could not create. It says that it has not seen it.
func refusedReplicaSet(s *Situation, ago time.Duration) {
	s.Generation = 6
	deployed(s, appsv1.DeploymentProgressing, "False", ago)
	c := &s.Observed.Deployment.Status.Conditions[len(s.Observed.Deployment.Status.Conditions)-1]
	c.Reason, c.Message = "ReplicaSetCreateError", `Failed to create new replica set "checkout-7": replicasets.apps "checkout-7" is forbidden: exceeded quota: team, requested: count/replicasets.apps=1`
}

// waitedFor gives the present status what it says while tools wait: Ready about some generation, and Reconciling for a while.
func waitedFor(s *Situation, generation int64, ago time.Duration) {
	s.Service.Status.Conditions = []metav1.Condition{
		{Type: v1alpha1.ConditionReady, Status: no, Reason: v1alpha1.ReasonQuotaExceeded, ObservedGeneration: generation, LastTransitionTime: metav1.NewTime(noon.Add(-time.Hour))},
		{Type: v1alpha1.ConditionReconciling, Status: yes, Reason: v1alpha1.ReasonQuotaExceeded, ObservedGeneration: generation, LastTransitionTime: metav1.NewTime(noon.Add(-ago))},
	}
}

// failedBefore gives the present status an Applied that has been False for a while.
func failedBefore(s *Situation, ago time.Duration) {
	s.Service.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionApplied, Status: no, Reason: v1alpha1.ReasonDenied, LastTransitionTime: metav1.NewTime(noon.Add(-ago)),
	}}
}

func TestToolsThatWaitJudgeRightly(t *testing.T) {
	denied := apierrors.NewForbidden(schema.GroupResource{Resource: "deployments"}, serviceName, errors.New("exceeded quota"))
	invalid := apierrors.NewInvalid(schema.GroupKind{Kind: "Deployment"}, serviceName, nil)
	conflict := &apply.ConflictError{Kind: "Service", Name: serviceName, Owner: "no GoService"}
	const current, inProgress, failed = kstatus.CurrentStatus, kstatus.InProgressStatus, kstatus.FailedStatus
	cases := map[string]struct {
		change func(*Situation)
		want   kstatus.Status
		reason string        // of Reconciling or Stalled
		again  time.Duration // when the next look is due
	}{
		"all is well":              {func(*Situation) {}, current, "", 0},
		"nothing exists yet":       {func(s *Situation) { s.Observed = observe.State{} }, inProgress, "RollingOut", 0},
		"the template is unseen":   {func(s *Situation) { s.Generation = 6 }, inProgress, "RollingOut", 0},
		"a rollout runs":           {func(s *Situation) { s.Observed.Deployment.Status.UpdatedReplicas = 1 }, inProgress, "RollingOut", 0},
		"too few pods serve":       {short, inProgress, "MinimumReplicasUnavailable", 0},
		"an autoscaler adds pods":  {func(s *Situation) { s.Plan.Autoscaled = true; s.Observed.Deployment.Spec.Replicas = new(int32(4)) }, current, "", 0},
		"a user's edit arrives":    {func(s *Situation) { s.Confirmed = asked(true) }, inProgress, "Confirming", 0},
		"the loop's own arrives":   {func(s *Situation) { s.Confirmed = asked(false) }, current, "", 0},
		"pods cannot be asked":     {func(s *Situation) { s.Confirmed.Confirmed = 1 }, current, "", 0},
		"objectives cannot be met": {func(s *Situation) { s.Plan.Findings = []plan.Finding{{Reason: "No"}} }, current, "", 0},
		"pods reject the document": {func(s *Situation) {
			s.Confirmed.Confirmed, s.Confirmed.Unconfirmed = 1, []confirm.Unconfirmed{{Pod: "a", Rejected: true}}
		}, failed, "RejectedByPods", 0},
		"a name is taken":                         {func(s *Situation) { s.ApplyErr = conflict }, failed, "Conflict", 0},
		"the API server refuses":                  {func(s *Situation) { s.ApplyErr = invalid }, failed, "Invalid", 0},
		"a write failed":                          {func(s *Situation) { s.ApplyErr = errors.New("timeout") }, inProgress, "ApplyFailed", 0},
		"a policy denies":                         {func(s *Situation) { s.ApplyErr = denied }, inProgress, "Denied", grace + time.Second},
		"a policy has denied for a minute":        {func(s *Situation) { s.ApplyErr = denied; failedBefore(s, time.Minute) }, inProgress, "Denied", time.Minute + time.Second},
		"a policy has denied for minutes":         {func(s *Situation) { s.ApplyErr = denied; failedBefore(s, grace) }, failed, "Denied", 0},
		"a rollout is beyond its deadline":        {func(s *Situation) { deployed(s, appsv1.DeploymentProgressing, "False", 0) }, failed, "RolloutStalled", 0},
		"such a rollout was just mended":          {func(s *Situation) { deployed(s, appsv1.DeploymentProgressing, "False", 0); s.Generation = 6 }, inProgress, "RollingOut", 0},
		"a quota refuses pods":                    {func(s *Situation) { short(s); deployed(s, appsv1.DeploymentReplicaFailure, "True", 0) }, inProgress, "QuotaExceeded", grace + time.Second},
		"a quota has refused for minutes":         {func(s *Situation) { short(s); deployed(s, appsv1.DeploymentReplicaFailure, "True", grace) }, failed, "QuotaExceeded", 0},
		"a quota refuses a ReplicaSet":            {func(s *Situation) { refusedReplicaSet(s, 0) }, inProgress, "QuotaExceeded", grace + time.Second},
		"a quota has refused it for minutes":      {func(s *Situation) { refusedReplicaSet(s, grace) }, failed, "QuotaExceeded", 0},
		"an edit may have mended that":            {func(s *Situation) { refusedReplicaSet(s, time.Hour); waitedFor(s, 2, time.Hour) }, inProgress, "QuotaExceeded", grace + time.Second},
		"an edit was to mend that a minute ago":   {func(s *Situation) { refusedReplicaSet(s, time.Hour); waitedFor(s, 3, time.Minute) }, inProgress, "QuotaExceeded", time.Minute + time.Second},
		"an edit has not mended that for minutes": {func(s *Situation) { refusedReplicaSet(s, time.Hour); waitedFor(s, 3, grace) }, failed, "QuotaExceeded", 0},
		"it is paused with a refused ReplicaSet":  {func(s *Situation) { refusedReplicaSet(s, time.Hour); s.Service.Spec.Paused = true }, inProgress, "", 0},
		"an image cannot be pulled":               {func(s *Situation) { inTroubleSince(s, observe.ImagePull, time.Second) }, inProgress, "ImagePullFailed", grace},
		"it could not for minutes":                {func(s *Situation) { inTroubleSince(s, observe.ImagePull, grace) }, failed, "ImagePullFailed", 0},
		"it could not until a newer edit": {func(s *Situation) {
			inTroubleSince(s, observe.ImagePull, time.Hour)
			deployed(s, appsv1.DeploymentProgressing, "True", 0)
		}, inProgress, "ImagePullFailed", grace + time.Second},
		"a name is no image's":              {func(s *Situation) { inTroubleSince(s, observe.InvalidImage, startTime) }, failed, "InvalidImageName", 0},
		"a Secret is missing":               {func(s *Situation) { inTroubleSince(s, observe.ContainerConfig, grace) }, failed, "ContainerNotCreated", 0},
		"volumes are not there at once":     {func(s *Situation) { inTroubleSince(s, observe.NoSandbox, 0) }, inProgress, "MinimumReplicasUnavailable", startTime + time.Second},
		"volumes are not there for minutes": {func(s *Situation) { inTroubleSince(s, observe.NoSandbox, grace) }, failed, "VolumesNotReady", 0},
		"no node has room for minutes":      {func(s *Situation) { inTroubleSince(s, observe.Unschedulable, grace) }, failed, "Unschedulable", 0},
		"a container crashes for an hour":   {func(s *Situation) { inTroubleSince(s, observe.Exited, time.Hour) }, inProgress, "ContainerExited", 0},
		"more pods than needed find no node": {func(s *Situation) {
			inTroubleSince(s, observe.Unschedulable, time.Hour)
			s.Observed.Deployment.Status.AvailableReplicas = 2
		}, current, "", 0},
		"the autoscaler cannot scale": {func(s *Situation) { autoscaledBy(s, "FailedGetResourceMetric", "none") }, current, "", 0},
		"something scaled it to 0": {func(s *Situation) {
			autoscaledBy(s, "", "")
			s.Observed.Deployment.Spec.Replicas = new(int32(0))
			short(s)
		}, inProgress, "", 0},
		"it is paused": {func(s *Situation) { s.Service.Spec.Paused = true }, current, "", 0},
		"it is paused with a stalled rollout": {func(s *Situation) {
			s.Service.Spec.Paused = true
			deployed(s, appsv1.DeploymentProgressing, "False", 0)
		}, inProgress, "", 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := serving()
			c.change(&s)
			service := s.Service.DeepCopy()
			var again time.Duration
			service.Status, again = Compute(s)
			if got := judged(t, service); got != c.want {
				t.Errorf("kstatus says %s, want %s; %v", got, c.want, said(service.Status))
			}
			if again != c.again {
				t.Errorf("the next look is due after %s, want %s", again, c.again)
			}
			stalled := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionStalled)
			reconciling := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionReconciling)
			if stalled != nil && reconciling != nil {
				t.Error("both Stalled and Reconciling")
			}
			reason := ""
			for _, c := range []*metav1.Condition{stalled, reconciling} {
				if c != nil {
					reason = c.Reason
				}
			}
			if reason != c.reason || (stalled != nil) != (c.want == failed) {
				t.Errorf("Stalled %v, Reconciling %v; want reason %q", stalled, reconciling, c.reason)
			}
		})
	}
}

// asked are two pods that have not confirmed yet.
func asked(edited bool) confirm.Result {
	return confirm.Result{
		Revision: "r2", Total: 2, Waiting: true, Edited: edited, Unconfirmed: []confirm.Unconfirmed{{Pod: "a"}, {Pod: "b"}},
	}
}

func TestToolsWaitForAServiceThatNobodyLookedAt(t *testing.T) {
	service := serving().Service
	service.Status = v1alpha1.GoServiceStatus{ObservedGeneration: -1}
	if got := judged(t, service); got != kstatus.InProgressStatus {
		t.Errorf("just created: %s", got)
	}
	s := serving()
	s.Service.Status = computed(s)
	s.Service.Generation++
	if got := judged(t, s.Service); got != kstatus.InProgressStatus {
		t.Errorf("just edited: %s", got)
	}
	s.Service.DeletionTimestamp = new(metav1.NewTime(noon))
	if got := judged(t, s.Service); got != kstatus.TerminatingStatus {
		t.Errorf("just deleted: %s", got)
	}
}

// A condition whose normal status is False is there only while it is True.
func TestAbnormalConditionsGoAway(t *testing.T) {
	s := serving()
	s.ApplyErr = &apply.ConflictError{Kind: "Service"}
	s.Service.Status = computed(s)
	s.ApplyErr = nil
	for _, d := range definitions {
		for _, r := range d.rules {
			if d.normal == no && r.status != yes {
				t.Errorf("%s can be %s", d.kind, r.status)
			}
		}
		if d.normal == no && meta.FindStatusCondition(computed(s).Conditions, d.kind) != nil {
			t.Errorf("%s stays", d.kind)
		}
	}
}
