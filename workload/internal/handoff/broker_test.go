// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package handoff

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/workload/internal/peers"
	"goservice.dev/operator/workload/internal/remote"
	"goservice.dev/operator/workload/pool"
	"goservice.dev/operator/workload/ratelimit"
)

// pod of a service, whose requests take the time that they say.
type pod struct {
	name    string
	pool    *pool.Pool
	limiter *ratelimit.Limiter
	broker  *Broker
	slower  float64       // than others
	way     time.Duration // of each frame to it
	heard   func(kind byte)
	wrap    func(net.Conn) net.Conn
	fails   bool          // at once, or
	hangs   time.Duration // first
	leave   bool          // its clients, before they are answered

	mu  sync.Mutex
	ran map[string]int
}

func newPod(name string, workers int) *pod {
	p := &pod{name: name, pool: pool.New(pool.Config{Workers: workers, QueueDepth: 1 << 16}), slower: 1, ran: map[string]int{},
		limiter: ratelimit.New(ratelimit.Unlimited, 1)}
	p.broker = New(Config{Pool: p.pool, Limiter: p.limiter, Logger: slog.New(slog.DiscardHandler), Serve: func(_ *remote.Incoming, w http.ResponseWriter, r *http.Request) {
		p.work(w, r)
	}})
	return p
}

// work runs a request on a worker.
func (p *pod) work(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.ran[r.URL.Query().Get("id")]++
	p.mu.Unlock()
	took, _ := time.ParseDuration(r.URL.Query().Get("take"))
	took = time.Duration(float64(took) * p.slower)
	if p.fails {
		took = max(p.hangs, time.Millisecond)
		w.WriteHeader(http.StatusInternalServerError)
	}
	time.Sleep(took)
	p.pool.Release()
	p.broker.Worked(took)
	p.broker.Ended(p.fails)
	_, _ = w.Write([]byte(p.name))
}

// delayed gets each frame as late as the way takes.
func (p *pod) delayed(frame func(byte, []byte) error) func(byte, []byte) error {
	return func(kind byte, payload []byte) error {
		if p.way > 0 {
			time.Sleep(p.way)
		}
		if p.heard != nil {
			p.heard(kind)
		}
		return frame(kind, payload)
	}
}

// recorder says how the request has ended, as an exchange does.
type recorder struct {
	*httptest.ResponseRecorder
	left  bool // the client
	began time.Time
}

func (r *recorder) Status() int { return r.Code }
func (r *recorder) ByClient(patience time.Duration) bool {
	return r.left && time.Since(r.began) <= patience
}

// arrive is a request that a client has sent to this pod; it returns who ran it.
func (p *pod) arrive(ctx context.Context, id int, take time.Duration) (string, error) {
	target := "/?id=" + strconv.Itoa(id) + "&take=" + take.String()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	w := &recorder{httptest.NewRecorder(), p.leave, time.Now()}
	for {
		err := p.broker.AcquireFor(ctx, pool.Claim{Movable: true})
		var grant *Grant
		if errors.As(err, &grant) {
			_, err = grant.Run(ctx, w, r, remote.HeadOf(r), nil)
			if errors.Is(err, remote.ErrGone) {
				continue
			}
			return w.Body.String(), err
		}
		if err != nil {
			return "", err
		}
		p.work(w, r)
		return w.Body.String(), nil
	}
}

// service of some pods that are linked with each other.
func newService(t testing.TB, pods, workers int) (all []*pod, stop func()) {
	all, link := unlinked(pods, workers)
	return all, link(t)
}

// unlinked are pods that do not know each other until they are linked.
func unlinked(pods, workers int) (all []*pod, link func(testing.TB) (stop func())) {
	for i := range pods {
		all = append(all, newPod("pod "+strconv.Itoa(i), workers))
	}
	return all, func(t testing.TB) func() { return linkAll(t, all) }
}

func linkAll(t testing.TB, all []*pod) (stop func()) {
	var links []*peers.Link
	var ended sync.WaitGroup
	for i, one := range all {
		for _, other := range all[:i] {
			a, b := net.Pipe()
			for _, end := range []struct {
				conn     net.Conn
				from, to *pod
			}{{a, one, other}, {b, other, one}} {
				if end.from.wrap != nil {
					end.conn = end.from.wrap(end.conn)
				}
				link := peers.NewLink(end.conn)
				links = append(links, link)
				handler := end.from.broker.Linked(peers.Hello{ID: end.to.name, Zone: end.to.broker.zone}, link)
				ended.Go(func() { handler.Ended(link.Run(end.from.delayed(handler.Frame))) })
			}
		}
	}
	for _, one := range all {
		one.broker.Take(true)
	}
	return func() {
		for _, link := range links {
			link.Close()
		}
		ended.Wait()
		for _, one := range all {
			one.broker.again.Stop()
			if stats := one.pool.Stats(); stats.Busy != 0 || stats.Queued != 0 {
				t.Errorf("%s at the end: %+v", one.name, stats)
			}
		}
	}
}

// load is what clients see of a service.
type load struct {
	waits []time.Duration // beyond the work
	moved int
}

func (l load) quantile(q float64) time.Duration {
	slices.Sort(l.waits)
	return l.waits[int(q*float64(len(l.waits)-1))]
}

// offer sends requests at random times to the first reached pods, each by chance, and counts the runs of each.
func offer(t testing.TB, all []*pod, reached int, perSecond float64, requests int, work time.Duration) load {
	random := rand.New(rand.NewPCG(1, 2))
	var mu sync.Mutex
	var result load
	var clients sync.WaitGroup
	for id := range requests {
		time.Sleep(time.Duration(random.ExpFloat64() / perSecond * float64(time.Second)))
		take := time.Duration(float64(work) * math.Exp(0.47*random.NormFloat64()-0.11)) // a coefficient of variation of 0.5
		at := all[random.IntN(reached)]
		clients.Go(func() {
			began := time.Now()
			who, err := at.arrive(t.Context(), id, take)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			result.waits = append(result.waits, time.Since(began)-take)
			if who != at.name {
				result.moved++
			}
		})
	}
	clients.Wait()
	for id := range requests {
		if runs := runsOf(all, id); runs != 1 {
			t.Errorf("request %d ran %d times", id, runs)
		}
	}
	return result
}

// runsOf one request in all pods.
func runsOf(all []*pod, id int) (runs int) {
	for _, one := range all {
		one.mu.Lock()
		runs += one.ran[strconv.Itoa(id)]
		one.mu.Unlock()
	}
	return runs
}

func TestRequestsDoNotWaitWhereAnotherPodIsFree(t *testing.T) {
	const work, requests = 10 * time.Millisecond, 3000
	for name, test := range map[string]struct {
		pods, workers, reached int
		load                   float64
		p99                    time.Duration
	}{
		"evenly spread":                    {16, 1, 16, 0.8, 35 * time.Millisecond},
		"connections to a quarter of them": {16, 1, 4, 0.5, 35 * time.Millisecond},
		"full, connections to a quarter":   {16, 1, 4, 0.8, 50 * time.Millisecond},
		"pods of four workers":             {4, 4, 4, 0.8, 35 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all, stop := newService(t, test.pods, test.workers)
				perSecond := test.load * float64(test.pods*test.workers) / work.Seconds()
				result := offer(t, all, test.reached, perSecond, requests, work)
				if p99 := result.quantile(0.99); p99 > test.p99 {
					t.Errorf("p99 of the wait %s, want at most %s", p99, test.p99)
				}
				var c Counters
				for _, one := range all {
					n := one.broker.Counters()
					c.Asked, c.Granted, c.Unused, c.Taken = c.Asked+n.Asked, c.Granted+n.Granted, c.Unused+n.Unused, c.Taken+n.Taken
				}
				t.Logf("wait p50 %s, p99 %s, moved %.1f %%, per request: %.2f asked, %.2f unused", result.quantile(0.5), result.quantile(0.99),
					100*float64(result.moved)/float64(len(result.waits)), float64(c.Asked)/requests, float64(c.Unused)/requests)
				stop()
			})
		})
	}
}

// byPod is how many requests each pod ran.
func byPod(all []*pod) (runs []int) {
	for _, one := range all {
		n := 0
		for _, times := range one.ran {
			n += times
		}
		runs = append(runs, n)
	}
	return runs
}

// By chance alone, one pod's queue is long while others are idle.
func TestWaitsAreMuchShorterThanByChance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const work, requests = 10 * time.Millisecond, 10000
		alone, link := unlinked(16, 1)
		without := offer(t, alone, 16, 0.8*16/work.Seconds(), requests, work).quantile(0.99)
		stop := link(t)
		for _, one := range alone {
			clear(one.ran)
		}
		with := offer(t, alone, 16, 0.8*16/work.Seconds(), requests, work).quantile(0.99)
		t.Logf("p99 of the wait %s, by chance %s", with, without)
		if with > without*3/10 {
			t.Errorf("p99 of the wait %s, by chance %s", with, without)
		}
		stop()
	})
}

func TestASlowPodTakesLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const work, requests = 10 * time.Millisecond, 3000
		all, stop := newService(t, 8, 1)
		all[7].slower = 5
		result := offer(t, all, 7, 0.7*7/work.Seconds(), requests, work) // none of the requests comes in at the slow one
		runs := byPod(all)
		if p99 := result.quantile(0.99); p99 > 6*work || runs[7] > runs[0]/5 {
			t.Errorf("p99 of the wait %s, runs %v", p99, runs)
		}
		stop()
	})
}

func TestANewPodTakesOneAtATimeUntilItIsWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, stop := newService(t, 2, 8)
		most := 0
		watch := all[1].pool
		done := make(chan struct{})
		go func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(time.Millisecond):
				}
				if all[1].broker.served.Load() < coldFor {
					most = max(most, watch.Stats().Busy)
				}
			}
		}()
		for range 8 {
			_ = all[0].pool.TryAcquire()
		}
		offer(t, all, 1, 1000, 200, 10*time.Millisecond)
		close(done)
		for range 8 {
			all[0].pool.Release()
		}
		if runs := byPod(all); most != 1 || runs[1] != 200 {
			t.Errorf("%d at a time, runs %v", most, runs)
		}
		stop()
	})
}

// A stream keeps no worker, however long it lasts.
func TestAStreamDoesNotKeepANewPodFromTakingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, stop := newService(t, 2, 1)
		to := all[1]
		to.broker.serve = func(call *remote.Incoming, w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("id") != "1" {
				defer to.pool.Release()
				to.work(w, r)
				return
			}
			to.pool.Release()
			call.Stream()
			time.Sleep(time.Hour)
		}
		_ = all[0].pool.TryAcquire()
		var clients sync.WaitGroup
		clients.Go(func() { _, _ = all[0].arrive(t.Context(), 1, time.Hour) })
		synctest.Wait()
		began := time.Now()
		if _, err := all[0].arrive(t.Context(), 2, time.Millisecond); err != nil || time.Since(began) > time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		all[0].pool.Release()
		clients.Wait()
		stop()
	})
}

// Such as one behind the only slow request of a fast service.
func TestARequestThatWaitsLongerThanExpectedMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, stop := newService(t, 2, 1)
		for _, one := range all {
			one.broker.work.Store(int64(firstHop))
		}
		synctest.Wait() // they know of each other
		_ = all[0].pool.TryAcquire()
		time.AfterFunc(10*time.Second, all[0].pool.Release)
		began := time.Now()
		if who, err := all[0].arrive(t.Context(), 1, time.Millisecond); err != nil || who != all[1].name || time.Since(began) > time.Second {
			t.Errorf("%q, %v, after %s", who, err, time.Since(began))
		}
		time.Sleep(10 * time.Second)
		stop()
	})
}
