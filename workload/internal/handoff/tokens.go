// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package handoff

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"goservice.dev/operator/workload/ratelimit"
)

const (
	// tokenWait is how long a request waits for the tokens of other pods at most.
	tokenWait = 5 * time.Millisecond
	// Who gave less than it was asked for has none left to give, and is left alone for as long as it says, which is at least leastRest and
	// at most mostRest. Who has had none again and again is for twice as long each time, up to restOfEach for each linked pod: so a pod asks
	// less than ten times a second where all are dry.
	leastRest  = 5 * time.Millisecond
	mostRest   = time.Second
	restOfEach = 200 * time.Millisecond
	// keptShare of a bucket is not given away.
	keptShare = 4
	// mostTokens that one answer has: taking them must not hold up the link.
	mostTokens = 1 << 10
)

// tokens of a rate limit that the pods share: each has its part of the rate, and what one does not need another may use. A token is in
// one bucket, on one link, or spent; a link that breaks loses it.
type tokens struct {
	limiter        *ratelimit.Limiter
	borrows, lends atomic.Bool
	next           atomic.Int64 // from when it is of use to ask, on the broker's clock

	// Guarded by the broker's lock. A round is what two pods are asked for at once.
	round   uint64
	until   time.Time // the end of the round
	missing int       // answers to it
	places  int       // of those who may wait for it
	waiting []chan bool
}

// never is a time to ask that does not come by itself.
const never = math.MaxInt64

// ShareLimit says whether the limiter's rate and burst are this pod's part of a limit that all pods have together, of which it borrows from
// others, and lends to them.
func (b *Broker) ShareLimit(borrows, lends bool) {
	b.tokens.borrows.Store(borrows)
	b.tokens.lends.Store(lends)
}

// Borrow is for a request that has found the bucket empty. It reports whether the request is admitted by a token of another pod. It
// waits only where there is somebody to ask who may have some.
func (b *Broker) Borrow() bool {
	t := &b.tokens
	if !t.borrows.Load() || int64(time.Since(b.start)) < t.next.Load() {
		return false
	}
	b.mu.Lock()
	now := time.Now()
	if !now.Before(t.until) && !b.askForTokens(now) || len(t.waiting) >= t.places {
		b.mu.Unlock()
		return false
	}
	answer, left := make(chan bool, 1), t.until.Sub(now)
	t.waiting = append(t.waiting, answer)
	b.mu.Unlock()
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case got := <-answer:
		return got
	case <-timer.C:
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case got := <-answer: // in the same moment
		return got
	default:
	}
	for i, one := range t.waiting {
		if one == answer {
			t.waiting = append(t.waiting[:i], t.waiting[i+1:]...)
			break
		}
	}
	return false
}

// askForTokens begins a round. It reports false if there is nobody to ask at the moment. The lock is held.
func (b *Broker) askForTokens(now time.Time) bool {
	t := &b.tokens
	_, burst := t.limiter.Limit()
	number := min(1+burst/keptShare, mostTokens) // as many as this pod would not give away again
	t.round++
	t.missing, t.places = 0, 0
	for range askedBeforeRefusal {
		p := b.mostRested(now)
		if p == nil {
			break
		}
		p.owes, p.round = number, t.round
		t.missing++
		t.places += number
		b.counters.AskedTokens++
		_ = p.link.Send(frameAsk, binary.AppendUvarint(nil, uint64(number))) //nolint:gosec // positive
	}
	if t.missing == 0 {
		t.next.Store(b.someoneHasRested())
		return false
	}
	t.until = now.Add(tokenWait)
	t.next.Store(0) // whoever comes during the round may wait for it
	return true
}

// mostRested is the pod that may be asked and has had the longest time to get tokens since, one by chance of those that were never
// asked; nil if there is none. The lock is held.
func (b *Broker) mostRested(now time.Time) (best *peer) {
	first := rand.IntN(len(b.peers) + 1)
	for i := range b.peers {
		p := b.peers[(first+i)%len(b.peers)]
		if p.lends() && !now.Before(p.dryUntil) && (best == nil || p.dryUntil.Before(best.dryUntil)) {
			best = p
		}
	}
	return best
}

// lends says whether the pod may be asked for tokens at all. The lock is held.
func (p *peer) lends() bool { return p.owes == 0 && p.takes && !p.retired.Load() }

// someoneHasRested is the first time at which there is somebody to ask. The lock is held.
func (b *Broker) someoneHasRested() int64 {
	first := int64(never)
	for _, p := range b.peers {
		if p.lends() {
			first = min(first, int64(p.dryUntil.Sub(b.start)))
		}
	}
	return first
}

// answered is told how many tokens a pod has given, and when it is of use to ask it again.
func (p *peer) answered(payload []byte) error {
	number, n := binary.Uvarint(payload)
	rest, m := binary.Uvarint(payload[max(n, 0):])
	if n <= 0 || m <= 0 {
		return errMalformed
	}
	b := p.broker
	t := &b.tokens
	b.mu.Lock()
	defer b.mu.Unlock()
	asked := p.owes
	p.owes = 0
	got := int(min(number, uint64(asked)))                                                           //nolint:gosec // bounded
	p.restFor(got, asked, min(max(time.Duration(min(rest, uint64(mostRest))), leastRest), mostRest)) //nolint:gosec // bounded
	b.counters.Received += uint64(got)                                                               //nolint:gosec // never negative
	for ; got > 0 && len(t.waiting) > 0; got-- {
		t.waiting[0] <- true
		t.waiting = t.waiting[1:]
	}
	for ; got > 0; got-- {
		t.limiter.GiveBack()
	}
	switch {
	case p.round == t.round:
		b.hasAnswered()
	case time.Now().After(t.until): // nobody was left to ask
		t.next.Store(b.someoneHasRested())
	}
	return nil
}

// hasAnswered notes an answer to the round, or that none will come. The lock is held.
func (b *Broker) hasAnswered() {
	if b.tokens.missing--; b.tokens.missing == 0 {
		b.endRound()
	}
}

// restFor is for how long the pod is left alone. The lock is held.
func (p *peer) restFor(got, asked int, rest time.Duration) {
	if got > 0 {
		p.dry = 0
	}
	if got == asked {
		p.dryUntil = time.Time{}
		return
	}
	if got == 0 {
		p.dry++
		most := max(rest, restOfEach*time.Duration(len(p.broker.peers)))
		rest = min(rest<<min(max(p.dry-2, 0), 10), most)
	}
	p.dryUntil = time.Now().Add(rest - rand.N(rest/4)) // not all pods at once
}

// endRound turns away whoever still waits for it. The lock is held.
func (b *Broker) endRound() {
	t := &b.tokens
	for _, one := range t.waiting {
		one <- false
	}
	t.waiting, t.until = nil, time.Time{}
	t.next.Store(b.someoneHasRested())
}

// askedFor is told that another pod has no tokens. It gets what is above a quarter of the bucket: this pod goes on getting its part of the
// limit, and a quarter is what it may need besides until it has asked for some itself. Half of the time in which the rest of the bucket comes
// is when it is of use to ask again: later, some would run over. A pod that does not serve yet lends nothing, and nor does one that stops:
// others still have its part, or are about to be given it.
func (p *peer) askedFor(payload []byte) error {
	number, n := binary.Uvarint(payload)
	if n <= 0 {
		return errMalformed
	}
	b := p.broker
	b.mu.Lock()
	serves := b.takes
	b.mu.Unlock()
	l, given, rest := b.tokens.limiter, 0, mostRest
	if rate, burst := l.Limit(); b.tokens.lends.Load() && serves && !p.retired.Load() && !math.IsInf(rate, 1) && rate > 0 {
		keep := burst / keptShare
		spare := min(int(l.Tokens())-keep, mostTokens)
		for given < spare && uint64(given) < number && l.Allow() { //nolint:gosec // never negative
			given++
		}
		rest = time.Duration(min(float64(burst-keep)/rate/2, mostRest.Seconds()) * float64(time.Second))
	}
	answer := binary.AppendUvarint(nil, uint64(given))  //nolint:gosec // never negative
	answer = binary.AppendUvarint(answer, uint64(rest)) //nolint:gosec // never negative
	if p.link.Send(frameTokens, answer) != nil {        // nobody gets them
		for range given {
			l.GiveBack()
		}
		return nil
	}
	b.mu.Lock()
	b.counters.Given += uint64(given) //nolint:gosec // never negative
	b.mu.Unlock()
	return nil
}
