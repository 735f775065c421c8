// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"math/rand/v2"
	"testing"
	"time"
)

// sharingSteadily is a world with so many pods under a steady load that keeps them busy by rho, which ends before the simulation does.
func sharingSteadily(pods int, rho float64, sharing bool, change func(*World)) *World {
	service := Default()
	service.MinReplicas, service.MaxReplicas = pods, pods
	rate := rho * float64(pods*service.Cores) / service.CPUTime.Seconds()
	w := newWorld(service, Shape{Name: "steady", Seconds: 130, Rate: func(at float64) float64 {
		if at > 120 {
			return 0
		}
		return rate
	}}, 1)
	w.setPool(Pool{8, 16, 50 * time.Millisecond})
	w.start(Contender{Sharing: sharing, Autoscaler: func(Service) Autoscaler { return idle{} }})
	if change != nil {
		change(w)
	}
	w.run()
	return w
}

// outcome of all requests.
type sum struct{ arrived, answered, failed, served, moved, cpu, slow float64 }

func sumOf(w *World) (s sum) {
	for _, p := range w.pods {
		s.answered += p.requests
		s.failed += p.failed
		s.served += p.served
		s.moved += p.moved
		s.cpu += p.cpu
	}
	for _, second := range w.seconds {
		s.slow += float64(second.Slow)
	}
	s.arrived = w.arrived
	return s
}

// Nothing is lost, doubled, or left behind, however much moves.
func TestEachRequestIsAnsweredOnceWhereverItRuns(t *testing.T) {
	for _, rho := range []float64{0.6, 0.8, 0.95, 1.3} {
		w := sharingSteadily(6, rho, true, nil)
		s := sumOf(w)
		if s.answered != s.arrived || s.served+s.failed != s.answered || s.moved == 0 {
			t.Errorf("busy by %g: %+v", rho, s)
		}
		for _, p := range w.pods {
			if p.inside() != 0 || p.running != 0 || p.reserved != 0 || p.taken != 0 || p.away != 0 {
				t.Errorf("busy by %g: pod %d ends with %d inside, %d running, %d reserved, %d taken, %d away", rho, p.number, p.inside(), p.running, p.reserved, p.taken, p.away)
			}
		}
	}
}

// What moves costs the processors of both sides, and spares requests their wait.
func TestMovingHasItsPriceAndItsGain(t *testing.T) {
	alone, shared := sumOf(sharingSteadily(6, 0.85, false, nil)), sumOf(sharingSteadily(6, 0.85, true, nil))
	if shared.failed > alone.failed/100 || shared.slow > 0.7*alone.slow {
		t.Errorf("alone %+v, in one queue %+v", alone, shared)
	}
	if alone.moved != 0 || shared.moved < 0.03*shared.arrived || shared.moved > 0.2*shared.arrived {
		t.Errorf("moved: %.0f and %.0f of %.0f", alone.moved, shared.moved, shared.arrived)
	}
	// The same seed draws the same costs, so that the rest of the difference is what moved, and the work of requests that were lost alone.
	near(t, "CPU time", shared.cpu-moveCPU*shared.moved, alone.cpu*shared.served/alone.served, 0.01)
}

// lowest is chance that always chooses the first one.
type lowest struct{}

func (lowest) Uint64() uint64 { return 0 }

// One pod that gets all requests shares them with the others.
func TestPodsWithoutRequestsOfTheirOwnAreUsed(t *testing.T) {
	funnel := func(w *World) { // the load of two and a half pods
		w.random.balancing = rand.New(lowest{})
	}
	alone, shared := sumOf(sharingSteadily(6, 0.42, false, funnel)), sumOf(sharingSteadily(6, 0.42, true, funnel))
	if alone.failed < 0.5*alone.arrived || shared.failed > 0.02*shared.arrived {
		t.Errorf("refused: %.0f of %.0f alone, %.0f in one queue", alone.failed, alone.arrived, shared.failed)
	}
}

// A pod that goes takes no more requests of others, and its own are answered.
func TestAPodThatLeavesTakesNothing(t *testing.T) {
	w := sharingSteadily(6, 0.8, true, func(w *World) {
		w.after(60, func() {
			w.service.MinReplicas = 5
			w.scaleNow(5)
		})
		w.after(60.1, func() { // what was on its way is here
			taken := w.pods[5].taken
			for at := 0.0; at < 4; at += 0.01 {
				w.after(at, func() {
					if p := w.pods[5]; p.number == 5 && p.taken > taken {
						t.Errorf("%d requests of others in a pod that leaves, were %d", p.taken, taken)
					} else if p.number == 5 {
						taken = p.taken
					}
				})
			}
		})
	})
	if len(w.pods) != 5 {
		t.Errorf("%d pods", len(w.pods))
	}
	answered := 0.0
	for _, p := range w.pods {
		answered += p.requests
	}
	if s := sumOf(w); s.moved == 0 || answered >= w.arrived {
		t.Errorf("%+v: the pod that has gone answered none", s)
	}
}
