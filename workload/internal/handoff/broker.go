// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package handoff lets the pods of a service share their queue. A pod in which requests wait tells others so; a pod that has a free
// worker, and is better off, takes the worker for the first of them and says so; only then does the request leave its queue. So a
// request is in one queue at any time, and no pod has to guess who is free.
package handoff

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"goservice.dev/operator/workload/internal/peers"
	"goservice.dev/operator/workload/internal/remote"
	"goservice.dev/operator/workload/pool"
	"goservice.dev/operator/workload/ratelimit"
)

const (
	// A request stays in line as long as it is expected to wait for less than three quarters of what work takes, or than patientHops hops: moving
	// it would cost the processors more than it gains.
	patientHops = 3
	// askedAtOnce is how many pods are asked for each request that waits longer. Each message wakes a process, and what the second pod
	// offers is not needed most of the time.
	askedAtOnce = 1
	// askedBeforeRefusal are asked for a request that would be refused otherwise: two choices have most of what all have (Mitzenmacher,
	// The power of two choices, 1996).
	askedBeforeRefusal = 2
	// One more is asked for those who still wait after as long as work takes, but not sooner than soonestAgain or later than latestAgain.
	soonestAgain = 2 * time.Millisecond
	latestAgain  = 50 * time.Millisecond
	// invitationLife is how long a pod that had a worker free when a call ended is believed to have it. It is so short because a request
	// that goes to a pod which has stopped since then hangs there.
	invitationLife = 20 * time.Millisecond
	// A pod that was asked remembers it for as long as the wait is expected to last, at least leastMemory and at most mostMemory.
	leastMemory = 20 * time.Millisecond
	mostMemory  = time.Second
	// takenLately by one pod is when what all have taken counts half.
	takenLately = 128
	// mostWaiting that a pod is believed to have.
	mostWaiting = 1 << 20
	// grantLife is how long a worker is kept for a request that does not come: longer than CPU quotas, whose period is 100 ms, may stop
	// both pods one after another.
	grantLife = 250 * time.Millisecond
	// firstVain is for how long a pod is left alone after one was kept for it in vain, then for twice as long each time, up to longestRest.
	firstVain = time.Second
	// firstHop is what moving a request is taken to cost as long as it was not measured.
	firstHop = 300 * time.Microsecond
	// smoothing of measured times and shares: the mean of about as many.
	smoothing = 32
	// coldFor is how many requests a pod has to have served before it takes more than one of others at a time: caches, connections, and
	// the heap of a new one are cold.
	coldFor = 16
	// A pod that fails most requests, and much more often than this one, is busy with nothing and looks free. It is left alone for
	// firstRest, then for twice as long, up to longestRest.
	mostFailures = 0.5
	judgedFrom   = 8 // requests
	firstRest    = 5 * time.Second
	longestRest  = time.Minute
)

// Serve runs a request of another pod, with a worker that was taken for it.
type Serve func(call *remote.Incoming, w http.ResponseWriter, r *http.Request)

// Broker finds pods for the requests that wait here, and gives free workers to those that wait elsewhere.
type Broker struct {
	pool   *pool.Pool
	serve  Serve
	zone   string
	logger *slog.Logger
	start  time.Time // of the broker's clock
	tokens tokens
	offers offers

	work atomic.Int64 // how long requests keep a worker, smoothed
	hop  atomic.Int64 // what moving one costs in time, smoothed

	served  atomic.Int64 // requests that ran here, up to coldFor
	failing atomic.Int64 // of a million requests that ran here, smoothed
	armed   atomic.Bool  // the timer again runs; written with the lock held

	mu       sync.Mutex
	visits   int // workers that are kept or at work for others
	peers    []*peer
	takes    bool // ready, and not draining
	share    float64
	leaving  bool
	again    *time.Timer // asks for those who still wait
	grants   uint64      // ids of workers that were kept: even numbers
	tries    uint64      // ids of calls for which none is kept: odd numbers
	counters Counters
}

// Counters of what happened, since the start.
type Counters struct {
	// Asked is how often another pod was told of waiting requests, Granted how often one took a worker for them.
	Asked, Granted uint64
	// Moved is how often a request ran elsewhere, Missed how often it came back because a pod that had invited it had no worker any more, Returned
	// because the worker that was kept for it was gone, and Broken how often one ended with the link to the pod that ran it. One request
	// may come back and move again.
	Moved, Missed, Returned, Broken ByReason
	// Declined is how many without room were offered, and no other pod had a worker in time.
	Declined uint64
	// Taken is how many requests of others ran here, Unused how many workers were taken for a request that found one at home.
	Taken, Unused uint64
	// AskedTokens is how often another pod was asked for tokens of a shared limit, Received how many others gave, and Given how many
	// they got.
	AskedTokens, Received, Given uint64
}

// ByReason counts requests by why they were to move.
type ByReason struct {
	// Waiting were in line, NoRoom would have been refused.
	Waiting, NoRoom uint64
}

func (n *ByReason) add(inLine bool) {
	if inLine {
		n.Waiting++
	} else {
		n.NoRoom++
	}
}

// Sum of both.
func (n ByReason) Sum() uint64 { return n.Waiting + n.NoRoom }

// Config of a broker.
type Config struct {
	Pool *pool.Pool
	// Limiter of all requests that come in here.
	Limiter *ratelimit.Limiter
	// Serve runs requests of other pods.
	Serve Serve
	// Zone in which the pod runs; empty where it is not known.
	Zone   string
	Logger *slog.Logger
}

// New makes a broker.
func New(config Config) *Broker {
	b := &Broker{pool: config.Pool, serve: config.Serve, zone: config.Zone, logger: config.Logger, start: time.Now(), share: 1, tries: 1}
	b.tokens.limiter = config.Limiter
	b.tokens.next.Store(never)
	b.hop.Store(int64(firstHop))
	b.again = time.AfterFunc(time.Hour, b.askMore)
	b.again.Stop()
	b.pool.Share(b)
	return b
}

// Counters returns the counters.
func (b *Broker) Counters() Counters {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.counters
}

// Peers is how many pods this one is linked with.
func (b *Broker) Peers() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.peers {
		if !p.retired.Load() {
			n++
		}
	}
	return n
}

// Hop is the time that moving a request costs, as measured.
func (b *Broker) Hop() time.Duration { return time.Duration(b.hop.Load()) }

// million is what shares are counted in, as whole numbers can be smoothed without a lock.
const million = 1_000_000

// Worked notes for how long a request kept a worker. Every request calls it.
func (b *Broker) Worked(d time.Duration) {
	smooth(&b.work, int64(d))
	if b.served.Load() < coldFor {
		b.served.Add(1)
	}
	b.takeRoom()
	if b.armed.Load() {
		b.disarm()
	}
}

// Ended notes whether a request failed. Those that their clients broke off are not noted.
func (b *Broker) Ended(failed bool) {
	if failed {
		approach(&b.failing, million)
	} else if b.failing.Load() > 0 {
		approach(&b.failing, 0)
	}
}

// Failures is the share of the requests that failed here.
func (b *Broker) Failures() float64 { return float64(b.failing.Load()) / million }

// smooth moves a mean towards a value, and begins with the first one.
func smooth(mean *atomic.Int64, value int64) {
	if mean.Load() == 0 {
		mean.Store(value)
		return
	}
	approach(mean, value)
}

// approach moves a mean towards a value. A lost update of two at once does no harm.
func approach(mean *atomic.Int64, value int64) {
	old := mean.Load()
	if next := old + (value-old)/smoothing; next != old {
		mean.Store(next)
	}
}

// Linked begins to deal with a pod; it is for a peers.Mesh.
func (b *Broker) Linked(other peers.Hello, link *peers.Link) peers.Handler {
	p := &peer{broker: b, hello: other, link: link, granted: map[uint64]*time.Timer{}}
	p.calls = remote.NewCalls(link, p)
	b.mu.Lock()
	b.peers = append(b.peers, p)
	b.tokens.next.Store(0)
	b.say(p)
	if b.leaving {
		p.calls.Leave()
	}
	b.mu.Unlock()
	return p
}

// Take says whether other pods may be given workers: from when the service is ready, until it drains.
func (b *Broker) Take(takes bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.takes == takes {
		return
	}
	b.takes = takes
	for _, p := range b.peers {
		b.say(p)
	}
	if takes {
		b.give()
	}
}

// TakeShare bounds what this pod takes of the requests of each other pod, 0 to 1: that share of what the others without a bound take of them.
// 1, which is what holds at first, is no bound; with 0 it takes none. What others have been told to be waiting may still come.
func (b *Broker) TakeShare(share float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if share = min(max(share, 0), 1); share == b.share {
		return // to be told that a pod takes is to be told that it is ready for more
	}
	b.share = share
	for _, p := range b.peers {
		b.say(p)
	}
}

// Leave tells the handlers of requests that came in here and run elsewhere that the server begins to stop.
func (b *Broker) Leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.leaving = true
	for _, p := range b.peers {
		p.calls.Leave()
	}
}

// wholeShare is a share of 1, as it is sent.
const wholeShare = 1000

// say tells a pod whether this one takes, and with which share it is to be asked. The lock is held.
func (b *Broker) say(p *peer) {
	takes := byte(0)
	if b.takes {
		takes = 1
	}
	_ = p.link.Send(frameTakes, binary.AppendUvarint([]byte{takes}, uint64(b.share*wholeShare)))
}

// Freed is told by the pool that a worker is free which nobody here waits for.
func (b *Broker) Freed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.give()
}

// give takes free workers for those who wait elsewhere. The lock is held.
func (b *Broker) give() {
	for {
		best := b.neediest(time.Now())
		if best == nil || !b.takes {
			b.pool.Want(false)
			return
		}
		if !b.mayVisit() { // goes on when the one that is here has ended
			b.pool.Want(true)
			return
		}
		b.pool.Want(true) // before the attempt, so that a worker that becomes free right after it is heard of
		if !b.pool.TryAcquire() {
			return
		}
		b.grants += 2
		b.visits++
		best.grant(b.grants)
	}
}

// mayVisit reports whether one more request of others may run here: one at a time as long as the pod is cold. The lock is held.
func (b *Broker) mayVisit() bool { return b.visits == 0 || b.served.Load() >= coldFor }

// visited is told that a worker is not at work for another pod any more.
func (b *Broker) visited() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.visits--
	b.give()
}

// neediest is the pod whose first request has waited for long, of those of the highest priority for which it is better to run
// here; nil if there is none. The lock is held.
func (b *Broker) neediest(now time.Time) (best *peer) {
	for _, p := range b.peers {
		if !p.wants(now, time.Duration(b.work.Load()), b.Hop()) {
			continue
		}
		if best == nil || p.want.Priority > best.want.Priority || p.want.Priority == best.want.Priority && p.since.Before(best.since) {
			best = p
		}
	}
	return best
}

// Grant is a worker of another pod, as the error that a pool's Acquire returns.
type Grant struct {
	// InLine says that the request has left the queue for it, and was not one for which there was no room.
	InLine bool

	peer *peer
	id   uint64
	try  bool // no worker is kept for it
}

// Again reports whether a request that has not run may move once more: nobody had kept a worker for it.
func (g *Grant) Again() bool { return g.try }

// Error implements error.
func (g *Grant) Error() string { return "handoff: another pod has a worker" }

// Response is what the broker writes to, and judges a pod by.
type Response interface {
	http.ResponseWriter
	Status() int
	// ByClient reports whether the client kept the request from being served. One that left after this patience was kept waiting.
	ByClient(patience time.Duration) bool
}

// patience of clients that leave without a pod being to blame: usualWorks times what work usually takes here, and leastPatience at least.
const (
	usualWorks    = 10
	leastPatience = time.Second
)

// Patience of clients: who leaves later has left because it was not answered.
func (b *Broker) Patience() time.Duration {
	return max(usualWorks*time.Duration(b.work.Load()), leastPatience)
}

// Run hands the request over and writes the response. It returns remote.ErrGone if it has not run and will not.
func (g *Grant) Run(ctx context.Context, w Response, r *http.Request, head *remote.Head, streaming func() context.Context) (remote.Outcome, error) {
	outcome, err := g.peer.calls.Do(w, r, g.id, head, remote.Options{Client: ctx, Streaming: streaming, Try: g.try})
	g.ended(outcome, err)
	if errors.Is(err, remote.ErrGone) || w.ByClient(g.peer.broker.Patience()) {
		return outcome, err // which says nothing about the pod
	}
	g.peer.judge(err != nil || outcome.Aborted || w.Status() >= http.StatusInternalServerError)
	return outcome, err
}
