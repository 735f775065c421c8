// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"fmt"
	"math"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
)

func TestEstimatesOfASteadyLoad(t *testing.T) {
	f, e := newFleet(4), &Estimator{}
	f.steady(e, 40, 100, 0.02)
	got := e.Estimate(100 * time.Millisecond)
	near(t, "demand", got.Demand.PerSecond(), 400, 1e-6)
	near(t, "demand of the panic window", got.DemandPanic.PerSecond(), 400, 1e-6)
	near(t, "seconds of the stable window", got.Demand.Seconds, 60, 0)
	near(t, "seconds of the panic window", got.DemandPanic.Seconds, 6, 0)
	near(t, "trend", got.Trend, 0, 0)
	near(t, "service time", got.ServiceTime.Seconds(), 0.010, 1e-6)
	near(t, "CPU time", got.CPUTime.Seconds(), 0.005, 1e-6)
	near(t, "concurrency", got.Concurrency, 400*0.012, 1e-6)
	near(t, "done in the last round", got.Done.PerSecond(), 400, 1e-6)
	near(t, "done in the one before", got.DoneBefore.PerSecond(), 400, 1e-6)
	near(t, "cores", got.CPU, 2, 1e-6)
	near(t, "slow share", got.Objectives.SlowShare(), 0.02, 1e-6)
	if !got.Known {
		t.Error("not known")
	}
}

// What waits in the pods that were asked stands for what waits in all.
func TestWhatWaitsInPodsThatWereNotAskedCounts(t *testing.T) {
	for name, c := range map[string]struct {
		pods, asked, silent int
		backlog             float64
	}{
		"all were asked":       {4, 4, 0, 4 * 3},
		"a quarter was":        {40, 10, 0, 40 * 3},
		"some did not answer":  {40, 10, 2, 40 * 3},
		"one answers for all":  {5, 1, 0, 5 * 3},
		"more than there were": {3, 4, 0, 4 * 3},
		"nobody answers":       {4, 4, 4, 0},
	} {
		f, e := newFleet(c.asked), &Estimator{}
		for _, counters := range f.counters {
			counters.Queued, counters.Busy = 3, 2
		}
		for range 2 {
			reports := f.run(tick, 100, 0)
			for i := range c.silent {
				reports[i].Counters = nil
			}
			e.Observe(f.at, c.pods, reports)
		}
		got := e.Estimate(100 * time.Millisecond)
		near(t, name+": the backlog", got.Backlog, c.backlog, 1e-9)
		saturation := 2.0 / 16
		if c.silent == c.asked {
			saturation = 0
		}
		near(t, name+": the busy share of the workers", got.Saturation, saturation, 1e-9)
	}
}

// A pod that was silent for a round rejected what it did over two of them.
func TestWhatASilentPodRejectedCountsForItsWholeSilence(t *testing.T) {
	f, e := newFleet(1), &Estimator{}
	f.steady(e, 3, 100, 0)
	f.run(tick, 100, 0)
	e.Observe(f.at, 1, []Report{{"p0", nil}})
	counters := f.counters["p0"]
	counters.Requests, counters.Rejected, counters.Refused = counters.Requests+100, counters.Rejected+100, counters.Refused+40
	reports := f.run(tick, 100, 0)
	e.Observe(f.at, 1, reports)
	near(t, "rejected in the last round, without those beyond the rate limit", e.Estimate(0).Rejected, (100-40)/2, 1e-9)
}

func TestEstimatesCount(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Counters)
		check  func(*testing.T, Estimates)
	}{
		"rejected requests as demand": {
			func(c *Counters) { c.Requests, c.Rejected, c.Failed = c.Requests+100, c.Rejected+100, c.Failed+100 },
			func(t *testing.T, e Estimates) {
				near(t, "demand now", e.DemandNow.PerSecond(), 2*(100+50), 1e-6)
				near(t, "failed share", e.Objectives.FailedShare(), 200.0/(29*400+200), 1e-6)
			},
		},
		"hanging requests as demand": {
			func(c *Counters) { c.Active += 60 },
			func(t *testing.T, e Estimates) { near(t, "demand now", e.DemandNow.PerSecond(), 2*(100+30), 1e-6) },
		},
		"rate-limited requests as demand but not as failed": {
			func(c *Counters) { c.Requests, c.Rejected, c.RateLimited = c.Requests+100, 100, 100 },
			func(t *testing.T, e Estimates) {
				near(t, "demand now", e.DemandNow.PerSecond(), 2*(100+50), 1e-6)
				near(t, "failed share", e.Objectives.FailedShare(), 0, 0)
				near(t, "total", e.Objectives.Total, 29*400, 1e-6)
			},
		},
		"a restarted pod from zero": {
			func(c *Counters) {
				*c = Counters{StartSeconds: c.StartSeconds + 1, Requests: 40, Served: 40, Buckets: c.Buckets}
			},
			func(t *testing.T, e Estimates) { near(t, "demand now", e.DemandNow.PerSecond(), 2*20, 1e-6) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, e := newFleet(2), &Estimator{}
			f.steady(e, 29, 100, 0)
			f.run(tick, 100, 0)
			reports := make([]Report, 0, 2)
			for pod, counters := range f.counters {
				c.change(counters)
				reports = append(reports, Report{pod, counters})
			}
			e.Observe(f.at, 2, reports)
			c.check(t, e.Estimate(100*time.Millisecond))
		})
	}
}

func TestPodsThatAreNotAskedAreStoodFor(t *testing.T) {
	f, e := newFleet(3), &Estimator{}
	for range 31 {
		reports := f.run(tick, 100, 0)
		e.Observe(f.at, 30, reports) // a sample
	}
	sampled := e.Estimate(0)
	near(t, "demand by a sample", sampled.Demand.PerSecond(), 3000, 1e-6)
	if !sampled.Known {
		t.Error("all who were asked answered")
	}
	for range 5 {
		reports := f.run(tick, 100, 0)
		for range 4 {
			reports = append(reports, Report{Pod: "silent"})
		}
		e.Observe(f.at, 7, reports)
	}
	if e.Estimate(0).Known {
		t.Error("less than a half answered")
	}
	f, e = newFleet(20), &Estimator{}
	for range 30 {
		reports := f.run(tick, 100, 0)
		for i := range reports {
			if i >= 15 {
				reports[i].Counters = nil
			}
		}
		e.Observe(f.at, 20, reports)
	}
	near(t, "demand", e.Estimate(0).Demand.PerSecond(), 2000, 0.02)
}

func TestNewPodsWithoutTrafficAreNotScaledTo(t *testing.T) {
	f, e := newFleet(2), &Estimator{}
	f.steady(e, 30, 100, 0)
	reports := f.run(tick, 100, 0)
	for i := range 2 { // have run for long before the operator hears of them: nothing is known of this round's part
		reports = append(reports, Report{fmt.Sprintf("new%d", i), &Counters{StartSeconds: 1, Requests: 1e6}})
	}
	e.Observe(f.at, 4, reports)
	near(t, "demand now", e.Estimate(0).DemandNow.PerSecond(), 200, 1e-6)
}

func TestAPodThatStartedSinceTheLastRoundCountsFromItsStart(t *testing.T) {
	f, e := newFleet(2), &Estimator{}
	f.steady(e, 30, 100, 0)
	f.start("new")
	f.counters["new"].StartSeconds++
	f.steady(e, 1, 100, 0)
	near(t, "demand now", e.Estimate(0).DemandNow.PerSecond(), 300, 1e-6)
}

func TestLostMeasurementsAreNotKnown(t *testing.T) {
	f, e := newFleet(2), &Estimator{}
	f.steady(e, 30, 100, 0)
	for range 3 {
		f.run(tick, 100, 0)
		e.Observe(f.at, 2, []Report{{"p0", nil}, {"p1", nil}})
	}
	if e.Estimate(0).Known {
		t.Error("known although nobody answers")
	}
	f.steady(e, 4, 100, 0)
	got := e.Estimate(0)
	if !got.Known {
		t.Error("not known although all answer again")
	}
	near(t, "demand now", got.DemandNow.PerSecond(), 200, 1e-6)
}

// The times of readings differ from those of rounds: what a pod counted belongs to the time between two of its own readings.
func TestOneSlowPodChangesNoRate(t *testing.T) {
	f, e := newFleet(2), &Estimator{}
	f.steady(e, 30, 100, 0)
	for round := range 6 {
		reports := f.run(tick, 100, 0)
		for _, report := range reports {
			report.Counters.At = f.at
			if report.Pod == "p0" && round%2 == 0 { // its answer comes a second late, with a second's requests more
				report.Counters.At = f.at.Add(time.Second)
				report.Counters.Requests += 100
			}
		}
		e.Observe(f.at, 2, reports)
		near(t, "demand now", e.Estimate(0).DemandNow.PerSecond(), 200, 1e-6)
	}
}

func TestAPodThatWasSilentForARoundChangesNoRate(t *testing.T) {
	f, e := newFleet(3), &Estimator{}
	f.steady(e, 30, 100, 0)
	for round := range 6 {
		reports := f.run(tick, 100, 0)
		for i := range reports {
			reports[i].Counters.At = f.at.Add(10 * time.Millisecond)
			if reports[i].Pod == "p0" && round%3 == 0 {
				reports[i].Counters = nil
			}
		}
		e.Observe(f.at, 3, reports)
		near(t, "demand now", e.Estimate(0).DemandNow.PerSecond(), 300, 0.01)
	}
}

// Where pods are overloaded, handlers take longer because they wait for a processor: that is not what a request takes by itself, also
// where the overload is all that this operator has seen.
func TestOverloadDoesNotCountAsServiceTime(t *testing.T) {
	for name, c := range map[string]struct {
		overload func(*Counters)
		want     float64
	}{
		"a slow dependency":            {func(*Counters) {}, 0.050},
		"requests wait for a worker":   {func(c *Counters) { c.Queued = 3 }, 0.010},
		"requests are turned away":     {func(c *Counters) { c.Rejected += 10 }, 0.010},
		"some are beyond a rate limit": {func(c *Counters) { c.Rejected, c.Refused = c.Rejected+10, c.Refused+10 }, 0.050},
	} {
		for before, begin := range map[string]func(*fleet, *Estimator){
			"measured before": func(f *fleet, e *Estimator) { f.steady(e, 30, 100, 0) },
			"learned earlier": func(_ *fleet, e *Estimator) {
				e.presume(Cost{ServiceTime: 10 * time.Millisecond, CPUTime: 5 * time.Millisecond})
			},
		} {
			t.Run(name+", "+before, func(t *testing.T) {
				f, e := newFleet(2), &Estimator{}
				begin(f, e)
				for range 200 {
					for _, counters := range f.counters {
						counters.ServiceSeconds += 100 * tick.Seconds() * 0.040 // 10 ms are counted anyway
						c.overload(counters)
					}
					f.steady(e, 1, 100, 0)
				}
				near(t, "service time", e.Estimate(0).ServiceTime.Seconds(), c.want, 0.01)
			})
		}
	}
}

func TestQuantile(t *testing.T) {
	var h histogram
	if got := h.quantile(0.99); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	h.add([]Bucket{{0.1, 50}, {0.2, 100}, {math.Inf(1), 100}}, 1, nil)
	for q, want := range map[float64]time.Duration{0.25: 50 * time.Millisecond, 0.75: 150 * time.Millisecond, 1: 200 * time.Millisecond} {
		if got := h.quantile(q); (got - want).Abs() > time.Microsecond {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	beyond := histogram{}
	beyond.add([]Bucket{{0.1, 1}, {math.Inf(1), 100}}, 1, nil)
	if got := beyond.quantile(0.99); got != 100*time.Millisecond {
		t.Errorf("beyond the last bound: %v", got)
	}
}

// Thousands of services are followed at once, each by what its own pods sent.
func TestOnlyWhatIsReadIsKept(t *testing.T) {
	f, e := newFleet(3), &Estimator{}
	f.steady(e, 500, 100, 0)
	if kept, read := len(e.samples), int(StableWindow/tick); kept > read || cap(e.samples) > 4*read {
		t.Errorf("%d samples are kept in room for %d, and %d are read", kept, cap(e.samples), read)
	}
	for i := range e.samples {
		if bounds := e.samples[i].durations.bounds; &bounds[0] != &e.bounds[0] {
			t.Fatal("samples of the same bounds have bounds of their own")
		}
	}
	silent, now := &Estimator{}, time.Unix(0, 0)
	for range int(StableWindow / tick) {
		now = now.Add(tick)
		silent.Observe(now, 1, []Report{{Pod: "a"}})
	}
	if kept, read := len(silent.samples), int(PanicWindow/tick); kept > read {
		t.Errorf("of pods that do not answer %d samples are kept, and %d are read", kept, read)
	}
}

// Rounds without pods are rare: the time before the first pod must not count as measured calm.
func TestTheTimeWithoutPodsIsNoDemandOfNone(t *testing.T) {
	e, now := &Estimator{}, time.Unix(1000, 0)
	e.Observe(now, 0, nil)
	counters := func(requests float64) []Report {
		return []Report{{Pod: "a", Counters: &Counters{Requests: requests, StartSeconds: 1028}}}
	}
	e.Observe(now.Add(30*time.Second), 1, counters(0))
	if got := e.Estimate(0); got.Known || got.Demand.Seconds != 0 {
		t.Errorf("known after the first answer of the first pod: %+v", got.Demand)
	}
	e.Observe(now.Add(32*time.Second), 1, counters(200))
	if got := e.Estimate(0); !got.Known || got.Demand != (Rate{200, 2}) {
		t.Errorf("demand %+v", got.Demand)
	}
}

func TestHistogramsOfOtherBoundsAreLeftOut(t *testing.T) {
	var h histogram
	h.add([]Bucket{{0.1, 1}, {math.Inf(1), 2}}, 2, []float64{0.1, math.Inf(1)})
	h.add([]Bucket{{0.2, 100}, {math.Inf(1), 100}}, 1, nil)
	other := histogram{}
	other.add([]Bucket{{math.Inf(1), 50}}, 1, nil)
	h.merge(other)
	h.merge(h)
	if h.total() != 8 || h.within(100*time.Millisecond) != 4 {
		t.Errorf("total %v, within the first bound %v", h.total(), h.within(100*time.Millisecond))
	}
}

// specified is a spec with an objective whose pods take 2·0.72/0.005 = 288 requests per second.
func specified() *v1alpha1.GoServiceSpec {
	lowest, highest := int32(2), int32(40)
	cpu := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2")}
	return &v1alpha1.GoServiceSpec{
		SLO: &v1alpha1.SLOSpec{Availability: "99.9", Latency: &v1alpha1.LatencyObjective{
			Threshold: metav1.Duration{Duration: 100 * time.Millisecond}, Percentile: "99",
		}},
		Autoscaling: &v1alpha1.AutoscalingSpec{MinReplicas: &lowest, MaxReplicas: &highest},
		Resources:   &v1alpha1.ResourcesSpec{Requests: cpu, Limits: cpu},
	}
}

// While a pod does not say how many workers it may have, its pool does not size itself, and nothing is counted on beyond the plan's.
func TestTheMostWorkersAreThoseThatEachPodMayHave(t *testing.T) {
	for want, pods := range map[float64][]float64{4096: {4096, 4096, 4096}, 8: {4096, 8, 4096}, 0: {4096, 0, 4096}} {
		f, e := newFleet(3), &Estimator{}
		for i, most := range pods {
			f.counters[fmt.Sprintf("p%d", i)].MostWorkers = most
		}
		e.Observe(f.at, 3, f.run(time.Second, 10, 0))
		if got := e.Estimate(0).MostWorkers; got != want {
			t.Errorf("%v workers of pods with %v, want %v", got, pods, want)
		}
	}
}
