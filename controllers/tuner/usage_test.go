// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// watched is a service of one pod, p, that is looked at every second.
type watched struct {
	watch   Watch
	now     time.Time
	counted Counters
	serving bool
}

func newWatched() *watched {
	w := &watched{now: epoch, counted: Counters{StartSeconds: 1}}
	w.look(0) // when it does not serve yet
	w.serving = true
	return w
}

func (w *watched) look(requests float64) *Usage {
	w.now = w.now.Add(time.Second)
	w.counted.Requests += requests
	counters := w.counted
	w.watch.Observe(w.now, []Report{{Pod: "p", Counters: &counters}}, map[string]bool{"p": w.serving})
	return w.watch.Usage()
}

func TestDemandOnAPodIsKnownAfterAWholeLook(t *testing.T) {
	w := newWatched()
	w.serving = false
	for range 3 { // its process runs and takes no traffic yet
		if usage := w.look(1); len(usage.Demand) > 0 {
			t.Fatalf("%v of a pod that does not serve", usage.Demand)
		}
	}
	w.serving = true
	if usage := w.look(30); len(usage.Demand) > 0 {
		t.Errorf("%v when it has served for a part of a look", usage.Demand)
	}
	if usage := w.look(100); usage.Demand["p"] != 100 {
		t.Errorf("%v after a look with 100 requests", usage.Demand)
	}
	w.serving = false
	if usage := w.look(0); len(usage.Demand) > 0 {
		t.Errorf("%v of a pod that serves no more", usage.Demand)
	}
}

// A steady demand moves little by chance, and a change is seen within two looks.
func TestDemandIsSteadyAndQuick(t *testing.T) {
	for _, perSecond := range []float64{10, 200} {
		w, random := newWatched(), rand.New(rand.NewPCG(1, 0x5))
		chance := func(mean float64) float64 { return math.Max(math.Round(mean+math.Sqrt(mean)*random.NormFloat64()), 0) }
		worst := 0.0
		for i := range 500 {
			if usage := w.look(chance(perSecond)); i > 30 {
				worst = math.Max(worst, math.Abs(usage.Demand["p"]/perSecond-1))
			}
		}
		if most := 5 / math.Sqrt(2*perSecond*math.Min(math.Max(steadyCount/perSecond, 4), 20)); worst > most {
			t.Errorf("%g/s: off by %.1f %%, want %.1f %%", perSecond, 100*worst, 100*most)
		}
		var usage *Usage
		looks := 2
		if perSecond < 20 {
			looks = 6
		}
		for range looks {
			usage = w.look(chance(3 * perSecond))
		}
		if got := usage.Demand["p"]; got < 2*perSecond {
			t.Errorf("%g/s: %g %d looks after three times as much came", perSecond, got, looks)
		}
	}
}

// A change by so little that chance may be the reason is followed slowly, and more slowly where few requests are counted.
func TestASmallChangeIsSmoothed(t *testing.T) {
	for _, c := range []struct{ before, after, over float64 }{{100, 110, 4}, {50, 55, 4}, {20, 22, 10}, {5, 6, 20}} {
		w := newWatched()
		w.look(0)
		for range 60 {
			w.look(c.before)
		}
		const looks = 8
		for range looks - 1 {
			w.look(c.after)
		}
		got, want := w.look(c.after).Demand["p"], c.after-(c.after-c.before)*math.Exp(-looks/c.over)
		if math.Abs(got-want) > 0.05*(c.after-c.before) {
			t.Errorf("%g after %d s in which %g became %g, want about %.1f", got, looks, c.before, c.after, want)
		}
	}
}

// The longer was counted, the less of a difference is chance.
func TestWhatChanceExplains(t *testing.T) {
	for _, c := range []struct{ expected, seconds, most float64 }{{100, 1, 40}, {100, 4, 20}, {100, 0.25, 80}, {25, 1, 20}, {0, 1, 4}, {0, 4, 2}} {
		for _, sign := range []float64{-1, 1} {
			if !explained(c.expected+sign*c.most, c.expected, c.seconds) || explained(c.expected+sign*(c.most+0.01), c.expected, c.seconds) {
				t.Errorf("%g/s counted for %g s: chance does not explain %g more or less at most", c.expected, c.seconds, c.most)
			}
		}
	}
}

// The first looks count alike, until as much is counted as is smoothed over: the first one, which may be short, is not weighed more.
func TestAYoungDemandIsTheMeanOfAllLooks(t *testing.T) {
	w := newWatched()
	w.look(0)
	w.look(130)
	for looks := 2.0; looks <= 4; looks++ {
		usage := w.look(100)
		if got, want := usage.Demand["p"], (130+100*(looks-1))/looks; math.Abs(got-want) > 1e-9 {
			t.Errorf("%g after %g looks, want %g", got, looks, want)
		}
	}
	for range 3 {
		w.look(400) // it changed: what was before does not count
	}
	if got := w.look(400).Demand["p"]; got < 395 {
		t.Errorf("%g of 400 after a change", got)
	}
}

// Pods that come or leave change what the others are asked, at once or when clients have noticed: what was counted before says little
// then, more where little comes.
func TestWhatWasCountedBeforeOthersCameSaysLittle(t *testing.T) {
	for _, c := range []struct {
		before, after, within float64
		noticed               int // looks later
	}{{100, 70, 2, 0}, {70, 100, 2, 0}, {10, 6, 1.5, 0}, {100, 70, 2, 3}, {10, 6, 1.5, 3}} {
		w, now, counted := Watch{}, epoch, map[string]float64{}
		serving := map[string]bool{"p": false}
		look := func(requests float64) float64 {
			now = now.Add(time.Second)
			counted["p"] += requests
			w.Observe(now, []Report{
				{Pod: "p", Counters: &Counters{Requests: counted["p"], StartSeconds: 1}}, {Pod: "q", Counters: &Counters{StartSeconds: 1}},
			}, serving)
			return w.Usage().Demand["p"]
		}
		look(0)
		serving = map[string]bool{"p": true, "q": false}
		for range 30 {
			look(c.before)
		}
		if got := look(c.before); got != c.before {
			t.Fatalf("%g of %g", got, c.before)
		}
		serving = map[string]bool{"p": true, "q": true}
		for range c.noticed {
			look(c.before)
		}
		look((c.before + c.after) / 2) // a part of that look was before
		if got := look(c.after); math.Abs(got-c.after) > c.within {
			t.Errorf("%g when a look was over after %g became %g, %d looks after others came", got, c.before, c.after, c.noticed)
		}
		if !w.Usage().Settling {
			t.Errorf("settled %d looks after others came", c.noticed+2)
		}
		for range 5 {
			look(c.after)
		}
		if w.Usage().Settling {
			t.Errorf("not settled %d looks after others came", c.noticed+7)
		}
	}
}

func TestPodsThatRefusedSinceTheLookBeforeAreRefusing(t *testing.T) {
	w := newWatched()
	w.look(0)
	w.counted.Refused = 3
	if usage := w.look(0); !usage.Refusing {
		t.Errorf("%+v", usage)
	}
	if usage := w.look(0); usage.Refusing {
		t.Errorf("when nothing more was refused: %+v", usage)
	}
	w.counted = Counters{StartSeconds: float64(w.now.Unix()) + 0.5, Requests: 5, Refused: 100} // another process
	if usage := w.look(0); usage.Refusing {
		t.Errorf("after a restart: %+v", usage)
	}
	w.counted.Refused = 110
	if usage := w.look(0); !usage.Refusing {
		t.Errorf("after a restart and a look: %+v", usage)
	}
}

func TestACountThatGoesBackSaysNothing(t *testing.T) {
	w := newWatched()
	w.look(0)
	w.look(100)
	w.counted.Requests -= 50
	if usage := w.look(0); usage.Demand["p"] != 100 {
		t.Errorf("%v", usage.Demand)
	}
	w.counted.Requests += 50
	if usage := w.look(200); usage.Demand["p"] != 100 { // over both looks
		t.Errorf("%v", usage.Demand)
	}
}

func TestPodsThatDoNotAnswerAreForgottenAfterAMinute(t *testing.T) {
	w := newWatched()
	w.look(0)
	w.look(100)
	silent := []Report{{Pod: "p"}}
	w.watch.Observe(w.now.Add(50*time.Second), silent, map[string]bool{"p": true})
	if got := w.watch.Usage().Demand["p"]; got != 100 {
		t.Errorf("%g after 50 s", got)
	}
	w.watch.Observe(w.now.Add(61*time.Second), silent, map[string]bool{"p": true})
	if got := w.watch.Usage().Demand; len(got) > 0 {
		t.Errorf("%v after a minute", got)
	}
}

// Whoever begins to look at pods that serve already is in no hurry, and counts a while before it says what they are asked.
func TestPodsThatServedBeforeAreKnownWhenEnoughWasCounted(t *testing.T) {
	for _, c := range []struct {
		perSecond float64
		after     int
	}{{1000, 4}, {50, 4}, {20, 10}, {1, 20}} {
		w := &watched{now: epoch, serving: true, counted: Counters{StartSeconds: 1}}
		w.look(0)
		for i := 1; i <= c.after; i++ {
			usage := w.look(c.perSecond)
			if got, known := usage.Demand["p"]; known != (i == c.after) || known && got != c.perSecond {
				t.Errorf("%g/s: %v after %d s", c.perSecond, usage.Demand, i)
			}
			if usage.Soon {
				t.Errorf("%g/s: in a hurry after %d s", c.perSecond, i)
			}
		}
	}
}

// A change that each look alone may have by chance is believed once the mean of the last few has not: sooner than the mean of all follows it.
func TestAChangeShowsInTheLastFewLooks(t *testing.T) {
	p := &watchedPod{}
	for range 60 {
		p.follow(10, time.Second)
	}
	near(t, "steady demand", p.steady, 10, 1e-9)
	for range 3 {
		p.follow(20, time.Second)
	}
	if p.steady < 15 {
		t.Errorf("%v after three looks of 20", p.steady)
	}
	if p.counted < 2*quickOver || p.counted > 2*quickOver+3*time.Second {
		t.Errorf("what was counted stands for %s", p.counted)
	}
	for range 20 {
		p.follow(20, time.Second)
	}
	near(t, "demand after a while", p.steady, 20, 0.02)
}

// A pod that is seen and does not serve yet is none that began to serve, nor one that ceased to when it is gone.
func TestOnlyPodsThatServeChangeWhoIsAsked(t *testing.T) {
	w, now, requests := Watch{}, epoch, 0.0
	look := func(serving map[string]bool) bool {
		now = now.Add(time.Second)
		requests += 10
		w.Observe(now, []Report{{Pod: "p", Counters: &Counters{Requests: requests, StartSeconds: 1}}}, serving)
		return w.Usage().Settling
	}
	for _, c := range []struct {
		serving  map[string]bool
		settling bool
	}{{map[string]bool{"p": true}, false}, {map[string]bool{"p": true, "q": false}, false}, {map[string]bool{"p": true}, false}, {map[string]bool{"p": true, "q": true}, true}} {
		if got := look(c.serving); got != c.settling {
			t.Errorf("after %v: settling %t", c.serving, got)
		}
	}
}
