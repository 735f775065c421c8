// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// alone is a world with one pod whose pool lets everybody in, under a steady load.
func alone(service Service, rate, seconds float64) (*World, *Pod) {
	w := newWorld(service, Shape{Name: "steady", Seconds: seconds, Rate: func(float64) float64 { return rate }}, 1)
	w.setPool(Pool{math.MaxInt32, 0, time.Hour})
	return w, w.createReady()
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within*math.Abs(want) {
		t.Errorf("%s is %.6g, want %.6g within %g%%", what, got, want, 100*within)
	}
}

// A single core is an M/G/1 queue: its mean wait is known (Pollaczek 1930, Khinchine 1932).
func TestOneCoreIsTheTextbooksQueue(t *testing.T) {
	for _, c := range []struct{ variation, rho float64 }{{0.5, 0.6}, {0.5, 0.8}, {0.1, 0.7}} {
		service := Default()
		service.CPUTime, service.Cores, service.Wait, service.Variation = 2*time.Millisecond, 1, 0, c.variation // short, so that no slice ends before its request
		w, p := alone(service, c.rho/0.002, 2000)
		w.run()
		want := 0.002 + c.rho*0.002*(1+c.variation*c.variation)/(2*(1-c.rho))
		near(t, fmt.Sprintf("mean time in the system at %v and variation %v", c.rho, c.variation), p.durationSeconds/p.served, want, 0.03)
	}
}

// With exponential CPU times, several cores are an M/M/m queue: its mean wait follows from Erlang's formula (1917). The simulator's
// CPU times are log-normal; for a variation of 1 the approximation of A. Allen and J. Cunneen for M/G/m has the same mean wait.
func TestSeveralCoresAreTheTextbooksQueue(t *testing.T) {
	service := Default()
	service.CPUTime, service.Wait = time.Millisecond, 0
	for _, cores := range []int{2, 4} {
		for _, rho := range []float64{0.5, 0.8} {
			service.Cores = cores
			w, p := alone(service, rho*float64(cores)/0.001, 500)
			w.run()
			want := 0.001 + erlangC(cores, rho)*0.001/(float64(cores)*(1-rho))
			near(t, fmt.Sprintf("mean time at %d cores busy by %v", cores, rho), p.durationSeconds/p.served, want, 0.05)
		}
	}
}

// erlangC is the probability of having to wait, as a sum of the states' probabilities.
func erlangC(servers int, rho float64) float64 {
	load, term, sum := float64(servers)*rho, 1.0, 1.0
	for k := 1; k < servers; k++ {
		term *= load / float64(k)
		sum += term
	}
	term *= load / float64(servers) / (1 - rho)
	return term / (sum + term)
}

// By Little's law, the requests inside on average are the rate times the time inside.
func TestRequestSecondsKeepLittlesLaw(t *testing.T) {
	w, p := alone(Default(), 300, 600)
	w.run()
	near(t, "mean concurrency", p.RequestSeconds()/600, p.served/600*p.durationSeconds/p.served, 0.005)
	// A Knative user's target is this mean, by the same formulas.
	near(t, "concurrency at 75%", p.RequestSeconds()/600, concurrencyAt(0.75, Default()), 0.05)
	if got, want := concurrencyAt(0.5, Service{CPUTime: time.Millisecond, Cores: 1}), 1.0; math.Abs(got-want) > 1e-9 {
		t.Errorf("an M/M/1 queue at 50%% holds %v requests, want ρ/(1−ρ) = 1", got)
	}
}

// Arrivals follow the shape, and costs their distribution.
func TestArrivalsAndCostsAreAsDeclared(t *testing.T) {
	shape := Shape{Name: "steps", Seconds: 1000, Rate: func(at float64) float64 {
		if at < 500 {
			return 100
		}
		return 300
	}}

	service := Default()
	w := newWorld(service, shape, 3)
	w.setPool(Pool{math.MaxInt32, 0, time.Hour})
	for range 10 {
		w.createReady()
	}
	w.run()
	first, all, served, cpu := 0, 0, 0.0, 0.0
	for i, s := range w.seconds {
		if i < 500 {
			first += s.Arrived
		}
		all += s.Arrived
	}
	for _, p := range w.pods {
		served += p.served
		cpu += p.cpu
		near(t, "requests of a pod of ten", p.requests, float64(all)/10, 0.03)
	}
	near(t, "requests of the first half", float64(first), 50_000, 0.02)
	near(t, "requests of the second half", float64(all-first), 150_000, 0.01)
	near(t, "CPU time of a request", cpu/served, 0.005, 0.01)
	near(t, "used core-seconds", w.busyArea, cpu, 1e-9)
	var square float64
	const draws = 200_000
	for range draws {
		square += math.Pow(w.cpuTime()/0.005-1, 2)
	}
	near(t, "variation of CPU times", math.Sqrt(square/draws), service.Variation, 0.05)
}

// conserved is what must hold at the end of every simulation.
func conserved(t *testing.T, w *World, ledger *lives) {
	t.Helper()
	arrived, slow, lost := 0, 0, 0
	for _, s := range w.seconds {
		arrived += s.Arrived
		slow += s.Slow
		lost += s.Lost
	}
	inside, cores, served, failed := 0, 0.0, 0.0, 0.0
	for _, p := range ledger.pods {
		inside += p.inside()
		served += p.served
		failed += p.failed
		if life := ledger.gone[p]; life > 0 {
			cores += (life - p.created) * float64(p.cores)
			if p.inside() > 0 {
				t.Errorf("%s is gone with %d requests inside", p.Name(), p.inside())
			}
		} else {
			cores += (w.now - p.created) * float64(p.cores)
		}
		if p.requests != p.served+p.failed {
			t.Errorf("%s counts %v requests, %v served and %v failed", p.Name(), p.requests, p.served, p.failed)
		}
	}
	if float64(arrived) != served+float64(lost)+float64(inside) {
		t.Errorf("%d arrived, %v were served, %d lost, and %d are inside", arrived, served, lost, inside)
	}
	if failed > float64(lost) || float64(slow) > served {
		t.Errorf("%v failed in pods of %d lost; %d slow of %v served", failed, lost, slow, served)
	}
	near(t, "core-seconds", w.coreSeconds()-w.hopTime, cores, 1e-3) // pods are looked at a hundred times a second
	near(t, "CPU of proxies", w.hopTime, float64(arrived)*w.hopCPU, 1e-9)
}

// lives remembers every pod that ever was, and when it was gone.
type lives struct {
	pods []*Pod
	gone map[*Pod]float64
}

// watch looks at the world's pods at each event.
func (l *lives) watch(w *World) {
	known := map[*Pod]bool{}
	for _, p := range l.pods {
		known[p] = true
	}
	present := map[*Pod]bool{}
	for _, p := range w.pods {
		present[p] = true
		if !known[p] {
			l.pods = append(l.pods, p)
		}
	}
	for _, p := range l.pods {
		if !present[p] && l.gone[p] == 0 {
			l.gone[p] = w.now
		}
	}
}

// scripted scales at given moments.
type scripted map[float64]int

func (s scripted) Begin(w *World) {
	for at, pods := range s {
		w.after(at, func() { w.Scale(pods) })
	}
}

// Whatever autoscalers do, no request and no core-second gets lost from the books.
func TestNothingIsLostFromTheBooks(t *testing.T) {
	script := scripted{5: 6, 20: 2, 26: 9, 28: 3, 40: 3, 50: 12, 55: 2}
	service := Default()
	w := newWorld(service, Shape{Name: "steady", Seconds: 80, Rate: func(float64) float64 { return 900 }}, 5)
	w.setPool(Pool{16, 16, 50 * time.Millisecond})
	ledger := &lives{gone: map[*Pod]float64{}}
	w.start(Contender{Autoscaler: func(Service) Autoscaler { return script }, HopCPU: time.Millisecond})
	w.every(0.01, 0.01, func() { ledger.watch(w) })
	w.run()
	ledger.watch(w)
	if w.created < 20 || len(ledger.gone) < 10 {
		t.Fatalf("%d pods were created and %d are gone: too few to tell", w.created, len(ledger.gone))
	}
	if w.actions != 6 { // the one at 40 s changes nothing
		t.Errorf("%d scaling actions, want 6", w.actions)
	}
	conserved(t, w, ledger)
}
