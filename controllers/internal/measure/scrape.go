// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/fair"
	"goservice.dev/operator/controllers/internal/indicators"
	"goservice.dev/operator/controllers/internal/podhttp"
	"goservice.dev/operator/controllers/tuner"
)

// Endpoint is where and how the pods of a service tell what they count. The zero value is the toolkit's.
type Endpoint struct {
	at     indicators.Location
	format *format
	// elsewhere are ports that are looked at should nothing be found there.
	elsewhere []int32
}

// EndpointOf a spec.
func EndpointOf(spec *v1alpha1.GoServiceSpec) Endpoint {
	return Endpoint{at: indicators.At(spec), format: formatOf(spec), elsewhere: indicators.Elsewhere(spec)}
}

// filled is what a zero value stands for.
func (e Endpoint) filled() Endpoint {
	if e.format == nil {
		return EndpointOf(&v1alpha1.GoServiceSpec{})
	}
	return e
}

// scheme as a URL has it.
func (e Endpoint) scheme() string { return strings.ToLower(string(e.at.Scheme)) }

func (e Endpoint) port() string { return strconv.Itoa(int(e.at.Port)) }

// counts says what is counted there: where it is another thing, nothing follows from what was counted before.
func (e Endpoint) counts() string {
	var text strings.Builder
	for _, h := range e.filled().format.indicators {
		fmt.Fprintf(&text, "%s %v %v %s %s;", h.Name, h.Unit, h.Labels, h.Failed, h.Ignored)
	}
	return text.String()
}

// Questioner asks Prometheus for the counters of a service's pods, by their names.
type Questioner func(ctx context.Context, service types.NamespacedName, from Endpoint) (map[string]Sample, error)

// Sample of what a pod counts.
type Sample struct {
	// Counters at a moment; where Prometheus has them, that is when it scraped them, by its own clock.
	tuner.Counters
	HandOff HandOff
	// Age is how long before Prometheus' answer that was, by the same clock.
	Age time.Duration
}

// Scraper reads what a pod counts.
type Scraper func(ctx context.Context, pod Pod, from Endpoint) (Sample, error)

// ScrapeDirectly reads pods at their own addresses, which an operator inside the cluster can reach, over connections that
// stay open.
func ScrapeDirectly() Scraper { return scraper(1) }

func scraper(idlePerHost int) Scraper {
	getter := podhttp.NewGetter(podhttp.Options{Timeout: scrapeTimeout, IdlePerHost: idlePerHost, IdleTimeout: 10 * period})
	return func(ctx context.Context, pod Pod, from Endpoint) (sample Sample, err error) {
		from = from.filled()
		err = getter.Get(ctx, from.scheme(), net.JoinHostPort(pod.IP, from.port()), from.at.Path, MaxPageBytes, func(at time.Time, page io.Reader) (err error) {
			sample, err = from.parseAt(at, page)
			return err
		})
		return sample, err
	}
}

// ScrapeThroughAPIServer reads pods through the API server's proxy, for an operator that runs outside the cluster. The
// client must be bound to MaxPageBytes.
func ScrapeThroughAPIServer(client corev1client.PodsGetter) Scraper {
	return func(ctx context.Context, pod Pod, from Endpoint) (Sample, error) {
		from = from.filled()
		page, err := client.Pods(pod.Namespace).ProxyGet(from.scheme(), pod.Name, from.port(), from.at.Path, nil).Stream(ctx)
		if err != nil {
			return Sample{}, err
		}
		defer page.Close()
		return from.parseAt(time.Now(), page)
	}
}

// silence of a pod that does not answer.
type silence struct {
	fair.Backoff
	problem string
	// elsewhere is what was found at other ports, once it has been looked for.
	elsewhere *string
}

// scrape asks some pods, each within its time, which begins when it is its turn. Pods that did not answer last time queue
// apart from those of their namespace that do.
func (l *Loop) scrape(ctx context.Context, f *followed, pods []Pod, from Endpoint) (reports []tuner.Report, problem string) {
	reports = make([]tuner.Report, len(pods))
	samples := make([]Sample, len(pods))
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
			sample, err := l.ask(ctx, pod, from, state.Silent())
			if err != nil {
				state.Failed(time.Now())
				state.problem = "pod " + pod.Name + ": " + podhttp.Clip(err.Error()) // it may quote what the pod answered
				if slow := net.Error(nil); i == 0 && state.elsewhere == nil && !(errors.As(err, &slow) && slow.Timeout()) {
					state.elsewhere = new(l.lookElsewhere(ctx, pod, from))
				}
				if state.elsewhere != nil {
					state.problem += *state.elsewhere
				}
				return
			}
			state.Answered()
			state.problem, state.elsewhere = "", nil
			samples[i] = sample
			reports[i].Counters = &samples[i].Counters
		})
	}
	working.Wait()
	f.silent, f.samples = silent, make(map[string]Sample, len(pods))
	for i, pod := range pods {
		if reports[i].Counters != nil {
			f.samples[pod.Name] = samples[i]
		}
	}
	for _, pod := range pods {
		if state := silent[pod]; state.problem != "" && !pod.Leaving {
			return reports, state.problem
		}
	}
	return reports, ""
}

// ask one pod for its counters.
func (l *Loop) ask(ctx context.Context, pod Pod, from Endpoint, silent bool) (Sample, error) {
	release, _, err := l.options.Slots.Acquire(ctx, fair.Group(pod.Namespace, silent))
	if err != nil {
		return Sample{}, err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	sample, err := l.options.Scrape(ctx, pod, from)
	if sample.At.IsZero() {
		sample.At = time.Now()
	}
	return sample, err
}

// lookElsewhere, once, for the metrics of a pod that answers but does not serve them where its service says, and say what to set. That
// sends a request for /metrics to ports which may be those of its clients.
func (l *Loop) lookElsewhere(ctx context.Context, pod Pod, from Endpoint) string {
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	for _, port := range from.elsewhere {
		there := from
		there.at = indicators.Location{Scheme: corev1.URISchemeHTTP, Port: port, Path: indicators.DefaultPath}
		_, err := l.ask(ctx, pod, there, true)
		var other otherPreset
		switch {
		case err == nil && !from.format.onToolkit:
			return fmt.Sprintf(", but it serves them at port %d: set observability.metrics.port", port)
		case errors.As(err, &other):
			return fmt.Sprintf(", but port %d %s", port, other)
		}
	}
	return ""
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
func (e Endpoint) parseAt(at time.Time, page io.Reader) (Sample, error) {
	sample, err := e.format.parse(page)
	sample.At = at
	return sample, err
}
