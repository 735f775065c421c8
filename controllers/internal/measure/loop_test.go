// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/fair"
	"goservice.dev/operator/controllers/tuner"
)

// cluster stands in for the pods of one service that all serve at a rate.
type cluster struct {
	mu        sync.Mutex
	start     time.Time
	perSecond float64 // of each pod
	slow      float64
	down      bool
	words     string // of the error while it is down
	silent    string // is a pod that answers nothing until the question is given up
	at        map[string]time.Time
	counted   map[string]float64
	changes   int
	// moved part of the requests, and peers of each pod; nil: it shares no queue.
	moved float64
	peers map[string]*float64
	asked map[string][]time.Time
}

func newCluster() *cluster {
	return &cluster{start: time.Now(), at: map[string]time.Time{}, counted: map[string]float64{}, asked: map[string][]time.Time{}}
}

func (c *cluster) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

func (c *cluster) scrape(ctx context.Context, pod Pod, _ Endpoint) (Sample, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[pod.Name] = append(c.asked[pod.Name], time.Now())
	if pod.Name == c.silent {
		c.mu.Unlock()
		<-ctx.Done()
		c.mu.Lock()
		return Sample{}, ctx.Err()
	}
	if c.down {
		return Sample{}, errors.New("does not answer" + c.words)
	}
	if last, known := c.at[pod.Name]; known {
		c.counted[pod.Name] += c.perSecond * time.Since(last).Seconds()
	}
	c.at[pod.Name] = time.Now()
	n := c.counted[pod.Name]
	handOff := HandOff{Moved: math.Floor(n * c.moved), HopSeconds: 0.0003, Peers: c.peers[pod.Name]}
	return Sample{HandOff: handOff, Counters: tuner.Counters{
		Requests: n, Served: n, ServiceSeconds: n * 0.010, DurationSeconds: n * 0.010, CPUSeconds: n * 0.005,
		StartSeconds: float64(c.start.Unix()), Workers: 128, Processors: 2,
		Buckets: []tuner.Bucket{{UpperBound: 0.1, Count: n * (1 - c.slow)}, {UpperBound: math.Inf(1), Count: n}},
	}}, nil
}

var serviceName = types.NamespacedName{Namespace: "shop", Name: "checkout"}

func targetOf(pods int32) Target {
	lowest, highest := int32(2), int32(40)
	target := Target{Target: tuner.Target{
		Spec: &v1alpha1.GoServiceSpec{
			SLO: &v1alpha1.SLOSpec{Availability: "99.9", Latency: &v1alpha1.LatencyObjective{
				Threshold: metav1.Duration{Duration: 100 * time.Millisecond}, Percentile: "99",
			}},
			Autoscaling: &v1alpha1.AutoscalingSpec{MinReplicas: &lowest, MaxReplicas: &highest},
			Resources: &v1alpha1.ResourcesSpec{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2")},
				Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2")},
			},
		},
		Wanted: pods, Ready: pods, Floor: 2,
	}}
	for i := range pods {
		target.Pods = append(target.Pods, Pod{Namespace: "shop", Name: fmt.Sprintf("checkout-%d", i), IP: "192.0.2.1", Ready: true})
	}
	return target
}

// running calls test beside a loop, in a bubble where time passes when nobody works.
func running(t *testing.T, test func(*cluster, *Loop)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster()
		loop := NewLoop(LoopOptions{
			Slots:   fair.NewScheduler(fair.Options{Slots: 32, SlotsPerGroup: 16}),
			Scrape:  c.scrape,
			Changed: func(types.NamespacedName) { c.set(func() { c.changes++ }) },
			Decided: func(types.NamespacedName, tuner.Change) {},
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- loop.Start(ctx) }()
		test(c, loop)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestLoopAnswersAStepWithinFiveSeconds(t *testing.T) {
	running(t, func(c *cluster, loop *Loop) {
		c.set(func() { c.perSecond = 200 })
		first := loop.Follow(serviceName, targetOf(3))
		if first.Measured || !first.Early || first.Tuned.ReplicaFloor != nil {
			t.Errorf("at first: %+v", first)
		}
		pass(5 * time.Minute)
		settled := loop.Follow(serviceName, targetOf(3))
		if !settled.Measured || settled.Cost != (tuner.Cost{ServiceTime: 10 * time.Millisecond, CPUTime: 5 * time.Millisecond}) || settled.Burning {
			t.Errorf("settled: %+v", settled)
		}
		c.set(func() { c.perSecond = 800 })
		pass(5 * time.Second)
		if got := loop.Follow(serviceName, targetOf(3)).Tuned.ReplicaFloor; got.Value < 9 {
			t.Errorf("floor %d five seconds after a step to 2400/s: %s", got.Value, got.Reason)
		}
	})
}

// The assumed cost of a request on a small part of a core is high; no decision may be made by it once the cost is measured.
func TestFirstDecisionIsByTheMeasuredCost(t *testing.T) {
	running(t, func(c *cluster, loop *Loop) {
		c.set(func() { c.perSecond = 6.5 })
		target := targetOf(2)
		target.Spec.SLO.Latency.Threshold.Duration = 500 * time.Millisecond
		small := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m")}
		target.Spec.Resources = &v1alpha1.ResourcesSpec{Requests: small, Limits: small}
		loop.Follow(serviceName, target)
		pass(time.Minute)
		got := loop.Follow(serviceName, target)
		if got.Cost.CPUTime != 5*time.Millisecond || got.Tuned.ReplicaFloor.Value != 2 {
			t.Errorf("floor %+v by a cost of %+v", got.Tuned.ReplicaFloor, got.Cost)
		}
		for _, change := range got.History {
			if change.What == "replica floor" {
				t.Errorf("the floor went %s → %s: %s", change.From, change.To, change.Reason)
			}
		}
	})
}

func TestLoopIsSilentWhileNothingChanges(t *testing.T) {
	running(t, func(c *cluster, loop *Loop) {
		c.set(func() { c.perSecond = 200 })
		loop.Follow(serviceName, targetOf(3))
		pass(10 * time.Minute)
		c.set(func() { c.changes = 0 })
		pass(10 * time.Minute)
		if c.set(func() {}); c.changes > 2 { // the error budget's figures, once in five minutes
			t.Errorf("%d times told in ten minutes of the same load", c.changes)
		}
	})
}

func TestLoopSaysWhatIsMissed(t *testing.T) {
	running(t, func(c *cluster, loop *Loop) {
		c.set(func() { c.perSecond, c.slow = 200, 0.05 })
		loop.Follow(serviceName, targetOf(3))
		pass(3 * time.Minute)
		if got := loop.Follow(serviceName, targetOf(3)); !got.Burning || got.BudgetLeft >= 0 {
			t.Errorf("burning %v, budget left %v", got.Burning, got.BudgetLeft)
		}
	})
}

func TestLoopWithoutMeasurements(t *testing.T) {
	running(t, func(c *cluster, loop *Loop) {
		c.set(func() { c.down = true })
		target := targetOf(3)
		target.Learned = tuner.Learned{Cost: tuner.Cost{CPUTime: 4 * time.Millisecond}}.WithFloor(7)
		loop.Follow(serviceName, target)
		for _, wait := range []time.Duration{10 * time.Second, time.Minute, 24 * time.Hour} {
			pass(wait)
			got := loop.Follow(serviceName, target)
			if got.Tuned.ReplicaFloor == nil || got.Tuned.ReplicaFloor.Value != 7 || got.Cost != target.Learned.Cost {
				t.Errorf("%s later an earlier operator's floor and cost are %+v and %+v", wait, got.Tuned.ReplicaFloor, got.Cost)
			}
			if got.Measured || got.Early != (wait < time.Minute) || !strings.Contains(got.Problem, "does not answer") {
				t.Errorf("never measured: %+v", got)
			}
		}
		loop.Forget(serviceName)
		pass(10 * time.Second)
	})
}

// A node that dies makes its pods silent, and some time later they leave or answer again.
func TestASilentPodMakesNoPanic(t *testing.T) {
	running(t, func(c *cluster, loop *Loop) {
		c.set(func() { c.perSecond = 250 })
		loop.Follow(serviceName, targetOf(10))
		pass(5 * time.Minute)
		before := loop.Follow(serviceName, targetOf(10)).Tuned.ReplicaFloor.Value
		for range 10 {
			c.set(func() { c.silent = "checkout-3" })
			pass(7 * time.Second)
			c.set(func() { c.silent = "" })
			pass(11 * time.Second)
			if got := loop.Follow(serviceName, targetOf(10)).Tuned.ReplicaFloor; got.Value > before+1 {
				t.Fatalf("the floor went from %d to %d: %s", before, got.Value, got.Reason)
			}
		}
	})
}

// What a pod answers may be in the error, and the problem ends up in a condition.
func TestAProblemIsShort(t *testing.T) {
	running(t, func(c *cluster, loop *Loop) {
		c.set(func() { c.down, c.words = true, "\x1b[2J"+strings.Repeat("look at me\n", 50000) })
		loop.Follow(serviceName, targetOf(3))
		pass(time.Minute)
		got := loop.Follow(serviceName, targetOf(3)).Problem
		if !strings.Contains(got, "[2Jlook at me look") || len(got) > 300 || strings.ContainsAny(got, "\x1b\n") {
			t.Errorf("problem of %d bytes: %.400q", len(got), got)
		}
	})
}

func TestLostMeasurementsKeepTheFloor(t *testing.T) {
	running(t, func(c *cluster, loop *Loop) {
		c.set(func() { c.perSecond = 800 })
		loop.Follow(serviceName, targetOf(10))
		pass(3 * time.Minute)
		before := loop.Follow(serviceName, targetOf(10)).Tuned.ReplicaFloor.Value
		c.set(func() { c.down = true })
		pass(30 * time.Minute)
		got := loop.Follow(serviceName, targetOf(10))
		if got.Measured || got.Tuned.ReplicaFloor.Value < before || got.Frozen == "" {
			t.Errorf("measured %v, floor %+v (was %d), frozen %q", got.Measured, got.Tuned.ReplicaFloor, before, got.Frozen)
		}
	})
}

func TestManyPodsAreSampled(t *testing.T) {
	target := targetOf(40)
	first, second := sampleOf(target.Pods), sampleOf(target.Pods)
	if len(first) != maxAsked {
		t.Fatalf("%d pods asked", len(first))
	}
	for i := range first {
		if first[i] != second[i] {
			t.Fatal("another sample each round: no rate can be told")
		}
	}
}

// on is the toolkit's endpoint on another port.
func on(port string) Endpoint {
	e := Endpoint{}.filled()
	number, _ := strconv.Atoi(port)
	e.at.Port = int32(number)
	return e
}

func TestScrapeDirectly(t *testing.T) {
	pages := map[string]string{"/metrics": "goservice_service_seconds_count 7\n"}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(pages[r.URL.Path]))
	}))
	defer server.Close()
	host, port, err := net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := ScrapeDirectly()(t.Context(), Pod{IP: host}, on(port))
	if err != nil || got.Served != 7 || got.At.IsZero() {
		t.Errorf("served %v at %v, error %v", got.Served, got.At, err)
	}
}

// TestMetricsElsewhereAreFound lets the operator say what to set for a pod that does not serve metrics where its service says.
func TestMetricsElsewhereAreFound(t *testing.T) {
	t.Parallel()
	const (
		middleware = "http_request_duration_seconds_bucket{code=\"200\",le=\"+Inf\"} 3\nhttp_request_duration_seconds_sum{code=\"200\"} 1\nhttp_request_duration_seconds_count{code=\"200\"} 3\n"
		toolkit    = "goservice_service_seconds_count 7\n"
	)
	for name, c := range map[string]struct {
		page   string
		preset v1alpha1.IndicatorsPreset
		want   string
	}{
		"metrics of another preset":                {middleware, "", `, but port %s serves metrics that observability.metrics.indicators: Prometheus reads`},
		"the metrics that the service names":       {middleware, v1alpha1.IndicatorsPrometheus, `, but it serves them at port %s: set observability.metrics.port`},
		"metrics that no preset reads":             {"go_goroutines 7\n", "", ""},
		"the toolkit's, whose port cannot be set":  {toolkit, "", ""},
		"a page that is none":                      {"<html>", v1alpha1.IndicatorsGRPC, ""},
		"metrics of another preset than the named": {middleware, v1alpha1.IndicatorsGRPC, `, but port %s serves metrics that observability.metrics.indicators: Prometheus reads`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(c.page)) }))
			defer server.Close()
			host, port, err := net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			number, err := strconv.Atoi(port)
			if err != nil {
				t.Fatal(err)
			}
			spec := specOf(c.preset)
			spec.Image, spec.Port = "example.com/shop", 1 // nobody listens there
			spec.Ports = []v1alpha1.PortSpec{{Name: "http-metrics", Port: int32(number)}}
			loop := NewLoop(LoopOptions{Slots: fair.NewScheduler(fair.Options{Slots: 1, SlotsPerGroup: 1}), Scrape: ScrapeDirectly()})
			want := ""
			if c.want != "" {
				want = fmt.Sprintf(c.want, port)
			}
			if got := loop.lookElsewhere(t.Context(), Pod{IP: host}, EndpointOf(spec)); got != want {
				t.Errorf("says %q, want %q", got, want)
			}
		})
	}
}

func TestNothingIsToldOfAServiceThatIsForgotten(t *testing.T) {
	told := 0
	l := NewLoop(LoopOptions{Decided: func(types.NamespacedName, tuner.Change) { told++ }})
	l.Follow(serviceName, targetOf(1))
	underWay, changes := l.services[serviceName], []tuner.Change{{What: "floor"}, {What: "pool"}}
	l.tell(underWay, changes)
	if told != 2 {
		t.Errorf("told of %d of 2 changes", told)
	}
	l.Forget(serviceName)
	l.tell(underWay, changes)
	l.Follow(serviceName, targetOf(1)) // of the same name
	l.tell(underWay, changes)
	if told != 2 {
		t.Errorf("told of %d changes after the service was forgotten", told-2)
	}
}

// Ten thousand services without pods must not cost rounds, and the first pod must not wait for one.
func TestAServiceWithoutPodsHasFewRounds(t *testing.T) {
	running(t, func(c *cluster, loop *Loop) {
		began := func() time.Time {
			loop.mu.Lock()
			defer loop.mu.Unlock()
			return loop.services[serviceName].began
		}
		loop.Follow(serviceName, targetOf(0))
		pass(period)
		first := began()
		pass(idle / 2)
		if !began().Equal(first) {
			t.Error("a second round within half the idle period")
		}
		pass(idle)
		if second := began(); second.Sub(first) != idle {
			t.Errorf("the second round came after %s", second.Sub(first))
		}
		loop.Follow(serviceName, targetOf(1))
		appeared := time.Now()
		pass(period)
		if round := began(); round.Before(appeared) {
			t.Error("the first pod waits for the next idle round")
		}
	})
}
