// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onsi/gomega"
)

const (
	budget = 200
	// window over which what was admitted is compared with the budget.
	window = 10 * time.Second
)

// One rate limit for the whole service: clients that keep their connections load its pods 3:1 with a fifth more than the budget,
// the pods double, and what is admitted stays the budget. An equal division would lose a fifth of it all the time.
func TestSharedLimitHoldsUnderSkewedLoad(t *testing.T) {
	j := newJourney(t)
	j.apply(manifest("shop", map[string]any{
		"replicas": 2, "resources": smallResources, "slo": map[string]any{"availability": "99"},
		"autoscaling": map[string]any{"mode": "External"},
		"rateLimit":   map[string]any{"requestsPerSecond": budget},
	}))
	j.ready("shop")
	j.expose("shop")
	before := j.identities("shop")
	load := &skewed{}
	defer load.stop()
	load.drive(j, 2, []int64{180, 60})
	j.eventually(func() string { return j.service("shop").Status.LiveSettings.RequestsPerSecondPerPod }).
		Should(gomega.MatchRegexp(`^\d+(\.\d+)? to \d+(\.\d+)?/s$`), "parts by demand")
	j.elapse(window)
	measured := time.Now()
	j.elapse(2 * window)
	scaled := time.Now()
	j.kubectl("", "scale", "gosvc/shop", "--replicas=4")
	j.eventually(func() int {
		return len(j.service("shop").Status.LiveSettings.Unconfirmed) + int(j.service("shop").Status.ReadyReplicas)
	}).Should(gomega.Equal(4))
	load.drive(j, 4, []int64{90, 30, 90, 30})
	j.elapse(2 * window)
	settled := time.Now()
	j.elapse(2 * window)

	ended := time.Now()
	changing, high := load.deviation(measured, ended)
	calm, _ := load.deviation(measured, scaled)
	after, _ := load.deviation(settled, ended)
	low := min(calm, after)
	total, failed := load.counts()
	t.Logf("admitted in any %s within %+.1f %% to %+.1f %% of %d/s, away from the doubling not below %+.1f %%; %d requests, parts now %s",
		window, 100*changing, 100*high, budget, 100*low, total, j.service("shop").Status.LiveSettings.RequestsPerSecondPerPod)
	j.Expect(failed).To(gomega.BeZero())
	j.Expect(high).To(gomega.BeNumerically("<=", 0.04), "more than the budget was admitted")
	// Parts follow the demand by measurements of the leader, which takes some without pause. About the doubling, the clients stay on
	// the former pods for a while after the new ones have parts.
	if !leadersAreKilled() {
		j.Expect(low).To(gomega.BeNumerically(">=", -0.1), "the budget was not used")
	}
	for uid, restarts := range before {
		j.Expect(j.identities("shop")).To(gomega.HaveKeyWithValue(uid, restarts))
	}
}

// elapse lets real time pass.
func (j *journey) elapse(d time.Duration) {
	j.t.Helper()
	start := time.Now()
	j.Eventually(func() time.Duration { return time.Since(start) }).WithTimeout(2 * d).Should(gomega.BeNumerically(">=", d))
}

// lane is one kept connection, and thus leads to one pod.
type lane struct {
	client    *http.Client
	pod       string
	perSecond atomic.Int64
}

// skewed loads each pod at a rate of its own.
type skewed struct {
	lanes []*lane
	ended []context.CancelFunc
	work  sync.WaitGroup

	mu            sync.Mutex
	admitted      []time.Time
	total, failed int
}

// drive finds a lane to each of so many pods and sets their rates, those of pods that are driven already first.
func (s *skewed) drive(j *journey, pods int, perSecond []int64) {
	j.t.Helper()
	j.eventually(func() (int, error) {
		found, err := newLane(j.ctx)
		if err == nil && !slices.ContainsFunc(s.lanes, func(l *lane) bool { return l.pod == found.pod }) {
			s.lanes = append(s.lanes, found)
			ctx, cancel := context.WithCancel(j.ctx)
			s.ended = append(s.ended, cancel)
			s.work.Go(func() { s.run(ctx, found) })
		} else if found != nil {
			found.client.CloseIdleConnections()
		}
		return len(s.lanes), err
	}).WithPolling(10 * time.Millisecond).Should(gomega.Equal(pods))
	for i, rate := range perSecond {
		s.lanes[i].perSecond.Store(rate)
	}
}

func newLane(ctx context.Context) (*lane, error) {
	l := &lane{client: &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{MaxConnsPerHost: 1, MaxIdleConnsPerHost: 1},
	}}
	response, err := l.get(ctx)
	if err != nil {
		return l, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return l, fmt.Errorf("HTTP status %d", response.StatusCode)
	}
	var who struct{ Pod string }
	err = json.NewDecoder(response.Body).Decode(&who)
	l.pod = who.Pod
	_, _ = io.Copy(io.Discard, response.Body)
	return l, err
}

func (l *lane) get(ctx context.Context) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, cluster.url, http.NoBody)
	if err != nil {
		return nil, err
	}
	return l.client.Do(request)
}

// run sends at the lane's rate; a request that is due while one is under way follows it at once.
func (s *skewed) run(ctx context.Context, l *lane) {
	next := time.Now()
	for {
		rate := l.perSecond.Load()
		if rate == 0 {
			rate, next = 100, time.Now() // looks again
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(next)):
		}
		if l.perSecond.Load() > 0 {
			s.one(context.WithoutCancel(ctx), l)
		}
		next = next.Add(time.Second / time.Duration(rate))
	}
}

func (s *skewed) one(ctx context.Context, l *lane) {
	response, err := l.get(ctx)
	code := 0
	if err == nil {
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		code = response.StatusCode
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total++
	switch code {
	case http.StatusOK:
		s.admitted = append(s.admitted, time.Now())
	case http.StatusTooManyRequests:
	default:
		s.failed++
	}
}

func (s *skewed) stop() {
	for _, end := range s.ended {
		end()
	}
	s.work.Wait()
}

func (s *skewed) counts() (total, failed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total, s.failed
}

// deviation of what was admitted in any window of an interval from the budget.
func (s *skewed) deviation(from, until time.Time) (low, high float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	low, high = math.Inf(1), math.Inf(-1)
	if last := s.admitted[len(s.admitted)-1]; last.Before(until) {
		until = last
	}
	for start := from; !start.Add(window).After(until); start = start.Add(100 * time.Millisecond) {
		first, _ := slices.BinarySearchFunc(s.admitted, start, time.Time.Compare)
		last, _ := slices.BinarySearchFunc(s.admitted, start.Add(window), time.Time.Compare)
		off := float64(last-first)/(budget*window.Seconds()) - 1
		low, high = min(low, off), max(high, off)
	}
	return low, high
}
