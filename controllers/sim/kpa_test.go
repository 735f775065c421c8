// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"math"
	"os"
	"regexp"
	"testing"
	"time"
)

func newKPA(target float64) *KPA { return &KPA{Target: target, panicSince: -1} }

// feed lets the mean concurrency be what it is for so many seconds.
func (k *KPA) feed(seconds int, concurrency float64) *KPA {
	for range seconds {
		k.observe(concurrency)
	}
	return k
}

// The cases are those of upstream's autoscaler_test.go, by what they are about. Ten requests are the target of a pod.
func TestKnativeDecides(t *testing.T) {
	for name, c := range map[string]struct {
		kpa   *KPA
		ready int
		want  int
		panic bool
	}{
		"stable at the target":                          {newKPA(10).feed(60, 100), 10, 10, false},
		"stable above it":                               {newKPA(10).feed(60, 150), 10, 15, false},
		"a fraction of a pod is a pod":                  {newKPA(10).feed(60, 101), 10, 11, false},
		"stable below it":                               {newKPA(10).feed(60, 70), 10, 7, false},
		"not below half of the pods":                    {newKPA(10).feed(60, 10), 10, 5, false},
		"half of the pods is rounded down":              {newKPA(10).feed(60, 10), 9, 4, false},
		"no pod counts as one":                          {newKPA(10).feed(60, 15), 0, 2, true},
		"before anything is measured":                   {newKPA(10), 2, 1, false},
		"a young window is a mean of what there is":     {newKPA(10).feed(3, 130), 10, 13, false},
		"just below the panic":                          {newKPA(10).feed(54, 100).feed(6, 190), 10, 11, false},
		"twice the pods are a panic":                    {newKPA(10).feed(54, 100).feed(6, 191), 10, 20, true},
		"the panic window has six seconds":              {newKPA(10).feed(54, 100).feed(3, 100).feed(3, 280), 10, 11, false},
		"the larger of both windows in a panic":         {newKPA(10).feed(54, 900).feed(6, 200), 10, 83, true},
		"a thousand times the pods at most":             {newKPA(10).feed(60, 50_000), 2, 2000, true},
		"the stable window has a minute":                {newKPA(10).feed(100, 500).feed(60, 100), 10, 10, false},
		"all of it is the same weight":                  {newKPA(10).feed(30, 50).feed(24, 150).feed(6, 100), 10, 10, false},
		"one pod stays one where there is little to do": {newKPA(10).feed(60, 0.1), 1, 1, false},
		"none where there is nothing":                   {newKPA(10).feed(60, 0), 1, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.kpa.decide(100, c.ready); got != c.want || (c.kpa.panicSince >= 0) != c.panic {
				t.Errorf("%d pods, panic %v; want %d, %v", got, c.kpa.panicSince >= 0, c.want, c.panic)
			}
		})
	}
}

// In a panic the number only rises, and the panic ends a stable window after the last reason for it.
func TestKnativesPanicEndsAfterAMinute(t *testing.T) {
	k := newKPA(10).feed(60, 100)
	for _, c := range []struct {
		at, seconds int
		concurrency float64
		ready, want int
		panic       bool
	}{
		{100, 6, 300, 10, 30, true},
		{106, 6, 100, 20, 30, true},   // pods start: the reason is gone
		{110, 6, 350, 30, 35, true},   // more than ever, although no reason by itself
		{112, 6, 650, 30, 65, true},   // a reason again
		{172, 60, 100, 40, 65, true},  // not after a minute yet
		{173, 60, 100, 65, 32, false}, // now: at most half of the pods go
		{175, 6, 100, 33, 16, false},
		{177, 6, 500, 16, 50, true}, // the next panic has forgotten the first one's number
	} {
		k.feed(c.seconds, c.concurrency)
		if got := k.decide(float64(c.at), c.ready); got != c.want || (k.panicSince >= 0) != c.panic {
			t.Errorf("at %d s: %d pods, panic %v; want %d, %v", c.at, got, k.panicSince >= 0, c.want, c.panic)
		}
	}
}

func TestTheActivatorIsOnTheWayWhileCapacityIsShort(t *testing.T) {
	for name, c := range map[string]struct {
		concurrency float64
		ready       int
		want        float64
	}{
		"capacity is the target over 70 %": {0, 10, 700 - 211},
		"less what is inside":              {100, 10, 700 - 211 - 100},
		"just enough":                      {489, 10, 0},
		"just short":                       {489.5, 10, -1},
		"few pods":                         {0, 3, -1},
	} {
		k := newKPA(49).feed(60, c.concurrency)
		if got := k.spare(c.ready); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// A world's pods are asked each second, and decided about every two.
func TestKnativeSeesWhatIsInside(t *testing.T) {
	service := Default()
	service.CPUTime, service.Wait, service.Variation = time.Microsecond, time.Second, 0
	w := newWorld(service, Shape{Name: "steady", Seconds: 100, Rate: func(float64) float64 { return 50 }}, 2)
	w.setPool(Pool{1000, 0, time.Hour})
	w.wanted = 2
	w.createReady()
	w.createReady()
	k := &KPA{Target: 10, Activator: ActivatorByDefault}
	k.Begin(w)
	balanced := map[Balancing]int{}
	w.every(3, 1, func() { balanced[w.balancing]++ })
	w.run()
	near(t, "mean concurrency", k.mean(60), 50, 0.1) // Little's law: 50/s for a second each
	if len(k.window) != 60 {
		t.Errorf("%d seconds are remembered, want 60", len(k.window))
	}
	if w.wanted < 5 || w.wanted > 7 {
		t.Errorf("%d pods are wanted, want about 5 or the panic's 6", w.wanted)
	}
	if balanced[Random] > 0 || balanced[BetterOfTwo] == 0 {
		t.Errorf("balancing %v, want the activator throughout: 7 pods of 14 have less to spare than 211", balanced)
	}
}

func TestKnativeVariants(t *testing.T) {
	// Four hundred pods have room for more than 211 requests.
	large := Default()
	large.MinReplicas, large.MaxReplicas = 400, 400
	for activator, want := range map[Activator]Balancing{ActivatorByDefault: Random, ActivatorAlways: BetterOfTwo, ActivatorNever: Random} {
		c := KnativeContender(60, activator, 0)
		w := newWorld(large, Shape{Name: "steady", Seconds: 20, Rate: func(float64) float64 { return 100 }}, 2)
		w.setPool(Pool{16, 16, time.Second})
		w.start(c)
		w.run()
		if w.balancing != want {
			t.Errorf("%s: balancing %v at the end, want %v", c.Name, w.balancing, want)
		}
		if w.hopTime == 0 || math.Abs(w.hopTime-0.00007*float64(arrivedIn(w))) > 1e-9 {
			t.Errorf("%s: proxies used %v CPU seconds for %d requests", c.Name, w.hopTime, arrivedIn(w))
		}
		if role := map[Activator]Role{ActivatorByDefault: OwnBalancing, ActivatorAlways: OwnBalancing, ActivatorNever: Rival}[activator]; c.Role != role {
			t.Errorf("%s has role %v, want %v", c.Name, c.Role, role)
		}
	}
}

func arrivedIn(w *World) int {
	sum := 0
	for _, s := range w.seconds {
		sum += s.Arrived
	}
	return sum
}

// With a scale-down-delay there are never fewer pods than at any of its ticks.
func TestKnativeDelaysScaleDown(t *testing.T) {
	k := newKPA(10).feed(60, 100)
	k.Delay = 7 // four ticks of 2 s
	for i, c := range []struct {
		load  float64
		ready int
		want  int
	}{{100, 10, 10}, {50, 10, 10}, {50, 10, 10}, {50, 10, 10}, {50, 10, 5}, {70, 5, 7}, {40, 7, 7}, {40, 7, 7}, {40, 7, 7}, {40, 7, 4}} {
		k.feed(60, c.load)
		if got := k.decide(float64(2*i), c.ready); got != c.want {
			t.Errorf("tick %d: %d pods, want %d", i, got, c.want)
		}
	}
}

// What Knative is charged for its proxy is what make bench-proxy measured last, to five microseconds.
func TestKnativePaysWhatWasMeasured(t *testing.T) {
	page, err := os.ReadFile("../../docs/slo.md")
	if err != nil {
		t.Fatal(err)
	}
	measured := regexp.MustCompile(`RESULT bench-proxy [^\n]*added_us=(\d+)`).FindSubmatch(page)
	if measured == nil {
		t.Fatal("docs/slo.md has no result of bench-proxy")
	}
	added, err := time.ParseDuration(string(measured[1]) + "us")
	if err != nil {
		t.Fatal(err)
	}
	if off := (added - KnativeHopCPU).Abs(); off > 5*time.Microsecond {
		t.Errorf("measured %v, charged %v", added, KnativeHopCPU)
	}
}
