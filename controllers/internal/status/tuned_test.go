// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/confirm"
)

func TestTheStatusOfLiveSettings(t *testing.T) {
	many := make([]confirm.Unconfirmed, 12)
	for i := range many {
		many[i] = confirm.Unconfirmed{Pod: fmt.Sprintf("pod-%02d", i), Reason: "is\nsilent"}
	}
	s := serving()
	s.Confirmed = confirm.Result{Revision: "r2", Confirmed: 1, Total: 13, ChangedAt: noon, Unconfirmed: many}
	got := s.liveSettings()
	if len(got.Unconfirmed) != 10 || got.Unconfirmed[9] != (v1alpha1.UnconfirmedPod{Pod: "pod-09", Reason: "is silent"}) {
		t.Errorf("unconfirmed %+v, want the first ten", got.Unconfirmed)
	}
	got.Unconfirmed = nil
	want := &v1alpha1.LiveSettingsStatus{Revision: "r2", ConfirmedPods: 1, TotalPods: 13, RequestsPerSecondPerPod: "50/s", ChangedAt: microTime(noon)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}

	early, late := microTime(noon.Add(-time.Hour)), microTime(noon.Add(-time.Minute))
	cases := map[string]struct {
		before               *v1alpha1.LiveSettingsStatus
		confirmed            confirm.Result
		changedAt, settledAt *metav1.MicroTime
	}{
		"all of them": {
			nil, confirm.Result{Revision: "r2", Confirmed: 2, Total: 2, ChangedAt: noon, ConfirmedAt: noon.Add(time.Second)}, microTime(noon), microTime(noon.Add(time.Second)),
		},
		"not all of them": {nil, confirm.Result{Revision: "r2", Confirmed: 1, Total: 2, ChangedAt: noon, ConfirmedAt: noon}, microTime(noon), nil},
		"no pods":         {nil, confirm.Result{Revision: "r2", ChangedAt: noon, ConfirmedAt: noon}, microTime(noon), nil},
		"a restart of the operator changes no time": {
			&v1alpha1.LiveSettingsStatus{Revision: "r2", ChangedAt: early, ConfirmedAt: late},
			confirm.Result{Revision: "r2", Confirmed: 2, Total: 2, ChangedAt: noon, ConfirmedAt: noon}, early, late,
		},
		"a restart, and a pod is missing": {
			&v1alpha1.LiveSettingsStatus{Revision: "r2", ChangedAt: early, ConfirmedAt: late},
			confirm.Result{Revision: "r2", Confirmed: 1, Total: 2, ChangedAt: noon}, early, nil,
		},
		"a restart before all had confirmed": {
			&v1alpha1.LiveSettingsStatus{Revision: "r2", ChangedAt: early},
			confirm.Result{Revision: "r2", Confirmed: 2, Total: 2, ChangedAt: noon, ConfirmedAt: noon}, early, microTime(noon),
		},
		"another revision": {
			&v1alpha1.LiveSettingsStatus{Revision: "r1", ChangedAt: early, ConfirmedAt: late},
			confirm.Result{Revision: "r2", Confirmed: 2, Total: 2, ChangedAt: noon, ConfirmedAt: noon}, microTime(noon), microTime(noon),
		},
		"a status without times": {
			&v1alpha1.LiveSettingsStatus{Revision: "r2"},
			confirm.Result{Revision: "r2", Confirmed: 2, Total: 2, ChangedAt: noon, ConfirmedAt: noon}, microTime(noon), microTime(noon),
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := serving()
			s.Service.Status.LiveSettings, s.Confirmed = c.before, c.confirmed
			got := s.liveSettings()
			if !got.ChangedAt.Equal(c.changedAt) || !got.ConfirmedAt.Equal(c.settledAt) {
				t.Errorf("changed at %v and confirmed at %v, want %v and %v", got.ChangedAt, got.ConfirmedAt, c.changedAt, c.settledAt)
			}
		})
	}
}
