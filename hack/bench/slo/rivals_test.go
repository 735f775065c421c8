// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

var usual = settings{
	rate: 16, factor: 4, work: 5 * time.Millisecond, threshold: 500 * time.Millisecond, warm: 100 * time.Second, hold: 2 * time.Minute,
	milliCPU: 100, most: 8, percentile: 99, allowed: 0.01, enough: 0.8, runs: 2, seeds: 1, shapes: shapes[:1], contenders: contendersOf([]int32{20, 50}, true),
}

var images = deployed{"manager:dev-1", "workload:dev-1", "abc"}

// The rivals scale the same service: only who scales it differs, by which target, how long pods are kept, and the pool of those that are
// told.
func TestRivalsScaleTheSameService(t *testing.T) {
	fitted := &pool{Workers: 3}
	own := contender{name: ours}.service(usual, nil).Spec
	if own.Tuning != nil || own.Pool != nil || *own.Autoscaling.MinReplicas != fewest || int(*own.Autoscaling.MaxReplicas) != usual.most {
		t.Errorf("the operator's own: %+v", own)
	}
	var rows []string
	for _, c := range usual.contenders {
		if rows = append(rows, c.name); c.name == ours {
			continue
		}
		spec := c.service(usual, fitted).Spec
		if diff := cmp.Diff(own.SLO, spec.SLO); diff != "" {
			t.Errorf("%s: objectives %s", c.name, diff)
		}
		if diff := cmp.Diff(own.Resources, spec.Resources); diff != "" {
			t.Errorf("%s: resources %s", c.name, diff)
		}
		if spec.Tuning.Mode != v1alpha1.TuningDisabled || spec.Autoscaling.Mode != v1alpha1.AutoscalingExternal {
			t.Errorf("%s: the operator scales, too", c.name)
		}
		hpa := c.autoscaler(usual, "n").Spec
		if *hpa.MinReplicas != fewest || int(hpa.MaxReplicas) != usual.most || *hpa.Metrics[0].Resource.Target.AverageUtilization != c.target {
			t.Errorf("%s: %+v", c.name, hpa)
		}
		switch {
		case !c.fitted && (hpa.Behavior != nil || spec.Pool != nil || c.target != 50):
			t.Errorf("the stock autoscaler is not: %+v, pool %+v, target %d %%", hpa.Behavior, spec.Pool, c.target)
		case c.fitted && (*hpa.Behavior.ScaleDown.StabilizationWindowSeconds != 60 || *spec.Pool.Workers != 3):
			t.Errorf("%s: %+v, pool %+v", c.name, hpa.Behavior, spec.Pool)
		}
		if waits, forUs := queueOf(spec), queueOf(own); waits != forUs {
			t.Errorf("%s: %d may wait for %s, under the operator %d for %s", c.name, waits.depth, waits.timeout, forUs.depth, forUs.timeout)
		}
	}
	want := []string{"HPA 50 %, default", "HPA 20 %, 60 s, fitted pool", "HPA 50 %, 60 s, fitted pool", ours}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
}

type queue struct {
	depth   int32
	timeout time.Duration
}

// queueOf a pod, as the operator has it.
func queueOf(spec v1alpha1.GoServiceSpec) queue {
	p := plan.Compute(&spec, plan.Observed{})
	return queue{p.QueueDepth.Value, p.QueueTimeout.Value}
}

func TestTargets(t *testing.T) {
	for text, rows := range map[string]int{"20,50": 4, " 35 ": 3, "": 0, "20,20": 0, "0": 0, "101": 0, "a": 0} {
		if got, err := rivalsOf(text, true); len(got) != rows || (err == nil) != (rows > 0) {
			t.Errorf("%q: %d rows, %v", text, len(got), err)
		}
	}
}

// The operator comes first once, so that there is a pool to be told, and last in the next run; orders that cannot be even are refused.
func TestTurnsAlternate(t *testing.T) {
	names := func(run int) (all []string) {
		for _, c := range turns(usual.contenders, run) {
			all = append(all, c.name)
		}
		return all
	}
	forth, back := names(0), names(1)
	if forth[0] != ours || !slices.Equal(forth, names(2)) {
		t.Errorf("turns: %q, later %q", forth, names(2))
	}
	slices.Reverse(back)
	if diff := cmp.Diff(forth, back); diff != "" {
		t.Error(diff)
	}
	s := usual
	s.url, s.runs = "http://127.0.0.1:1", 3
	if err := run(t.Context(), s, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "even") {
		t.Errorf("three runs: %v", err)
	}
}

func TestShapes(t *testing.T) {
	for _, c := range []struct {
		shape string
		since time.Duration
		want  float64 // of the highest rate
	}{
		{"step", 0, 0.25}, {"step", 99 * time.Second, 0.25}, {"step", 100 * time.Second, 1}, {"step", 219 * time.Second, 1},
		{"ramp", 100 * time.Second, 0.25}, {"ramp", 148 * time.Second, 0.625}, {"ramp", 196 * time.Second, 1}, {"ramp", 219 * time.Second, 1},
		{"burst", 99 * time.Second, 0.25}, {"burst", 119 * time.Second, 1}, {"burst", 120 * time.Second, 0.25}, {"burst", 160 * time.Second, 1},
	} {
		found, err := shapesOf(c.shape)
		if err != nil {
			t.Fatal(err)
		}
		if got := found[0].part(usual)(c.since); got != c.want {
			t.Errorf("%s after %s: %g, want %g", c.shape, c.since, got, c.want)
		}
	}
	if _, err := shapesOf("step,wave"); err == nil {
		t.Error("there is a shape called wave")
	}
}

// What was measured is kept, the same command goes on with it, and what was measured with other settings, of other images or by
// another program is not mixed with it.
func TestStateIsKept(t *testing.T) {
	s := usual
	s.state = filepath.Join(t.TempDir(), "state")
	st, err := openState(s, images)
	if err != nil || st.pool() != nil {
		t.Fatalf("a new state: %+v, %v", st, err)
	}
	o := outcome{
		Shape: "step", Contender: ours, Run: 1, After: verdict{Requests: 10, Slow: 1, Seconds: 5, LastBad: time.Second},
		Wanted: map[int32]time.Duration{2: time.Second}, Decisions: []string{"+1 s"}, Pool: pool{3, 250 * time.Millisecond}, At: noon,
	}
	if err := st.add(o); err != nil {
		t.Fatal(err)
	}
	again, err := openState(s, images)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]outcome{o}, again.outcomes); diff != "" {
		t.Error(diff)
	}
	if !again.has("step", ours, 1) || again.has("step", ours, 0) || again.has("ramp", ours, 1) || again.has("step", usual.contenders[0].name, 1) || *again.pool() != o.Pool {
		t.Errorf("done: %+v", again)
	}
	other := settings{runs: 1, shapes: shapes[:1], contenders: usual.contenders}
	if got := again.selected(other); len(got) != 0 {
		t.Errorf("the first run of the step is said to be %+v", got)
	}
	if other.runs = 2; len(again.selected(other)) != 1 {
		t.Errorf("what is asked for is left out of %+v", again.outcomes)
	}
	for _, now := range []deployed{
		{"manager:dev-2", images.workload, images.program}, {images.operator, "workload:dev-2", images.program},
		{images.operator, images.workload, "abd"},
	} {
		if _, err := openState(s, now); err == nil {
			t.Errorf("outcomes of %s are taken for those of %s", images, now)
		}
	}
	s.factor = 5
	if _, err := openState(s, images); err == nil {
		t.Error("outcomes of other settings are taken over")
	}
	if err := os.WriteFile(s.state, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openState(s, images); err == nil {
		t.Error("nonsense is a state")
	}
}

// A tag that is a hash of the sources tells images apart; with any other, the digest does.
func TestImages(t *testing.T) {
	pod := func(image, id string) corev1.Pod {
		return corev1.Pod{
			Spec:   corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: image}, {Name: "sidecar", Image: "proxy:latest"}}},
			Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "sidecar", ImageID: "sha256:0"}, {Name: "app", ImageID: id}}},
		}
	}
	leaving := pod("app:latest", "sha256:2")
	leaving.DeletionTimestamp = new(metav1.Now())
	for name, c := range map[string]struct {
		pods []corev1.Pod
		want string // empty: an error
	}{
		"by its sources":     {[]corev1.Pod{pod("app:dev-1", "sha256:1"), pod("app:dev-1", "sha256:2")}, "app:dev-1"},
		"by its digest":      {[]corev1.Pod{pod("app:latest", "sha256:1"), leaving}, "app:latest sha256:1"},
		"two of them":        {[]corev1.Pod{pod("app:latest", "sha256:1"), pod("app:latest", "sha256:2")}, ""},
		"during an upgrade":  {[]corev1.Pod{pod("app:dev-1", "sha256:1"), pod("app:dev-2", "sha256:2")}, ""},
		"nothing that runs":  {[]corev1.Pod{leaving}, ""},
		"nothing whatsoever": {nil, ""},
	} {
		if got, err := imageOf(c.pods); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.want)
		}
	}
	if first, err := thisProgram(); err != nil || len(first) != 12 {
		t.Errorf("thisProgram() = %q, %v", first, err)
	}
}
