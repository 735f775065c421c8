// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"goservice.dev/operator/controllers/tuner"
)

// What is decided by a flow is what is decided by single requests: the same pods at the same time, for as many cores, with bad seconds of
// the same order.
func TestAFlowLeadsToTheDecisionsOfSingleRequests(t *testing.T) {
	service := Default()
	pool := FittedPool(service)
	for _, shape := range []Shape{step(250, usual, 1), diurnal(250, usual, 1), bursty(250, usual, 1)} {
		for _, contender := range []Contender{Operator(), HPAContender(50, 300), HPARequestsContender(60, 60)} {
			t.Run(shape.Name+", "+contender.Name, func(t *testing.T) {
				t.Parallel()
				single, flowing := Run(service, pool, shape, contender, 1), RunFlow(service, Flow{}, pool, shape, contender, 1)
				off := 0.0
				for i := range single.seconds {
					off += math.Abs(float64(single.seconds[i].Ready - flowing.seconds[i].Ready))
				}
				if mean := off / float64(len(single.seconds)); mean > 0.1 {
					t.Errorf("the pods differ by %.2f on average", mean)
				}
				near(t, "core-seconds", flowing.CoreSeconds, single.CoreSeconds, 0.02)
				near(t, "used core-seconds", flowing.Used, single.Used, 0.02)
				near(t, "requests", float64(flowing.Requests), float64(single.Requests), 0.01)
				// In seconds that are at the edge, formulas spread what is lost more evenly than chance does.
				if flowing.BadSeconds > 2*single.BadSeconds+10 || single.BadSeconds > 2*flowing.BadSeconds+10 {
					t.Errorf("%d bad seconds, and %d with single requests", flowing.BadSeconds, single.BadSeconds)
				}
				near(t, "lost requests", float64(flowing.Lost+1000), float64(single.Lost+1000), 0.4)
			})
		}
	}
}

// steadily is a load that stays.
func steadily(rate float64, seconds int) Shape {
	return Shape{Name: "steady", Seconds: float64(warmUp + seconds), Rate: func(float64) float64 { return rate }}
}

func TestRequestsOfAFlowWaitAsInAQueue(t *testing.T) {
	service := Default()
	service.MinReplicas, service.MaxReplicas = 1, 1
	// Nothing but the wait is slow: every request takes 10 ms by itself.
	alike := Flow{Durations: []tuner.Bucket{{UpperBound: 0.0099}, {UpperBound: 0.0101, Count: 1}, {UpperBound: math.Inf(1), Count: 1}}}
	for _, rho := range []float64{0.75, 0.85} {
		r := RunFlow(service, alike, Pool{1000, 1000, time.Second}, steadily(rho*400, 40_000), Unscaled("one pod"), 3)
		want := erlangC(2, rho) * math.Exp(-2*(1-rho)*90/5)
		near(t, fmt.Sprintf("share of slow requests at %v", rho), float64(r.Slow)/float64(r.Requests), want, 0.3)
	}
}

// Pods that share their queue turn less than half of the requests away that each alone turns away, although moving takes CPU, as where each
// request is simulated.
func TestPodsOfAFlowShareTheirQueue(t *testing.T) {
	t.Parallel()
	for _, cores := range []int{1, 2} {
		for _, pods := range []int{2, 8} {
			for _, rho := range []float64{0.6, 0.75, 0.85} {
				service := Default()
				service.Cores, service.MinReplicas, service.MaxReplicas = cores, pods, pods
				what := fmt.Sprintf("%d pods of %d cores at %v", pods, cores, rho)
				pool, shape := FittedPool(service), steadily(rho*200*float64(cores*pods), 200)
				together := Unscaled(what)
				together.Sharing = true
				single, alone, shared := Run(service, pool, shape, together, 1), RunFlow(service, Flow{}, pool, shape, Unscaled(what), 1), RunFlow(service, Flow{}, pool, shape, together, 1)
				near(t, what+": used core-seconds", shared.Used, single.Used, 0.03)
				if off := float64(shared.Lost-single.Lost) / float64(single.Requests); math.Abs(off) > 0.005 {
					t.Errorf("%s: %d lost, and %d with single requests", what, shared.Lost, single.Lost)
				}
				if alone.Lost > 100 && shared.Lost > alone.Lost/2 {
					t.Errorf("%s: %d lost, and %d alone", what, shared.Lost, alone.Lost)
				}
			}
		}
	}
}

func TestAFlowLosesWhatAPodCannotDo(t *testing.T) {
	service := Default()
	service.MinReplicas, service.MaxReplicas = 2, 2
	r := RunFlow(service, Flow{}, FittedPool(service), steadily(1000, 100), Unscaled("two pods"), 1)
	near(t, "lost requests", float64(r.Lost), 200*100, 0.05) // each does 400 a second
	near(t, "used core-seconds", r.Used, 4*100, 0.01)
	if r.BadSeconds != 100 || r.Actions != 0 {
		t.Errorf("%d bad seconds, %d actions", r.BadSeconds, r.Actions)
	}
}

func TestALimitOfAFlowIsNeitherBadNorServed(t *testing.T) {
	service := Default()
	service.MinReplicas, service.MaxReplicas = 2, 2
	r := RunFlow(service, Flow{Limit: 300, Burst: 30}, FittedPool(service), steadily(1000, 100), Unscaled("two pods"), 1)
	near(t, "admitted requests", float64(r.Requests), 300*100, 0.01)
	if r.Lost > 0 || r.BadSeconds > 0 {
		t.Errorf("%d lost, %d bad seconds", r.Lost, r.BadSeconds)
	}
}

// A pod of a tenth of a core costs a tenth of one, and does a tenth.
func TestAFlowHasPartsOfACore(t *testing.T) {
	service := Default()
	service.MinReplicas, service.MaxReplicas, service.Usable, service.Requested = 10, 10, 0.2, 0.1
	r := RunFlow(service, Flow{}, Pool{100, 100, time.Second}, steadily(200, 100), Unscaled("ten pods"), 1)
	near(t, "core-seconds", r.CoreSeconds, 100, 0.01)
	near(t, "used core-seconds", r.Used, 100, 0.02)
	if r.Lost > 0 {
		t.Errorf("%d lost", r.Lost)
	}
}

// The operator decides by the spec that it is given, and tells each change; without tuning it changes nothing.
func TestTheOperatorOfASpecDecidesByIt(t *testing.T) {
	service := Default()
	spec := specOf(service)
	spec.Resources.Requests["cpu"], spec.Resources.Limits["cpu"] = resource.MustParse("500m"), resource.MustParse("500m")
	service.Usable, service.Requested = 0.5, 0.5
	shape := step(100, usual, 1)
	var changes []tuner.Change
	tuned := OperatorOf("half a core", &spec, true, func(c []tuner.Change) { changes = append(changes, c...) })
	r := RunFlow(service, Flow{}, FittedPool(Default()), shape, tuned, 1)
	highest, requests := 0, 0
	for _, m := range r.Moments() {
		highest, requests = max(highest, m.Ready), requests+m.Arrived
	}
	if needed := 400 * 0.005 / 0.5; float64(highest) < needed || requests != r.Requests {
		t.Errorf("%d pods at most, where %.0f are needed at full use; %d requests, and %d in the moments", highest, needed, r.Requests, requests)
	}
	if !slices.ContainsFunc(changes, func(c tuner.Change) bool { return c.What == "replica floor" && c.Reason != "" }) {
		t.Errorf("changes %+v", changes)
	}
	changes = nil
	untuned := OperatorOf("by the spec", &spec, false, func(c []tuner.Change) { changes = append(changes, c...) })
	if r := RunFlow(service, Flow{}, FittedPool(Default()), shape, untuned, 1); r.Actions == 0 || len(changes) > 0 {
		t.Errorf("%d actions of the autoscaler, changes %+v", r.Actions, changes)
	}
}

func BenchmarkADayAsAFlow(b *testing.B) {
	service := Default()
	pool := FittedPool(service)
	day := Shape{Seconds: warmUp + 86_400, Rate: func(at float64) float64 { return 600 - 300*math.Cos(at/86_400*2*math.Pi) }}
	for _, contender := range []Contender{Operator(), HPAContender(50, 300)} {
		b.Run(contender.Name, func(b *testing.B) {
			for range b.N {
				RunFlow(service, Flow{}, pool, day, contender, 1)
			}
		})
	}
}
