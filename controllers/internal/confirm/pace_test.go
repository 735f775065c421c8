// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package confirm

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/controllers/internal/fair"
)

func TestPausesBetweenQuestions(t *testing.T) {
	const ms = time.Millisecond
	cases := map[string]struct {
		pause      time.Duration
		late       bool
		unanswered int
		want       time.Duration
	}{
		"it grows by a quarter":                     {pause: 40 * ms, want: 50 * ms},
		"whether or not there was an answer":        {pause: 40 * ms, unanswered: 3, want: 50 * ms},
		"up to half a second":                       {pause: 450 * ms, want: 500 * ms},
		"where it stays while there is time":        {pause: 500 * ms, want: 500 * ms},
		"then it doubles":                           {pause: 500 * ms, late: true, want: time.Second},
		"from half a second at least":               {pause: 40 * ms, late: true, want: 500 * ms},
		"up to a quarter of a minute for answers":   {pause: 10 * time.Second, late: true, want: idlePause},
		"and stays there":                           {pause: idlePause, late: true, want: idlePause},
		"who does not answer is asked less":         {pause: idlePause, late: true, unanswered: 1, want: 2 * idlePause},
		"from half a second at least, too":          {pause: 40 * ms, late: true, unanswered: 1, want: 500 * ms},
		"up to what is the longest for all":         {pause: fair.MaxPause - 1, late: true, unanswered: 1, want: fair.MaxPause},
		"and the first answer makes it short again": {pause: fair.MaxPause, late: true, want: idlePause},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := pursuit{unanswered: c.unanswered}
			if got := p.next(c.pause, c.late); got != c.want {
				t.Errorf("%s after %s, want %s", got, c.pause, c.want)
			}
		})
	}
}

func TestWhenAPodHasHadItsTime(t *testing.T) {
	cases := map[string]struct {
		unanswered      int
		silent          bool
		elapsed, waited time.Duration
		want            bool
	}{
		"soon":                                       {elapsed: patience - 1},
		"in time":                                    {elapsed: patience, want: true},
		"waits for a turn do not count":              {elapsed: patience + time.Second, waited: time.Second + 1},
		"but the time besides them":                  {elapsed: patience + time.Second, waited: time.Second, want: true},
		"one question without an answer":             {unanswered: 1, elapsed: patience + time.Second, waited: time.Second + 1},
		"two of them: waits count":                   {unanswered: 2, elapsed: patience, waited: time.Second, want: true},
		"two of them, soon":                          {unanswered: 2, elapsed: patience - 1},
		"silent before, and again":                   {unanswered: 1, silent: true, want: true},
		"silent before, and it answers":              {silent: true, elapsed: patience - 1},
		"silent before, and it answers for long":     {silent: true, elapsed: patience, want: true},
		"several unanswered, of a pod silent so far": {unanswered: 5, silent: true, want: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := pursuit{unanswered: c.unanswered, waited: c.waited, state: &podState{}}
			p.state.silent.Store(c.silent)
			if got := p.late(c.elapsed); got != c.want {
				t.Errorf("%t, want %t", got, c.want)
			}
		})
	}
}

// schedule records when a Tracker asked and nudged, counted from its first question.
type schedule struct {
	mu              sync.Mutex
	start           time.Time
	asked, nudged   []time.Duration
	annotations     []string
	answer          Answer
	askErr, nudgeIs error
	changed         map[types.NamespacedName]int
}

// followedBy runs a test with a Tracker whose pods answer as the schedule says.
func (s *schedule) followedBy(t *testing.T, test func(t *testing.T, tracker *Tracker)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s.start, s.changed = time.Now(), map[types.NamespacedName]int{}
		tracker := NewTracker(Options{
			Ask: func(context.Context, Pod) (Answer, error) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.asked = append(s.asked, time.Since(s.start))
				return s.answer, s.askErr
			},
			Nudge: func(_ context.Context, _ Pod, annotation string) error {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.nudged, s.annotations = append(s.nudged, time.Since(s.start)), append(s.annotations, annotation)
				return s.nudgeIs
			},
			Changed: func(name types.NamespacedName) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.changed[name]++
			},
			Slots:      fair.NewScheduler(fair.Options{Slots: 4, SlotsPerGroup: 4}),
			NudgeSlots: NudgeSlots(nil),
		})
		defer tracker.Close()
		test(t, tracker)
	})
}

// told is how often a service was told to have changed.
func (s *schedule) told(service types.NamespacedName) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed[service]
}

// A pod that runs another revision is asked ever less often, and never more often than once in a quarter of a minute in the end.
func TestTheScheduleOfQuestions(t *testing.T) {
	s := &schedule{answer: Answer{Revision: "old"}}
	s.followedBy(t, func(t *testing.T, tracker *Tracker) {
		tracker.Ensure(checkout, target("r1", "a"))
		pass(time.Minute)
		var want []time.Duration
		at, pause := time.Duration(0), firstPause
		for at <= time.Minute {
			want = append(want, at)
			late := at >= patience
			at += pause
			if late {
				pause = min(2*pause, idlePause)
			} else {
				pause = min(time.Duration(float64(pause)*pauseGrow), maxPause)
			}
		}
		if diff := cmp.Diff(want, s.asked); diff != "" {
			t.Errorf("questions (-want +got):\n%s", diff)
		}
		// Each nudge waits twice as long as the one before, and for the next question.
		for i := range s.nudged[1:] {
			gap, least := s.nudged[i+1]-s.nudged[i], renudgeAfter<<i
			if gap < least || gap > least+idlePause {
				t.Errorf("nudge %d came %s after the one before, want %s", i+1, gap, least)
			}
		}
		if diff := cmp.Diff([]string{"r1", "r1.1", "r1.2", "r1.3"}, s.annotations[:4]); diff != "" {
			t.Errorf("annotations (-want +got):\n%s", diff)
		}
		if s.nudged[0] != 0 || s.nudged[1] > renudgeAfter+2*firstPause+maxPause/2 {
			t.Errorf("nudges at %v", s.nudged)
		}
	})
}

// A nudge that fails is tried again, no more often than one that has no effect, and does not use up what may be written.
func TestTheScheduleOfNudgesThatFail(t *testing.T) {
	s := &schedule{answer: Answer{Revision: "old"}, nudgeIs: errors.New("forbidden")}
	s.followedBy(t, func(t *testing.T, tracker *Tracker) {
		tracker.Ensure(checkout, target("r1", "a"))
		pass(time.Hour)
		if len(s.nudged) <= maxNudges {
			t.Errorf("%d nudges in an hour of failures, want that it is tried on", len(s.nudged))
		}
		for i := range s.nudged[1:] {
			if gap := s.nudged[i+1] - s.nudged[i]; gap < renudgeAfter || gap > idlePause {
				t.Errorf("nudge %d came %s after the one before", i+1, gap)
			}
			if s.annotations[i+1] != "r1" {
				t.Errorf("annotation %s although none was written", s.annotations[i+1])
			}
		}
		want := []Unconfirmed{{Pod: "a", Reason: "cannot be annotated: forbidden"}}
		if diff := cmp.Diff(want, tracker.Ensure(checkout, target("r1", "a")).Unconfirmed); diff != "" {
			t.Errorf("unconfirmed (-want +got):\n%s", diff)
		}
		s.mu.Lock()
		s.nudgeIs = nil
		s.mu.Unlock()
		pass(2 * idlePause)
		if got := tracker.Ensure(checkout, target("r1", "a")).Unconfirmed; len(got) != 1 || got[0].Reason != "still runs revision old" {
			t.Errorf("once it can be annotated: %+v", got)
		}
	})
}

// A pod that did not answer before is not asked at the pace of those that do.
func TestTheScheduleOfASilentPod(t *testing.T) {
	s := &schedule{askErr: errors.New("connection refused")}
	s.followedBy(t, func(t *testing.T, tracker *Tracker) {
		tracker.Ensure(checkout, target("r1", "a"))
		pass(time.Hour)
		if last := s.asked[len(s.asked)-1] - s.asked[len(s.asked)-2]; last != fair.MaxPause {
			t.Errorf("in the end it is asked every %s, want %s", last, fair.MaxPause)
		}
		if len(s.nudged) > 0 {
			t.Errorf("%d nudges of a pod that cannot be asked", len(s.nudged))
		}
		before, now := len(s.asked), time.Since(s.start)
		tracker.Ensure(checkout, target("r2", "a"))
		pass(10 * time.Second)
		var want, got []time.Duration
		for _, after := range []time.Duration{0, firstPause, maxPause, 2 * maxPause, 4 * maxPause, 8 * maxPause} {
			now += after
			want = append(want, now)
		}
		got = append(got, s.asked[before:]...)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("questions about the next revision (-want +got):\n%s", diff)
		}
		if got := tracker.Ensure(checkout, target("r2", "a")); got.Waiting {
			t.Errorf("waited for: %+v", got)
		}
	})
}

func TestNothingIsKeptOfWhatIsGone(t *testing.T) {
	s := &schedule{answer: Answer{Revision: "r1"}}
	s.followedBy(t, func(t *testing.T, tracker *Tracker) {
		for _, name := range podNames("service", 100) {
			service := types.NamespacedName{Namespace: "shop", Name: name}
			tracker.Ensure(service, target("r1", name+"-a", name+"-b"))
			pass(time.Second)
			tracker.Ensure(service, target("r1", name+"-a")) // at the same address
			if got := len(tracker.services[service].pods); got != 1 {
				t.Errorf("%d pods are kept, want 1", got)
			}
			if told := s.told(service); told != 1 {
				t.Errorf("told %d times of one confirmation", told)
			}
			tracker.Forget(service)
		}
		if len(tracker.services) != 0 {
			t.Errorf("%d services are kept", len(tracker.services))
		}
	})
}

// Who waits for all pods is told when the last of them confirms, and then of each that came later.
func TestTheLastConfirmationIsTold(t *testing.T) {
	c := newCluster("r1", "a", "b", "c")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		c.on("b", func(p *fakePod) { p.running = "" })
		c.on("c", func(p *fakePod) { p.unreachable = errors.New("connection refused") })
		tracker.Ensure(checkout, target("r1", "a", "b", "c"))
		pass(0)
		if got := tracker.Ensure(checkout, target("r1", "a", "b", "c")).Unconfirmed; len(got) != 2 || got[0].Pod != "b" || got[1].Pod != "c" {
			t.Errorf("unconfirmed %+v", got)
		}
		pass(time.Second) // b has confirmed
		if changes, _ := c.told(); changes != 0 {
			t.Errorf("told of %d changes while one pod is missing", changes)
		}
		c.on("c", func(p *fakePod) { p.unreachable = nil })
		pass(time.Second)
		if changes, _ := c.told(); changes != 1 {
			t.Errorf("told of %d changes when all had confirmed", changes)
		}
		c.pods["d"], c.pods["e"] = &fakePod{running: "r1"}, &fakePod{unreachable: errors.New("connection refused")}
		tracker.Ensure(checkout, target("r1", "a", "b", "c", "d"))
		pass(0)
		if changes, _ := c.told(); changes != 2 {
			t.Errorf("told of %d changes after a pod came, and none waits", changes)
		}
		tracker.Ensure(checkout, target("r1", "a", "b", "c", "d", "e"))
		pass(time.Second)
		if changes, _ := c.told(); changes != 2 {
			t.Errorf("told of %d changes while one is asked", changes)
		}
	})
}

func TestAPodThatNobodyAskedYetHasAReason(t *testing.T) {
	c := newCluster("r1", "a", "b")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		got := tracker.Ensure(checkout, target("r1", "b", "a"))
		want := []Unconfirmed{{Pod: "a", Reason: "has not answered yet"}, {Pod: "b", Reason: "has not answered yet"}}
		if diff := cmp.Diff(want, got.Unconfirmed); diff != "" {
			t.Errorf("unconfirmed (-want +got):\n%s", diff)
		}
	})
}

func TestSlotsOfNudges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waits atomic.Int32
		slots := NudgeSlots(func(time.Duration) { waits.Add(1) })
		taken := map[string]int{}
		var mu sync.Mutex
		ctx, cancel := context.WithCancel(t.Context())
		for _, namespace := range []string{"a", "b", "c", "d", "e"} {
			for range 10 {
				go func() {
					if _, _, err := slots.Acquire(ctx, namespace); err == nil {
						mu.Lock()
						taken[namespace]++
						mu.Unlock()
					}
				}()
				synctest.Wait()
			}
		}
		if diff := cmp.Diff(map[string]int{"a": 8, "b": 8, "c": 8, "d": 8}, taken); diff != "" {
			t.Errorf("slots by namespace (-want +got):\n%s", diff)
		}
		cancel()
		synctest.Wait()
		if waits.Load() == 0 {
			t.Error("nobody was told of a wait")
		}
	})
}

// Whoever gives up while it waits for its turn to nudge writes nothing, and takes nobody's place.
func TestAWriteThatIsGivenUp(t *testing.T) {
	s := &schedule{}
	s.followedBy(t, func(t *testing.T, tracker *Tracker) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		free := func() *rate.Limiter { return rate.NewLimiter(1, 1) }
		full := func() *rate.Limiter {
			l := free()
			l.Allow()
			return l
		}
		for name, c := range map[string]struct{ own, all *rate.Limiter }{"its service's turn": {full(), free()}, "everybody's turn": {free(), full()}} {
			tracker.nudges = c.all
			err := tracker.write(ended, &pursuit{name: checkout, service: &service{nudges: c.own}}, "r1")
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: error %v", name, err)
			}
		}
		tracker.nudges = rate.NewLimiter(rate.Inf, 1)
		var releases []func()
		for range nudgesOfOne { // all that one namespace has
			release, _, err := tracker.options.NudgeSlots.Acquire(t.Context(), checkout.Namespace)
			if err != nil {
				t.Fatal("a place was kept")
			}
			releases = append(releases, release)
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := tracker.write(soon, &pursuit{name: checkout, service: &service{nudges: rate.NewLimiter(rate.Inf, 1)}}, "r1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without a place: error %v", err)
		}
		if len(s.nudged) > 0 {
			t.Errorf("%d nudges were written", len(s.nudged))
		}
		for _, release := range releases {
			release()
		}
		p := &pursuit{name: checkout, service: &service{nudges: rate.NewLimiter(rate.Every(time.Second), 1)}}
		for range 2 {
			if err := tracker.write(t.Context(), p, "r1"); err != nil {
				t.Error(err)
			}
		}
		if p.waited != time.Second {
			t.Errorf("waited for %s, want a second", p.waited)
		}
	})
}
