// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package top

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func TestTheWorstComesFirst(t *testing.T) {
	left := func(permille int64) *int64 { return &permille }
	rows := []Row{
		{Name: "quiet"}, {Name: "fine", ErrorBudgetLeftPermille: left(900)}, {Name: "over", ErrorBudgetLeftPermille: left(-20)},
		{Name: "starts", Problem: "RollingOut", waiting: true}, {Name: "down", Problem: "ImagePullFailed", ErrorBudgetLeftPermille: left(500)},
		{Name: "blind", Problem: "NoMetrics", ReadyReplicas: 2},
	}
	Sort(rows)
	var names []string
	for _, row := range rows {
		names = append(names, row.Name)
	}
	if diff := cmp.Diff([]string{"down", "over", "fine", "blind", "quiet", "starts"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestASparklineGoesFromNothingToTheHighest(t *testing.T) {
	for want, values := range map[string][]float64{"": nil, "▁▁": {0, 0}, "▁▄█": {0, 3.9, 8}, "█": {0.01}} {
		if got := Spark(values); got != want {
			t.Errorf("%v are drawn as %s, not %s", values, got, want)
		}
	}
}

// A page of metrics as the toolkit writes it.
func page(started, requests, slow, rejected, cpu float64) string {
	return fmt.Sprintf(`# TYPE http_server_request_duration_seconds histogram
http_server_request_duration_seconds_bucket{http_route="/a",le="0.01"} %[2]g
http_server_request_duration_seconds_bucket{http_route="/a",le="0.1"} %[3]g
http_server_request_duration_seconds_bucket{http_route="/a",le="+Inf"} %[3]g
http_server_request_duration_seconds_sum{http_route="/a"} 1
http_server_request_duration_seconds_count{http_route="/a"} %[3]g
# TYPE goservice_requests_rejected_total counter
goservice_requests_rejected_total{reason="rate_limit"} %[4]g
goservice_requests_rejected_total{reason="shed"} 0
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total %[5]g
# TYPE process_start_time_seconds gauge
process_start_time_seconds %[1]g
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 3.3554432e+07
# TYPE goservice_pool_busy gauge
goservice_pool_busy 12
# TYPE goservice_pool_workers gauge
goservice_pool_workers 64
# TYPE goservice_pool_queued gauge
goservice_pool_queued 0
# TYPE goservice_rate_limit_requests_per_second gauge
goservice_rate_limit_requests_per_second +Inf
`, started, requests-slow, requests, rejected, cpu)
}

// script answers for pods, look by look.
type script struct {
	now   time.Time
	pages map[string]string
}

func (s *script) pods(names ...string) *Pods {
	pods := &Pods{
		Now: func() time.Time { return s.now },
		List: func(context.Context) ([]corev1.Pod, error) {
			var list []corev1.Pod
			for _, name := range names {
				list = append(list, corev1.Pod{
					ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.Time{Time: noon.Add(-time.Hour)}},
					Status: corev1.PodStatus{
						Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
					},
				})
			}
			return list, nil
		},
		Open: func(_ context.Context, pod, scheme string, port int32, path string) (io.ReadCloser, error) {
			if at := fmt.Sprintf("%s %d %s", scheme, port, path); at != "http 9100 /metrics" {
				return nil, fmt.Errorf("asked at %s", at)
			}
			text, answers := s.pages[pod]
			if !answers {
				return nil, errors.New("connection \x1b[31mrefused")
			}
			return io.NopCloser(strings.NewReader(text)), nil
		},
	}
	pods.Of(&v1alpha1.GoService{})
	return pods
}

func TestPodsAreShownByWhatTheySayOfThemselves(t *testing.T) {
	s := &script{now: noon, pages: map[string]string{"a": page(1, 1000, 0, 0, 10), "b": page(1, 5000, 10, 0, 10), "restarted": page(1, 9000, 0, 0, 90)}}
	pods := s.pods("a", "b", "restarted", "silent")
	if rows, err := pods.Look(t.Context()); err != nil || rows[0].RequestsPerSecond != nil || *rows[0].BusyWorkers != 12 {
		t.Errorf("at first: %+v, %v", rows, err)
	}
	s.now = noon.Add(2 * time.Second)
	s.pages = map[string]string{"a": page(1, 1400, 8, 30, 10.8), "b": page(1, 5900, 10, 0, 11), "restarted": page(2, 5, 0, 0, 0.1)}
	rows, err := pods.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := `POD         READY   REQ/S   LIMIT   REJECTED/S     P99    BUSY   QUEUED    CPU   MEMORY   RESTARTS   AGE   PROBLEM
b           yes       450       -            0   9.9ms   12/64        0   500m     32Mi          0   60m
a           yes       200       -         15.0    55ms   12/64        0   400m     32Mi          0   60m
restarted   yes         -       -            -       -   12/64        0      -     32Mi          0   60m
silent      yes         -       -            -       -       -        -      -        -          0   60m   metrics: connection  [31mrefused`
	if diff := cmp.Diff(want, strings.Join(PodLines(rows), "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAPodThatSaysTooMuchIsNotRead(t *testing.T) {
	if _, err := read(strings.NewReader(strings.Repeat("# a comment that says nothing\n", mostMetrics/30+1)), "x", noon); err == nil || !strings.Contains(err.Error(), "more than 4194304 bytes") {
		t.Errorf("error %v", err)
	}
}

func TestThePodsAreLive(t *testing.T) {
	s := &script{now: noon, pages: map[string]string{"a": page(1, 1000, 0, 0, 10)}}
	model := NewPodModel(t.Context(), s.pods("a"), show.Style{}, "pods of checkout")
	_, again := model.Update(model.Init()())
	if again == nil || !strings.Contains(model.View().Content, "12/64") {
		t.Errorf("the screen:\n%s", model.View().Content)
	}
	model.pods.List = func(context.Context) ([]corev1.Pod, error) { return nil, errors.New("gone") }
	model.Update(model.look())
	if text := model.View().Content; !strings.Contains(text, "does not answer: gone") || !strings.Contains(text, "12/64") {
		t.Errorf("while the cluster does not answer:\n%s", text)
	}
	if _, end := model.Update(tea.KeyPressMsg{Code: 'q', Text: "q"}); end == nil || end() != tea.Quit() {
		t.Error("q does not end it")
	}
}

func TestANarrowScreenKeepsNamesAndBudgets(t *testing.T) {
	left := int64(-120)
	row := Row{Namespace: "shop", Name: "checkout", SLO: "missed", ErrorBudgetLeftPermille: &left, Problem: "ImagePullFailed"}
	for _, width := range []int{60, 80, 120, 200} {
		shown := fitting(width, false)
		text := heading(shown, show.Style{}) + "\n" + row.line(shown, show.Style{})
		for _, want := range []string{"NAME", "BUDGET", "checkout", "-12%"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %s in %d columns:\n%s", want, width, text)
			}
		}
		if got := total(shown); width >= 120 && got > width {
			t.Errorf("%d columns are used of %d", got, width)
		}
	}
}
