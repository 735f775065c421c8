// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package handoff

import (
	"encoding/binary"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"goservice.dev/operator/workload/internal/peers"
	"goservice.dev/operator/workload/internal/remote"
)

// Frames between brokers.
const (
	frameTakes   = peers.UserKind + iota // whether this pod takes requests
	frameWant                            // requests wait here
	frameGrant                           // a worker is kept for one of them
	frameRelease                         // it is not needed
	frameAsk                             // tokens are wanted
	frameTokens                          // so many are given, which may be none
)

// errMalformed is the answer to what no version of this package sends. It ends the link.
var errMalformed = errors.New("handoff: a frame that cannot be read")

// peer is another pod of the service. Its fields below the link are guarded by the broker's lock.
type peer struct {
	broker *Broker
	hello  peers.Hello
	link   *peers.Link
	calls  *remote.Calls

	retired atomic.Bool // nothing new goes over the link

	takes   bool      // it says that it does
	asked   time.Time // until when it remembers that requests wait here
	share   float64   // of what others take, that it may
	taken   float64   // requests, lately
	told    int       // how many it was told of, less those that it has taken
	resting time.Time // until when it is left alone
	rest    time.Duration
	invited time.Time     // when it last had a worker free
	work    time.Duration // that a request takes there, as it says
	moved   int           // requests, since it was left alone
	failing float64       // share of them, smoothed

	want    want      // its requests
	since   time.Time // when it said so
	good    time.Time // until when
	granted map[uint64]*time.Timer
	vain    int // times in turn that workers were kept for its requests, and none came

	owes     int       // tokens that it was asked for, and has not answered
	round    uint64    // in which it was asked
	dry      int       // how often in turn it has had none
	dryUntil time.Time // until when it is left alone for that
}

// available reports whether requests may go there at all.
func (p *peer) available(now time.Time) bool {
	return p.takes && !p.retired.Load() && now.After(p.resting)
}

func (p *peer) mayBeAsked(now time.Time) bool { return p.available(now) && now.After(p.asked) }

// near reports whether the pod is one of the own zone, where that is known.
func (p *peer) near() bool {
	zone := p.broker.zone
	return zone != "" && p.hello.Zone == zone && p.takes && !p.retired.Load()
}

// wants reports whether a request of the pod would be better off here, where one keeps a worker for as long as work.
func (p *peer) wants(now time.Time, work, hop time.Duration) bool {
	if p.retired.Load() || p.want.Waiting <= len(p.granted) || now.After(p.good) || now.Before(p.resting) {
		return false
	}
	there := p.want.Work
	if there == 0 { // nothing has run there yet
		there = work
	}
	return work+hop < p.want.Expected+there
}

// Frame implements peers.Handler.
func (p *peer) Frame(kind byte, payload []byte) error {
	if kind >= remote.FirstKind && kind <= remote.LastKind {
		return p.calls.Handle(kind, payload)
	}
	b := p.broker
	switch kind {
	case frameTakes:
		if p.says(payload) { // it has just become ready
			b.askMore()
		}
	case frameWant:
		w, err := decodeWant(payload)
		if err != nil {
			return err
		}
		b.mu.Lock()
		p.want, p.since = w, time.Now()
		p.good = p.since.Add(w.Memory)
		b.give()
		b.mu.Unlock()
	case frameGrant, frameRelease:
		id, n := binary.Uvarint(payload)
		if n <= 0 {
			return errMalformed
		}
		if kind == frameGrant {
			p.offered(id)
		} else {
			p.unused(id)
		}
	case frameAsk:
		return p.askedFor(payload)
	case frameTokens:
		return p.answered(payload)
	}
	return nil // others are of a later version
}

// says whether it takes, and at most how much of what others take.
func (p *peer) says(payload []byte) (takes bool) {
	b := p.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	took := p.takes
	p.takes, p.share = len(payload) > 0 && payload[0] == 1, 1
	if p.takes && !took { // it has what it refused to lend so far
		p.dry, p.dryUntil = 0, time.Time{}
		b.tokens.next.Store(0)
	}
	if len(payload) > 1 {
		if share, n := binary.Uvarint(payload[1:]); n > 0 {
			p.share = float64(min(share, wholeShare)) / wholeShare
		}
	}
	b.offers.mayOffer()
	return p.takes
}

// withinShare reports whether the pod may take one more: it has taken less than its share of the mean that others have. With no others, nobody
// knows what its share is, and it takes none. The lock is held.
func (p *peer) withinShare() bool {
	if p.share >= 1 {
		return true
	}
	taken, others := 0.0, 0.0
	for _, one := range p.broker.peers {
		if one.takes && one.share >= 1 {
			taken += one.taken
			others++
		}
	}
	return p.taken*others < p.share*taken
}

// took notes that the pod takes one more. What was long ago is forgotten. The lock is held.
func (p *peer) took() {
	if p.taken++; p.taken >= takenLately {
		for _, one := range p.broker.peers {
			one.taken /= 2
		}
	}
}

// offered is told that the pod keeps a worker: the first in the queue gets it, or one for whom there was no room in it.
func (p *peer) offered(id uint64) {
	b := p.broker
	if p.retired.Load() {
		_ = p.link.Send(frameRelease, binary.AppendUvarint(nil, id))
		return
	}
	moved := b.pool.Move(&Grant{InLine: true, peer: p, id: id})
	waiting, priority, oldest := b.pool.Movable()
	b.mu.Lock()
	defer b.mu.Unlock()
	if moved {
		b.takeOffer(nil)
	} else if !b.takeOffer(&Grant{peer: p, id: id}) {
		p.asked, p.invited = time.Time{}, time.Now()
		_ = p.link.Send(frameRelease, binary.AppendUvarint(nil, id))
		return
	}
	b.counters.Granted++
	p.took()
	if p.told--; p.told > 0 {
		return
	}
	p.asked = time.Time{} // it knows of nobody else who waits
	if waiting+len(b.offers.waiting) > 0 && p.mayBeAsked(time.Now()) && p.withinShare() {
		b.tell(p, b.wanted(waiting, b.waitAfter(oldest), priority), time.Now())
	}
}

// unused is told that the pod has no request for a worker that was kept.
func (p *peer) unused(id uint64) {
	b := p.broker
	b.mu.Lock()
	p.want.Waiting = 0
	b.counters.Unused++
	b.mu.Unlock()
	p.release(id)
}

// grant keeps a worker, which was taken, for a request of the pod. The lock is held.
func (p *peer) grant(id uint64) {
	p.granted[id] = time.AfterFunc(grantLife, func() { p.expire(id) })
	_ = p.link.Send(frameGrant, binary.AppendUvarint(nil, id))
}

// expire gives a worker back for which no request has come. It may be on its way, or lost where what one of both pods sends does not arrive: until a
// request comes, the pod is left alone for longer each time, as the link's own signs of life are rare.
func (p *peer) expire(id uint64) {
	if !p.unkeep(id) {
		return
	}
	p.calls.Refuse(id)
	b := p.broker
	b.mu.Lock()
	if now := time.Now(); now.After(p.resting) { // several may expire in the same moment
		p.resting = now.Add(min(firstVain<<min(p.vain, 10), longestRest))
		p.vain++
	}
	b.mu.Unlock()
	b.takeBack() // now, so that it is not kept for the same pod again
}

// release gives a worker back that was kept, once.
func (p *peer) release(id uint64) {
	if p.unkeep(id) {
		p.broker.takeBack()
	}
}

// takeBack a worker that was kept, and not used.
func (b *Broker) takeBack() {
	b.pool.Release()
	b.visited()
}

func (p *peer) unkeep(id uint64) bool {
	p.broker.mu.Lock()
	defer p.broker.mu.Unlock()
	timer, kept := p.granted[id]
	if kept {
		timer.Stop()
		delete(p.granted, id)
	}
	return kept
}

// Claim implements remote.Host: the worker that was kept is the call's.
func (p *peer) Claim(id uint64) bool {
	if !p.unkeep(id) {
		return false
	}
	b := p.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counters.Taken++
	p.vain = 0
	p.want.Waiting = max(0, p.want.Waiting-1)
	b.give()
	return true
}

// Drop implements remote.Host.
func (p *peer) Drop(id uint64) { p.release(id) }

// Accept implements remote.Host: who comes without having been promised a worker gets one that nobody else wants.
func (p *peer) Accept() bool {
	b := p.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.takes || p.retired.Load() || time.Now().Before(p.resting) || !b.mayVisit() || !b.pool.TryAcquire() {
		return false
	}
	b.visits++
	b.counters.Taken++
	return true
}

// Invites implements remote.Host.
func (p *peer) Invites() (free bool, work time.Duration) {
	b := p.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.takes && b.share >= 1 && b.mayVisit() && b.pool.Free(), time.Duration(b.work.Load())
}

// Serve implements remote.Host.
func (p *peer) Serve(call *remote.Incoming, w http.ResponseWriter, r *http.Request) {
	visited := sync.OnceFunc(p.broker.visited)
	defer visited()
	call.Streaming = visited
	p.broker.serve(call, w, r)
}

// ended is told how the call went.
func (g *Grant) ended(outcome remote.Outcome, err error) {
	p, b := g.peer, g.peer.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	if g.try && !errors.Is(err, remote.ErrGone) { // now it is known that there was a worker
		b.counters.Granted++
		p.took()
	}
	switch {
	case errors.Is(err, remote.ErrGone) && g.try:
		b.counters.Missed.add(g.InLine)
	case errors.Is(err, remote.ErrGone):
		b.counters.Returned.add(g.InLine)
	case err != nil:
		b.counters.Broken.add(g.InLine)
	default:
		b.counters.Moved.add(g.InLine)
		smooth(&b.hop, int64(max(0, outcome.Took-outcome.Worked)))
	}
	if errors.Is(err, remote.ErrGone) {
		return
	}
	if p.work = outcome.Work; outcome.Invites {
		p.invited = time.Now()
	}
}

// judge the pod by one more request.
func (p *peer) judge(failed bool) {
	p.broker.mu.Lock()
	defer p.broker.mu.Unlock()
	p.moved++
	one := 0.0
	if failed {
		one = 1
	}
	p.failing += (one - p.failing) / float64(min(p.moved, smoothing))
	if p.moved < judgedFrom || p.failing <= max(mostFailures, 2*p.broker.Failures()) {
		if p.moved >= 2*smoothing {
			p.rest = 0
		}
		return
	}
	p.rest = min(max(2*p.rest, firstRest), longestRest)
	p.resting, p.moved, p.failing = time.Now().Add(p.rest), 0, 0
	p.broker.logger.Warn("a pod that fails most of the requests that it is given is left alone for a while", "pod", p.hello.ID, "for", p.rest.String())
}

// Retire implements peers.Handler: calls that run go on.
func (p *peer) Retire() {
	p.retired.Store(true)
	p.giveUp()
}

// Idle implements peers.Handler.
func (p *peer) Idle() bool { return p.calls.Idle() }

// giveUp the workers that are kept for the pod, and what it owes.
func (p *peer) giveUp() {
	b := p.broker
	b.mu.Lock()
	kept := len(p.granted)
	for id, timer := range p.granted {
		timer.Stop()
		delete(p.granted, id)
	}
	p.good = time.Time{}
	b.visits -= kept
	if p.owes > 0 && p.round == b.tokens.round {
		b.hasAnswered()
	}
	p.owes = 0
	b.mu.Unlock()
	for range kept {
		b.pool.Release()
	}
}

// Ended implements peers.Handler.
func (p *peer) Ended(err error) {
	b := p.broker
	b.mu.Lock()
	b.peers = slices.DeleteFunc(b.peers, func(one *peer) bool { return one == p })
	b.mu.Unlock()
	p.giveUp()
	p.calls.Break(err)
}
