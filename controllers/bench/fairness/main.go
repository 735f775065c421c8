// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Bench-fairness shows what one tenant's silent pods cost all others: well-behaved services are measured and retuned, first
// alone, then beside a namespace full of pods that accept connections and never answer. It runs the operator's own loop and
// tracker on pods that listen on the loopback; only their kubelets are imitated.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/controllers/internal/measure"
	"goservice.dev/operator/controllers/internal/podhttp"
	"goservice.dev/operator/controllers/tuner"
)

const (
	podsOfAService       = 3
	podsOfASilentService = 10
	silentNamespace      = "silent"
)

func main() {
	services := flag.Int("services", 100, "well-behaved services, each in a namespace of its own")
	silent := flag.Int("silent", 1000, "pods that never answer, all in one namespace")
	span := flag.Duration("span", time.Minute, "how long is measured, without and then with the silent pods")
	every := flag.Duration("every", 5*time.Second, "time between two retunes of a service")
	page := flag.String("page", "controllers/internal/measure/testdata/metrics.txt", "what pods serve as their metrics")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *services, *silent, *span, *every, *page); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, services, silent int, span, every time.Duration, page string) error {
	static, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	b := newBench()
	for i := range services {
		name := types.NamespacedName{Namespace: fmt.Sprintf("tenant-%d", i), Name: "checkout"}
		s := &service{name: name}
		for j := range podsOfAService {
			p, err := servePod(s, j, fmt.Sprintf("127.77.%d.%d", i%250+1, i/250*podsOfAService+j+1), static)
			if err != nil {
				return err
			}
			defer p.close()
			s.pods = append(s.pods, p)
			b.pods.Store(p.ip, p)
		}
		b.services = append(b.services, s)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var working sync.WaitGroup
	working.Go(func() { _ = b.loop.Start(ctx) })
	defer working.Wait()
	defer cancel()
	defer b.tracker.Close()

	const warmUp = 10 * time.Second
	b.retune(ctx, warmUp, every)
	b.figures.reset()
	b.retune(ctx, span, every)
	alone := b.figures.reset()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for i := range silent / podsOfASilentService {
		s := &service{name: types.NamespacedName{Namespace: silentNamespace, Name: strconv.Itoa(i)}, silent: true}
		for j := range podsOfASilentService {
			p, err := silentPod(s, j, fmt.Sprintf("127.78.%d.%d", i%250+1, i/250*podsOfASilentService+j+1))
			if err != nil {
				return err
			}
			defer p.close()
			s.pods = append(s.pods, p)
		}
		b.services = append(b.services, s)
	}
	b.retune(ctx, span, every)
	beside := b.figures.reset()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return report(os.Stdout, services, silent, alone, beside)
}

func report(out io.Writer, services, silent int, alone, beside result) error {
	fmt.Fprintf(out, "%d services of %d pods, without and with %d silent pods in one namespace; milliseconds\n\n",
		services, podsOfAService, silent)
	fmt.Fprintf(out, "| | number | p50 | p99 | longest |\n|---|---:|---:|---:|---:|\n")
	for _, row := range []struct {
		name  string
		times []time.Duration
	}{
		{"between two rounds of a service, alone", alone.rounds},
		{"between two rounds of a service, beside silent pods", beside.rounds},
		{"retune of a service, alone", alone.retunes},
		{"retune of a service, beside silent pods", beside.retunes},
	} {
		fmt.Fprintf(out, "| %s | %d | %d | %d | %d |\n", row.name, len(row.times),
			quantile(row.times, 0.5), quantile(row.times, 0.99), quantile(row.times, 1))
	}
	fmt.Fprintf(out, "\nRetunes that were not confirmed within their time: %d alone, %d beside silent pods. Questions to silent pods: %d.\n\n",
		alone.late, beside.late, beside.silent)
	_, err := fmt.Fprintf(out, "RESULT bench-fairness round_p99_ms=%d retune_p99_ms=%d baseline_retune_p99_ms=%d late_retunes=%d\n",
		quantile(beside.rounds, 0.99), quantile(beside.retunes, 0.99), quantile(alone.retunes, 0.99), alone.late+beside.late)
	return err
}

// quantile of times in milliseconds by nearest rank; 0 without any.
func quantile(times []time.Duration, q float64) int64 {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)].Milliseconds()
}

type bench struct {
	services []*service
	pods     sync.Map // that answer, by their addresses
	figures  figures
	loop     *measure.Loop
	tracker  *confirm.Tracker
}

// newBench wires the loop and the tracker as the operator does.
func newBench() *bench {
	b := &bench{figures: figures{last: map[string]time.Time{}}}
	slots := podhttp.Slots(nil)
	scrape := measure.ScrapeDirectly()
	b.loop = measure.NewLoop(measure.LoopOptions{
		Slots: slots,
		Scrape: func(ctx context.Context, pod measure.Pod, from measure.Endpoint) (measure.Sample, error) {
			b.figures.asked(pod)
			return scrape(ctx, pod, from)
		},
		Changed: func(types.NamespacedName) {}, Decided: func(types.NamespacedName, tuner.Change) {},
	})
	b.tracker = confirm.NewTracker(confirm.Options{
		Slots: slots, NudgeSlots: confirm.NudgeSlots(nil),
		Ask: confirm.AskDirectly(), Nudge: b.nudge,
		Changed: func(types.NamespacedName) {}, Settled: b.figures.retuned,
	})
	return b
}

// retune every service again and again for a while, at moments spread over the time between two retunes.
func (b *bench) retune(ctx context.Context, span, every time.Duration) {
	end := time.Now().Add(span)
	pause := every / time.Duration(len(b.services))
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for i := 0; time.Now().Before(end); i++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		b.change(b.services[i%len(b.services)])
	}
}

// change the revision of a service, as a reconcile does after an edit.
func (b *bench) change(s *service) {
	if confirmed, _ := b.tracker.Confirmed(s.name); !s.silent && s.changes > 0 && !confirmed {
		b.figures.missed()
	}
	s.changes++
	target := confirm.Target{Revision: fmt.Sprint("r", s.changes)}
	followed := measure.Target{Confirmed: true, Target: tuner.Target{
		Spec: &v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Latency: &v1alpha1.LatencyObjective{
			Threshold: metav1.Duration{Duration: 100 * time.Millisecond}, Percentile: "99",
		}}},
		Wanted: int32(len(s.pods)), Ready: int32(len(s.pods)), Floor: 2,
	}}
	for _, p := range s.pods {
		target.Pods = append(target.Pods, confirm.Pod{
			UID: types.UID(p.ip), Namespace: s.name.Namespace, Name: p.name, IP: p.ip, Ready: true,
		})
		followed.Pods = append(followed.Pods, measure.Pod{Namespace: s.name.Namespace, Name: p.name, IP: p.ip, Ready: true})
	}
	b.loop.Follow(s.name, followed)
	s.configure(target.Revision)
	b.tracker.Ensure(s.name, target)
	followed.Confirmed = false
	b.loop.Follow(s.name, followed)
}
