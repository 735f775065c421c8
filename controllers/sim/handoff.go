// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"math"
	"slices"
)

// The rules by which pods of the toolkit share their queue (docs/design/0008-sharing-the-queue.md), with its constants: in seconds.
const (
	// message is what one takes from pod to pod, and moveCPU what a move costs the processors of both pods together, as make bench-handoff
	// measured it (docs/hand-off.md).
	message = 0.0002
	moveCPU = 0.00093
	hop     = 2 * message
	// Who is expected to wait for less than patientShare of what work takes, or than patientHops hops, stays in line.
	patientShare = 0.75
	patientHops  = 3
	// Those who still wait are asked for again after as long as work takes, within these bounds.
	soonestAgain, latestAgain = 0.002, 0.050
	// A pod that was asked remembers it for as long as the wait is expected to last, within these bounds.
	leastMemory, mostMemory = 0.020, 1.0
	// invitationLife is how long a pod is believed to be free that said so with an answer, mostTries how often a request may go to such a
	// one.
	invitationLife = 0.020
	mostTries      = 2
	// coldFor is how many requests a pod has to have served before it takes more than one of others at a time.
	coldFor = 16
	// A request waits beside a full queue for as long as work takes, within these bounds and those of a wait in line, while others are asked;
	// askedBeforeRefusal are.
	leastOfferWait, mostOfferWait = 0.005, 0.100
	askedBeforeRefusal            = 2
	// mostOffers wait so at the same time; as long as the last one was in vain, one, after a pause that doubles within these bounds.
	mostOffers               = 64
	firstPause, longestPause = 0.005, 0.200
	// smoothing of the measured work: the mean of about as many requests.
	smoothing = 32
)

// want is what a pod knows of another one in which requests wait.
type want struct {
	of               *Pod
	until            float64
	waiting          int
	expected, theirs float64 // seconds of waiting and of work there
}

// invitation is what a pod said with an answer: that it has a worker free.
type invitation struct {
	of    *Pod
	until float64
}

// sharing is the part of a pod that shares its queue with the others.
type sharing struct {
	work     float64 // mean seconds that a request holds a worker
	wants    []want
	invited  []invitation
	asked    map[*Pod]float64 // until when they remember
	armed    bool
	reserved int // workers for requests that are on their way here
	taken    int // requests of others that are here
	away     int // own requests that are elsewhere
	beside   fifo
	pause    float64 // after the last offer in vain; 0 if it was not
	mayOffer float64 // from when it is of use again
}

// shares reports whether there is anybody to share with.
func (p *Pod) shares(w *World) bool { return w.sharing && len(w.serving) > 1 }

func (p *Pod) hasWorker(w *World) bool { return p.running+p.reserved < w.workers }

// isFree says that a request of another pod would run at once.
func (p *Pod) isFree(w *World) bool {
	return p.hasWorker(w) && p.queue.length == 0 && !p.leaving && (p.served >= coldFor || p.taken+p.reserved == 0)
}

// waits is called when a request has joined the queue.
func (p *Pod) waits(w *World) {
	if !p.shares(w) {
		return
	}
	expected := float64(2*p.queue.length-1) * p.work / float64(2*w.workers)
	if expected <= math.Max(patientHops*hop, patientShare*p.work) {
		p.arm(w)
		return
	}
	if p.accepts(w) {
		return
	}
	p.ask(w, 1, math.Max(expected, w.now-p.queue.first().arrived))
}

// accepts an invitation for the first in line.
func (p *Pod) accepts(w *World) bool {
	r := p.queue.first()
	for r.tries < mostTries && len(p.invited) > 0 {
		last := len(p.invited) - 1
		other := p.invited[last]
		p.invited = p.invited[:last]
		if other.until < w.now || other.of.leaving || other.of.stopping {
			continue
		}
		p.integrate(w.now)
		p.queue.pop()
		p.away++
		r.tries++
		r.origin = p
		w.after(message, func() {
			if other.of.isFree(w) {
				other.of.take(w, r)
				return
			}
			w.after(message, func() { p.comesBack(w, r) })
		})
		return true
	}
	return false
}

// comesBack has its place again.
func (p *Pod) comesBack(w *World, r *request) {
	p.integrate(w.now)
	p.away--
	r.origin = nil
	if p.hasWorker(w) && p.queue.length == 0 {
		p.start(w, r)
		return
	}
	p.queue.pushFront(r)
	if !p.accepts(w) {
		p.ask(w, 1, w.now-r.arrived)
	}
}

// ask so many more pods.
func (p *Pod) ask(w *World, pods int, expected float64) {
	for left, tries := pods, 0; left > 0 && tries < 2*len(w.serving); tries++ {
		other := w.serving[w.random.sharing.IntN(len(w.serving))]
		if other == p || other.leaving || p.asked[other] > w.now {
			continue
		}
		left--
		memory := math.Min(math.Max(expected, leastMemory), mostMemory)
		if p.asked == nil {
			p.asked = map[*Pod]float64{}
		}
		p.asked[other] = w.now + memory
		told := want{p, w.now + memory, p.queue.length + p.beside.length, expected, p.work}
		w.after(message, func() {
			other.wants = append(slices.DeleteFunc(other.wants, func(old want) bool { return old.of == p }), told)
			other.grant(w)
		})
	}
	p.arm(w)
}

// arm has those who still wait asked for soon.
func (p *Pod) arm(w *World) {
	if p.armed {
		return
	}
	p.armed = true
	w.after(math.Min(math.Max(p.work, soonestAgain), latestAgain), func() {
		p.armed = false
		p.expire(w)
		if p.queue.length > 0 && p.shares(w) {
			p.ask(w, 1, math.Max(p.work, w.now-p.queue.first().arrived))
		}
	})
}

// grant free workers to those who want one and are better off here.
func (p *Pod) grant(w *World) {
	for len(p.wants) > 0 && p.isFree(w) {
		first := &p.wants[0]
		of := first.of
		if first.until < w.now || p.work+hop >= first.expected+first.theirs {
			p.wants = p.wants[1:]
			continue
		}
		if first.waiting--; first.waiting == 0 {
			p.wants = p.wants[1:]
			delete(of.asked, p)
		}
		p.reserved++
		w.after(message, func() { of.granted(w, p) })
	}
}

// granted sends the first in line to a pod that keeps a worker for it, or gives the worker back.
func (p *Pod) granted(w *World, by *Pod) {
	p.expire(w)
	from := &p.queue
	if from.length == 0 {
		from = &p.beside
	}
	if from.length == 0 {
		w.after(message, func() {
			by.reserved--
			by.next(w)
		})
		return
	}
	p.integrate(w.now)
	r := from.pop()
	r.origin = p
	p.pause, p.mayOffer = 0, 0
	p.away++
	p.next(w)
	w.after(message, func() {
		by.reserved--
		by.take(w, r)
	})
}

// take a request of another pod.
func (p *Pod) take(w *World, r *request) {
	p.integrate(w.now)
	p.taken++
	r.cpu += moveCPU
	p.start(w, r)
}

// answer a request that came from another pod, and say whether a worker is free.
func (p *Pod) answer(w *World, r *request) {
	p.taken--
	free := p.isFree(w)
	w.after(message, func() {
		origin := r.origin
		if free {
			origin.invited = append(origin.invited, invitation{p, w.now + invitationLife})
		}
		origin.integrate(w.now)
		origin.away--
		origin.moved++
		origin.answered(w, r)
		if origin.stopping {
			w.collect(origin)
		}
	})
}

// offer a request for which the queue has no room.
func (p *Pod) offer(w *World, r *request) {
	if w.now > p.mayOffer+longestPause { // that was in another time
		p.pause = 0
	}
	if w.now < p.mayOffer || p.beside.length >= mostOffers || p.pause > 0 && p.beside.length > 0 {
		p.lose(w, r)
		return
	}
	p.beside.push(r)
	r.offered = w.now + math.Max(math.Min(p.work, math.Min(mostOfferWait, w.queueTimeout)), leastOfferWait)
	p.ask(w, askedBeforeRefusal, math.Max(p.work*float64(p.queue.length+1)/float64(w.workers), leastMemory))
	w.after(r.offered-w.now+1e-9, func() { p.expire(w) })
}

// worked notes for how long a request held a worker.
func (p *Pod) worked(seconds float64) {
	if p.work == 0 {
		p.work = seconds
		return
	}
	p.work += (seconds - p.work) / smoothing
}
