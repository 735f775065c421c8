// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/tuner"
)

// Before anything is measured, pool and autoscaler are the plan's; the tuner then fits the pool.
func TestTheOperatorBeginsWithItsPlan(t *testing.T) {
	service := Default()
	spec := specOf(service)
	figures := plan.Compute(&spec, plan.Observed{})
	w := newWorld(service, Shape{Name: "steady", Seconds: 60, Rate: func(float64) float64 { return 500 }}, 1)
	o := new(operator)
	w.start(Contender{Autoscaler: func(Service) Autoscaler { return o }})
	if w.workers != int(figures.Workers.Value) || w.depth != w.workers || w.queueTimeout != figures.QueueTimeout.Value.Seconds() {
		t.Errorf("pool %d, %d, %v s", w.workers, w.depth, w.queueTimeout)
	}
	period := figures.ScaleUp.Value.Period.Seconds()
	want := []HPAPolicy{{Pods: int(figures.ScaleUp.Value.Pods), Period: period}, {Percent: int(figures.ScaleUp.Value.Percent), Period: period}}
	if !slices.Equal(o.hpa.Up.Policies, want) || o.hpa.Up.Tolerance != figures.ScaleUpTolerance.Value || o.hpa.Down.Tolerance != 0.1 {
		t.Errorf("autoscaler up %+v, down %+v", o.hpa.Up, o.hpa.Down)
	}
	if o.hpa.Down.Window != figures.ScaleDownWindow.Value.Seconds() || o.hpa.Target != float64(figures.CPUTarget.Value)/100 || o.hpa.Floor != 2 {
		t.Errorf("autoscaler %+v", o.hpa)
	}
	w.run()
	fitted := FittedPool(service)
	// Handlers take longer where pods are busier, and so need a few workers more.
	if math.Abs(float64(w.workers-fitted.Workers)) > 3 || w.depth != fitted.Depth || w.workers >= int(figures.Workers.Value) {
		t.Errorf("the pool is %d and %d after a minute, the fitted one %+v", w.workers, w.depth, fitted)
	}
	// 400 requests per second at the most: twice the good 10 ms that handlers take, and two fifths of 100 ms.
	if fitted.Workers < 8 || fitted.Workers > 12 || fitted.Depth < 14 || fitted.Depth > 18 || fitted.QueueTimeout != 50*time.Millisecond {
		t.Errorf("fitted pool %+v, want about 9 workers, a queue of 16, and 50 ms", fitted)
	}
}

// The tuner gets what a pod's /metrics would say.
func TestCountersOfAPod(t *testing.T) {
	service := Default()
	service.Threshold = 80 * time.Millisecond // no default bound
	w := newWorld(service, Shape{Name: "steady", Seconds: 120, Rate: func(float64) float64 { return 395 }}, 1)
	w.setPool(Pool{16, 16, 50 * time.Millisecond})
	w.now = 7
	p := w.createReady()
	w.now = 0
	w.run()
	c := p.counters(w)
	if c.Requests != p.requests || c.Served != p.served || c.Failed != p.failed || c.Rejected != p.failed || c.Failed == 0 {
		t.Errorf("requests %v, %v served, %v failed, %v rejected", c.Requests, c.Served, c.Failed, c.Rejected)
	}
	if c.CPUSeconds != p.cpu || c.ServiceSeconds != p.serviceSeconds || c.DurationSeconds != p.durationSeconds {
		t.Errorf("seconds %v, %v, %v", c.CPUSeconds, c.ServiceSeconds, c.DurationSeconds)
	}
	if c.Workers != 16 || c.Processors != 2 || c.Active != float64(p.inside()) || c.Busy != float64(p.running) || c.Queued != float64(p.queue.length) {
		t.Errorf("%v workers, %v processors, %v active, %v busy, %v queued", c.Workers, c.Processors, c.Active, c.Busy, c.Queued)
	}
	if c.StartSeconds != float64(simEpoch.Unix())+7 {
		t.Errorf("started at %v", c.StartSeconds)
	}
	slow, last, bounds := 0, 0.0, []float64{}
	for _, s := range w.seconds {
		slow += s.Slow
	}
	for _, b := range c.Buckets {
		if b.Count < last || b.UpperBound == 0.08 && b.Count != p.served-float64(slow) {
			t.Errorf("bucket %+v after %v, with %d slow of %v", b, last, slow, p.served)
		}
		last = b.Count
		bounds = append(bounds, b.UpperBound)
	}
	if !slices.Contains(bounds, 0.08) || !math.IsInf(bounds[len(bounds)-1], 1) || last != p.served || !slices.IsSorted(bounds) {
		t.Errorf("bounds %v, %v in all of %v", bounds, last, p.served)
	}
}

// On a step, the operator raises the Deployment itself, within rounds of two seconds; an autoscaler waits for its figures.
func TestTheOperatorRaisesAtOnce(t *testing.T) {
	step := Shape{Name: "short step", Seconds: warmUp + 90, Rate: func(at float64) float64 {
		if at >= warmUp+30 {
			return 1600
		}
		return 400
	}}

	r := Run(Default(), FittedPool(Default()), step, Operator(), 3)
	if !r.Stepped || r.WantedWithin > 5 {
		t.Errorf("enough pods were wanted %d s after the step (stepped: %v)", r.WantedWithin, r.Stepped)
	}
	stock := Run(Default(), FittedPool(Default()), step, HPAContender(50, 300), 3)
	if stock.WantedWithin < 10 {
		t.Errorf("an autoscaler that looks every 15 s wanted enough %d s after it", stock.WantedWithin)
	}
}

// The clairvoyant has the pods that a load needs when it needs them, and no others.
func TestTheClairvoyantIsInTime(t *testing.T) {
	service := Default()
	pool := FittedPool(service)
	const limit = 70
	r := Run(service, pool, short(), Clairvoyant(limit), 3)
	if r.BadSeconds > 2 {
		t.Errorf("%d bad seconds", r.BadSeconds)
	}
	before, after := r.seconds[warmUp+5], r.seconds[warmUp+30]
	needed := 3 // of 400 requests per second at the most: 800 are two pods and nine tenths at 70 %
	if before.Ready != 2 || after.Ready != needed || r.seconds[warmUp+170].Wanted != needed {
		t.Errorf("%d pods served before it was time, %d at the step, want %d", before.Ready, after.Ready, needed)
	}
	// Slow starters are begun earlier.
	slow := Run(service.Slow(), pool, Shape{Name: "late", Seconds: warmUp + 100, Rate: short().Rate}, Clairvoyant(limit), 3)
	if slow.seconds[warmUp+30].Ready != needed || slow.seconds[warmUp-15].Wanted != 2 || slow.seconds[warmUp-8].Wanted != needed {
		t.Errorf("slow starters: %+v", slow.seconds[warmUp-15:warmUp+31])
	}
}

// The limit is where waiting breaks the objective: with a tighter promise it is lower.
func TestHighestUtilizationFollowsThePromise(t *testing.T) {
	loose := Default()
	loose.CPUTime, loose.Wait, loose.Threshold = 40*time.Millisecond, 0, 800*time.Millisecond
	tight := loose
	tight.Threshold = 300 * time.Millisecond
	pool := Pool{64, 64, time.Second}
	high, low := HighestUtilization(loose, pool, false), HighestUtilization(tight, pool, false)
	if high < 45 || high > 65 || low > high-8 {
		t.Errorf("%d %% for 800 ms, %d %% for 300 ms", high, low)
	}
}

// The operator raises the Deployment itself; the autoscaler's policies count what it has added, and not that.
func TestTheOperatorsRaiseIsNoneOfTheAutoscaler(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(Default(), Shape{Name: "step", Seconds: 60, Rate: func(at float64) float64 { return 500 + 3000*min(math.Floor(at/5), 1) }}, seed)
		o := new(operator)
		w.start(Contender{Autoscaler: func(Service) Autoscaler { return o }})
		before, raised := w.wanted, 0
		w.every(0.1, 0.1, func() {
			if o.hpa.recommendations == nil { // the autoscaler has not looked yet
				raised = w.wanted - before
			}
		})
		w.run()
		if raised == 0 {
			continue // it was earlier
		}
		if own := changed(o.hpa.added, w.now, 60); own > w.wanted-before-raised {
			t.Errorf("seed %d: the operator has added %d of %d pods, and the autoscaler counts %d", seed, raised, w.wanted-before, own)
		}
		return
	}
	t.Error("the operator never raised the number before the autoscaler looked")
}

// Rounds follow each other as the operator's own do: every two seconds while something moves or a pod came, every four while nothing does.
func TestRoundsAreAsFarApartAsTheOperators(t *testing.T) {
	w := newWorld(Default(), Shape{Name: "step", Seconds: 400, Rate: func(at float64) float64 {
		if at >= 301.3 {
			return 2000
		}
		return 500
	}}, 3)
	o := new(operator)
	w.start(Contender{Autoscaler: func(Service) Autoscaler { return o }})
	var began []float64
	var came []float64 // moments of new pods
	pods := w.comings()
	w.every(0, 0.001, func() {
		if len(began) == 0 || o.began != began[len(began)-1] {
			began = append(began, o.began)
		}
		if w.comings() != pods {
			pods = w.comings()
			came = append(came, w.now)
		}
	})
	w.run()
	calm, answered := 0, 0.0
	for i := 2; i < len(began); i++ {
		pause := began[i] - began[i-1]
		switch {
		case math.Abs(pause-4) < 1e-6:
			calm++
		case pause < 2-1e-6 || pause > 4:
			t.Errorf("%v s between two rounds", pause)
		case pause > 2+1e-6: // a pod came meanwhile
			if !slices.ContainsFunc(came, func(at float64) bool { return at <= began[i]+0.002 && at > began[i]-watchDelay-0.002 }) {
				t.Errorf("a round at %v s, %v s after the one before, and no pod came: %v", began[i], pause, came)
			}
		}
		if began[i] > 301.3 && answered == 0 {
			answered = began[i]
		}
	}
	if calm < 20 || calm > len(began)-10 {
		t.Errorf("%d of %d pauses were calm", calm, len(began))
	}
	if answered == 0 || answered > 305.4 {
		t.Errorf("the step at 301.3 s was looked at first at %v s", answered)
	}
}

// A demand that rises evenly is no step, however full pods of one core are by chance: nothing panics, their pools stay, and once measured
// no more requests are slow or turned away than the objectives allow.
func TestAnEvenRiseIsNoStep(t *testing.T) {
	service := Default()
	service.Cores = 1
	rise := Shape{Name: "even rise", Seconds: warmUp + 3000, Rate: func(at float64) float64 { return 200 + 0.3*max(at-warmUp, 0) }}
	var changes []tuner.Change
	spec := specOf(service)
	r := Run(service, FittedPool(service), rise, OperatorOf("alone", &spec, true, func(c []tuner.Change) { changes = append(changes, c...) }), 3)
	pools := 0
	for _, c := range changes {
		if c.What == "pool" {
			pools++
		}
		if strings.Contains(c.Reason, "sudden") {
			t.Errorf("%s %s → %s: %s", c.What, c.From, c.To, c.Reason)
		}
	}
	if pools > 2 {
		t.Errorf("the pool moved %d times", pools)
	}
	if slow, lost := float64(r.Slow)/float64(r.Requests), float64(r.Lost)/float64(r.Requests); slow > 0.01 || lost > 0.002 {
		t.Errorf("%.2f%% slow, %.2f%% turned away", 100*slow, 100*lost)
	}
	t.Logf("%d changes, slow %d lost %d of %d, %.2f of the cores used", len(changes), r.Slow, r.Lost, r.Requests, r.Used/r.CoreSeconds)
}
