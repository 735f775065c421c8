// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"cmp"
	"context"
	"hash/fnv"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"goservice.dev/operator/controllers/internal/fair"
	"goservice.dev/operator/controllers/internal/podhttp"
	"goservice.dev/operator/controllers/tuner"
)

// ScrapeDirectly reads pods at their own addresses, which an operator inside the cluster can reach, over connections that
// stay open.
func ScrapeDirectly(port string) func(context.Context, Pod) (tuner.Counters, error) {
	return scraper(port, 1)
}

func scraper(port string, idlePerHost int) func(context.Context, Pod) (tuner.Counters, error) {
	getter := podhttp.NewGetter(podhttp.Options{Timeout: scrapeTimeout, IdlePerHost: idlePerHost, IdleTimeout: 10 * period})
	return func(ctx context.Context, pod Pod) (counters tuner.Counters, err error) {
		err = getter.Get(ctx, net.JoinHostPort(pod.IP, port), "/metrics", MaxPageBytes, func(at time.Time, page io.Reader) (err error) {
			counters, err = parseAt(at, page)
			return err
		})
		return counters, err
	}
}

// ScrapeThroughAPIServer reads pods through the API server's proxy, for an operator that runs outside the cluster. The
// client must be bound to MaxPageBytes.
func ScrapeThroughAPIServer(client corev1client.PodsGetter, port string) func(context.Context, Pod) (tuner.Counters, error) {
	return func(ctx context.Context, pod Pod) (tuner.Counters, error) {
		page, err := client.Pods(pod.Namespace).ProxyGet("http", pod.Name, port, "/metrics", nil).Stream(ctx)
		if err != nil {
			return tuner.Counters{}, err
		}
		defer page.Close()
		return parseAt(time.Now(), page)
	}
}

// silence of a pod that does not answer.
type silence struct {
	fair.Backoff
	problem string
}

// scrape asks some pods, each within its time, which begins when it is its turn. Pods that did not answer last time queue
// apart from those of their namespace that do.
func (l *Loop) scrape(ctx context.Context, f *followed, pods []Pod) (reports []tuner.Report, problem string) {
	reports = make([]tuner.Report, len(pods))
	silent := make(map[Pod]*silence, len(pods))
	var working sync.WaitGroup
	for i, pod := range pods {
		reports[i] = tuner.Report{Pod: pod.Name}
		state := f.silent[pod]
		if state == nil {
			state = &silence{}
		}
		silent[pod] = state
		if !state.Due(f.began) {
			continue
		}
		working.Go(func() {
			counters, err := l.ask(ctx, pod, state.Silent())
			if err != nil {
				state.Failed(time.Now())
				state.problem = "pod " + pod.Name + ": " + podhttp.Clip(err.Error()) // it may quote what the pod answered
				return
			}
			state.Answered()
			state.problem = ""
			reports[i].Counters = &counters
		})
	}
	working.Wait()
	f.silent = silent
	for _, pod := range pods {
		if state := silent[pod]; state.problem != "" && !pod.Leaving {
			return reports, state.problem
		}
	}
	return reports, ""
}

// ask one pod for its counters.
func (l *Loop) ask(ctx context.Context, pod Pod, silent bool) (tuner.Counters, error) {
	release, _, err := l.options.Slots.Acquire(ctx, fair.Group(pod.Namespace, silent))
	if err != nil {
		return tuner.Counters{}, err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	counters, err := l.options.Scrape(ctx, pod)
	if counters.At.IsZero() {
		counters.At = time.Now()
	}
	return counters, err
}

// sampleOf picks pods by a hash of their names, so that each round asks the same ones.
func sampleOf(pods []Pod) []Pod {
	if len(pods) <= maxAsked {
		return pods
	}
	type ranked struct {
		Pod
		rank uint64
	}
	sorted := make([]ranked, len(pods))
	for i, pod := range pods {
		h := fnv.New64a()
		_, _ = h.Write([]byte(pod.Name))
		sorted[i] = ranked{pod, h.Sum64() * 0x9e3779b97f4a7c15} // names that differ at their end differ in all bits
	}
	slices.SortFunc(sorted, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	sample := make([]Pod, maxAsked)
	for i := range sample {
		sample[i] = sorted[i].Pod
	}
	return sample
}

// parseAt reads a page whose head arrived at a time: pods count until they begin to answer, however long reading takes.
func parseAt(at time.Time, page io.Reader) (tuner.Counters, error) {
	counters, err := Parse(page)
	counters.At = at
	return counters, err
}
