// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package top

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

const (
	// adminPort has the metrics of a service on the toolkit.
	adminPort = 9100
	// servicePort without spec.port.
	servicePort = 8080
	// atOnce is how many pods are asked at the same time.
	atOnce = 16
	// patience with one pod.
	patience = 3 * time.Second
)

// Pod is a row. Fields are added in later versions, and neither renamed nor removed. What a pod does not say is absent.
type Pod struct {
	Name     string `json:"name"`
	Ready    bool   `json:"ready"`
	Restarts int32  `json:"restarts"`
	// AgeSeconds since the pod was created.
	AgeSeconds int64 `json:"ageSeconds"`
	// RequestsPerSecond, RejectedPerSecond, CPUCores, and P99Microseconds are of the time between two looks.
	RequestsPerSecond *float64 `json:"requestsPerSecond,omitempty"`
	RejectedPerSecond *float64 `json:"rejectedPerSecond,omitempty"`
	CPUCores          *float64 `json:"cpuCores,omitempty"`
	P99Microseconds   *int64   `json:"p99Microseconds,omitempty"`
	BusyWorkers       *float64 `json:"busyWorkers,omitempty"`
	Workers           *float64 `json:"workers,omitempty"`
	Queued            *float64 `json:"queued,omitempty"`
	MemoryBytes       *float64 `json:"memoryBytes,omitempty"`
	// LimitPerSecond that the pod enforces; absent without one.
	LimitPerSecond *float64 `json:"limitPerSecond,omitempty"`
	// Problem is why the pod is not ready, or was not asked.
	Problem string `json:"problem,omitempty"`
}

// Pods looks at the pods of one service.
type Pods struct {
	// List the pods, and Open the page of metrics of one, on a port and path.
	List func(context.Context) ([]corev1.Pod, error)
	Open func(ctx context.Context, pod, scheme string, port int32, path string) (io.ReadCloser, error)
	Now  func() time.Time

	histogram, scheme, path string
	port                    int32
	before                  map[string]*sample
}

// Of a service: where its pods have metrics.
func (p *Pods) Of(service *v1alpha1.GoService) {
	p.histogram, p.scheme, p.port, p.path = histograms[v1alpha1.IndicatorsToolkit], "http", adminPort, "/metrics"
	if plan.OnToolkit(&service.Spec) {
		return
	}
	metrics := service.Spec.Observability.Metrics
	p.histogram, p.port = histograms[metrics.Indicators], cmp.Or(service.Spec.Port, servicePort)
	if metrics.Port != nil {
		p.port = *metrics.Port
	}
	p.path, p.scheme = cmp.Or(metrics.Path, p.path), cmp.Or(strings.ToLower(string(metrics.Scheme)), p.scheme)
}

// Look at all pods once more. Rates are there from the second look on.
func (p *Pods) Look(ctx context.Context) ([]Pod, error) {
	pods, err := p.List(ctx)
	if err != nil {
		return nil, err
	}
	rows, samples := make([]Pod, len(pods)), make([]*sample, len(pods))
	turns := make(chan struct{}, atOnce)
	var asked sync.WaitGroup
	for i := range pods {
		rows[i] = p.row(&pods[i])
		if pods[i].Status.Phase != corev1.PodRunning {
			continue
		}
		asked.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			var err error
			if samples[i], err = p.ask(ctx, pods[i].Name); err != nil {
				rows[i].Problem = cmp.Or(rows[i].Problem, "metrics: "+show.Plain(err.Error()))
			}
		})
	}
	asked.Wait()
	before := p.before
	p.before = map[string]*sample{}
	for i, s := range samples {
		if s != nil {
			p.before[rows[i].Name] = s
			rows[i].take(s, before[rows[i].Name])
		}
	}
	slices.SortFunc(rows, func(a, b Pod) int {
		return cmp.Or(cmp.Compare(number(b.RequestsPerSecond), number(a.RequestsPerSecond)), strings.Compare(a.Name, b.Name))
	})
	return rows, nil
}

func (p *Pods) ask(ctx context.Context, pod string) (*sample, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	page, err := p.Open(ctx, pod, p.scheme, p.port, p.path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = page.Close() }()
	return read(page, p.histogram, p.Now())
}

// IsReady says whether a pod's condition Ready is True.
func IsReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

func (p *Pods) row(pod *corev1.Pod) Pod {
	row := Pod{Name: pod.Name, Ready: IsReady(pod), AgeSeconds: int64(p.Now().Sub(pod.CreationTimestamp.Time).Seconds())}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			row.Problem = c.Reason
		}
	}
	for i := range pod.Status.ContainerStatuses {
		c := &pod.Status.ContainerStatuses[i]
		row.Restarts += c.RestartCount
		if c.State.Waiting != nil {
			row.Problem = c.State.Waiting.Reason
		}
	}
	if pod.DeletionTimestamp != nil {
		row.Problem = "Terminating"
	}
	return row
}

// take what a pod said of itself.
func (p *Pod) take(s, before *sample) {
	p.BusyWorkers, p.Workers, p.Queued, p.MemoryBytes, p.LimitPerSecond = finite(s.busy), finite(s.workers), finite(s.queued), finite(s.memory), finite(s.limit)
	if before == nil {
		return
	}
	rates, known := s.since(before)
	if !known {
		return
	}
	p.RequestsPerSecond, p.RejectedPerSecond, p.CPUCores = finite(rates.requests), finite(rates.rejected), finite(rates.cpu)
	if !math.IsNaN(rates.p99) {
		microseconds := int64(rates.p99 * 1e6)
		p.P99Microseconds = &microseconds
	}
}

func finite(value float64) *float64 {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return nil
	}
	return &value
}

func number(value *float64) float64 {
	if value == nil {
		return -1
	}
	return *value
}

// PodLines is a table of pods, with its heading.
func PodLines(pods []Pod) []string {
	var out strings.Builder
	rows := make([][]string, len(pods))
	for i := range pods {
		rows[i] = pods[i].cells()
	}
	show.Columns(&out, []string{"POD", "READY", "REQ/S", "LIMIT", "REJECTED/S", "P99", "BUSY", "QUEUED", "CPU", "MEMORY", "RESTARTS", "AGE", "PROBLEM"},
		[]bool{false, false, true, true, true, true, true, true, true, true, true, true, false}, rows)
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

func (p *Pod) cells() []string {
	ready := "no"
	if p.Ready {
		ready = "yes"
	}
	whole := func(v float64) string { return show.Count(int64(v + 0.5)) }
	busy := form(p.BusyWorkers, whole)
	if p.Workers != nil {
		busy += "/" + whole(*p.Workers)
	}
	return []string{
		p.Name, ready, PerSecond(p.RequestsPerSecond), PerSecond(p.LimitPerSecond), PerSecond(p.RejectedPerSecond), Latency(p.P99Microseconds), busy,
		form(p.Queued, whole), Millicores(p.CPUCores), Mebibytes(p.MemoryBytes), fmt.Sprint(p.Restarts),
		show.Age(time.Duration(p.AgeSeconds) * time.Second), show.Cut(p.Problem, 60),
	}
}
