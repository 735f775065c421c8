// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/plan"
)

// sharing is a service whose pods share their queue.
func sharing() Situation {
	s := serving()
	s.Observed.Deployment.Spec.Template.Spec.Containers = []corev1.Container{{
		Name: build.ContainerName, Env: []corev1.EnvVar{{Name: "GOSERVICE_PEERS_NAMES", Value: "checkout-metrics"}},
	}}
	s.HandOff.Written = &v1alpha1.HandOffStatus{Secret: "checkout-peers", Revision: "r1", ChangedAt: metav1.NewTime(noon)}
	return s
}

func TestWhetherTheQueueIsShared(t *testing.T) {
	const unwritten = "KeyNotWritten: Secret checkout-peers with the key of the pods cannot be written, and "
	for name, c := range map[string]struct {
		change func(*Situation)
		want   string // beginning of the condition; empty: there is none
	}{
		"the pods have the key":    {func(*Situation) {}, "True Shared: a request that would wait may run in another pod that is free; pods know each other by the key in Secret checkout-peers"},
		"nobody wants it":          {func(s *Situation) { s.Service.Spec.HandOff = v1alpha1.HandOffDisabled }, "False Disabled: spec.handOff is Disabled"},
		"the port is taken":        {func(s *Situation) { s.Service.Spec.Port = build.PeersPort }, "False PortTaken: a container has port 9443"},
		"paused":                   {func(s *Situation) { s.Service.Spec.Paused = true }, "Unknown Paused: "},
		"given back":               {func(s *Situation) { s.Service.Annotations = map[string]string{build.AnnotationGiveBack: "true"} }, "Unknown GivenBack: "},
		"a foreign Secret":         {func(s *Situation) { s.HandOff = HandOff{Err: fmt.Errorf("so: %w", ErrForeignSecret)} }, "False ForeignSecret: Secret checkout-peers exists, and the operator did not make it"},
		"the first key":            {func(s *Situation) { s.HandOff = HandOff{Err: errors.New("quota")} }, "False " + unwritten + "each pod has a queue of its own; the operator retries: quota"},
		"the next key":             {func(s *Situation) { s.HandOff.Err = errors.New("quota") }, "False " + unwritten + "pods keep the key that they have; the operator retries: quota"},
		"an older template":        {func(s *Situation) { s.Observed.Deployment.Spec.Template.Spec.Containers[0].Env = nil }, "False AwaitingRollout: "},
		"no Deployment yet":        {func(s *Situation) { s.Observed.Deployment = nil }, "True Shared: "},
		"another one's image":      {func(s *Situation) { s.Plan.OnToolkit = false }, ""},
		"nothing was written, yet": {func(s *Situation) { s.HandOff = HandOff{} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := sharing()
			c.change(&s)
			got := said(computed(s))[v1alpha1.ConditionQueueShared]
			if !strings.HasPrefix(got, c.want) || (c.want == "") != (got == "") {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Pods without a shared queue serve all the same: tools must not wait for it, and nobody is told by an event.
func TestAQueueThatIsNotSharedHoldsNobodyUp(t *testing.T) {
	for name, change := range map[string]func(*Situation){
		"foreign Secret": func(s *Situation) { s.HandOff = HandOff{Err: ErrForeignSecret} },
		"not written":    func(s *Situation) { s.HandOff = HandOff{Err: errors.New("quota")} },
		"disabled":       func(s *Situation) { s.Service.Spec.HandOff = v1alpha1.HandOffDisabled },
		"no links":       func(s *Situation) { s.HandOff.Sharers, s.HandOff.Unlinked = 2, 2 },
		"moves fail":     func(s *Situation) { s.HandOff.MovesFail = true },
	} {
		s := measuredSharing(nil)
		before := computed(s)
		change(&s)
		s.Plan = plan.Compute(&s.Service.Spec, plan.Observed{Sharing: 2})
		after := computed(s)
		if !meta.IsStatusConditionTrue(after.Conditions, v1alpha1.ConditionReady) {
			t.Errorf("%s: the service is not ready", name)
		}
		if events := Transitions(&before, &after, s.Confirmed); len(events) > 0 {
			t.Errorf("%s: events %v", name, events)
		}
		s.Service.Status = after
		if got := judged(t, s.Service); got != kstatus.CurrentStatus {
			t.Errorf("%s: kstatus %s", name, got)
		}
	}
}
