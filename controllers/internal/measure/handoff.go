// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"bytes"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/controllers/tuner"
)

const (
	// Requests that moved are counted over at least that time and that many requests, so that chance does not move the percentage by more than a
	// few points from one window to the next.
	sharingWindow   = tuner.DriftPeriod
	sharingRequests = 1000
	// unlinkedFor is how long a pod that has nobody to share its queue with may still be about to find the others.
	unlinkedFor = time.Minute
	// Moves fail once more than mostFailed of a service's recent ones were returned or broken, until at most fewFailed of them are. Counts are halved
	// each movesHalved. Fewer than judgedMoves say nothing: a pod that dies takes a few along. Below forgottenMoves, nothing is known any more.
	mostFailed     = 0.5
	fewFailed      = 0.25
	movesHalved    = time.Minute
	judgedMoves    = 20
	forgottenMoves = 1
)

// HandOff is what a pod tells of the queue that it shares with the others of its service.
type HandOff struct {
	// Moved requests ran in another pod, Failed ones were to and came back or ended with the link; HopSeconds is what a move costs in time,
	// smoothed.
	Moved, Failed, HopSeconds float64
	// Peers are the pods with which this one is linked; nil: it shares no queue.
	Peers *float64
}

// movesName is the counter of requests that were to move to another pod, by the reason and the result.
const movesName = "goservice_hand_off_requests_total"

var (
	movesPrefix   = []byte(movesName + "{")
	movedLabel    = []byte(`result="moved"`)
	returnedLabel = []byte(`result="returned"`)
	brokenLabel   = []byte(`result="broken"`)
)

// count a line of that counter.
func (h *HandOff) count(line []byte) error {
	value, err := valueOf(line)
	switch {
	case bytes.Contains(line, movedLabel):
		h.Moved += value
	case bytes.Contains(line, returnedLabel), bytes.Contains(line, brokenLabel):
		h.Failed += value
	}
	return err
}

// Sharing is how the pods of a service share their queue. It changes seldom.
type Sharing struct {
	// Counted says that there was a window. Over the last one, MovedPercent of the requests, rounded down, ran in another pod, and that cost Hop
	// on average; 0: none did.
	Counted      bool
	MovedPercent int32
	Hop          time.Duration
	// LinksKnown is false while it is too soon to say more of the links: of Sharers, the ready pods that share their queue, Unlinked have had no
	// link for a minute although there are others. Both are 0 where there is no such pod.
	LinksKnown        bool
	Sharers, Unlinked int
	// MovesFail says that most of the requests that were to move lately were returned or broken.
	MovesFail bool
}

// Sharing of the queue by the pods of a service, as Follow told of it; zero while nothing is known.
func (l *Loop) Sharing(service types.NamespacedName) Sharing {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.services[service]; f != nil {
		return f.sharing
	}
	return Sharing{}
}

// share takes over what a round says of the queue that the pods share, and reports whether that is news.
func (l *Loop) share(f *followed, now Sharing) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.services[f.name] != f || f.sharing == now {
		return false
	}
	f.sharing = now
	return true
}

// sharedQueue turns the samples of successive rounds into a Sharing. The zero value is ready. It is not safe for concurrent use.
type sharedQueue struct {
	pods    map[string]sharer
	since   time.Time // when the window began; zero: at the next round
	window  sharedWindow
	recent  recentMoves
	sharing Sharing
}

// recentMoves of all pods, the older the less they count.
type recentMoves struct {
	tried, failed float64
	at            time.Time // of the last round
	fail          bool
}

// sharedWindow is what happened since a window began; hopSeconds are those of all that moved.
type sharedWindow struct{ requests, moved, hopSeconds float64 }

// sharer is a pod that shares its queue, as it was last.
type sharer struct {
	requests, moved, failed float64
	linked                  bool
	// unlinked is since when it has had no link although there are others; zero: it has one, or is alone.
	unlinked time.Time
}

// round takes in what pods say, by their names.
func (q *sharedQueue) round(now time.Time, pods []Pod, samples map[string]Sample) Sharing {
	ready, answered, sharers := 0, 0, 0
	q.recent.pass(now)
	next := make(map[string]sharer, len(q.pods))
	for _, pod := range pods {
		sample, has := samples[pod.Name]
		has = has && sample.Age <= maxSampleAge
		was, known := q.pods[pod.Name]
		switch {
		case has && sample.HandOff.Peers != nil:
			was.linked = *sample.HandOff.Peers > 0
			if known {
				q.recent.add(sample.HandOff.Moved-was.moved, sample.HandOff.Failed-was.failed)
			}
			next[pod.Name] = q.window.add(was, known, sample)
		case !has && known: // it did not answer this time
			next[pod.Name] = was
		}
		if _, shares := next[pod.Name]; pod.Ready {
			ready++
			answered += count(has)
			sharers += count(shares)
		}
	}
	q.pods = next
	q.close(now)
	q.sharing.MovesFail = q.recent.judge()
	unlinked, unsure := q.links(now, pods, sharers)
	q.sharing.Sharers, q.sharing.Unlinked = 0, unlinked
	q.sharing.LinksKnown = unlinked > 0 || !unsure && !(ready >= 2 && answered < 2)
	if unlinked > 0 {
		q.sharing.Sharers = sharers
	}
	return q.sharing
}

// pass some time.
func (m *recentMoves) pass(now time.Time) {
	if !m.at.IsZero() {
		left := math.Exp2(-float64(now.Sub(m.at)) / float64(movesHalved))
		m.tried, m.failed = left*m.tried, left*m.failed
	}
	m.at = now
}

// add what a pod counted since it was seen last, unless it counts anew.
func (m *recentMoves) add(moved, failed float64) {
	if moved >= 0 && failed >= 0 {
		m.tried += moved + failed
		m.failed += failed
	}
}

// judge whether moves fail.
func (m *recentMoves) judge() bool {
	switch {
	case m.tried < forgottenMoves:
		m.fail = false
	case m.tried < judgedMoves:
	case m.failed > mostFailed*m.tried:
		m.fail = true
	case m.failed <= fewFailed*m.tried:
		m.fail = false
	}
	return m.fail
}

// linked is which part of the ready pods had a link to another one when they answered last, of those that did; 0 where moves fail.
func (q *sharedQueue) linked(pods []Pod, samples map[string]Sample) float64 {
	if q.recent.fail {
		return 0
	}
	linked, known := 0, 0
	for _, pod := range pods {
		is, shares := q.pods[pod.Name]
		if _, answered := samples[pod.Name]; pod.Ready && (shares || answered) {
			known++
			linked += count(is.linked)
		}
	}
	return float64(linked) / float64(max(known, 1))
}

// links counts the ready pods that have been without a link for long, and says whether some are for less long. A pod that is alone has nobody
// to be linked with, however long.
func (q *sharedQueue) links(now time.Time, pods []Pod, sharers int) (unlinked int, unsure bool) {
	for _, pod := range pods {
		is, shares := q.pods[pod.Name]
		switch {
		case !shares:
			continue
		case is.linked || sharers < 2 || !pod.Ready:
			is.unlinked = time.Time{}
		case is.unlinked.IsZero():
			is.unlinked = now
		}
		q.pods[pod.Name] = is
		if is.unlinked.IsZero() {
			continue
		}
		if now.Sub(is.unlinked) >= unlinkedFor {
			unlinked++
		} else {
			unsure = true
		}
	}
	return unlinked, unsure
}

// add what a pod counted since it was seen last, unless it counts anew.
func (w *sharedWindow) add(was sharer, known bool, sample Sample) sharer {
	requests, moved := sample.Requests-was.requests, sample.HandOff.Moved-was.moved
	if known && requests >= 0 && moved >= 0 {
		w.requests += requests
		w.moved += moved
		w.hopSeconds += moved * sample.HandOff.HopSeconds
	}
	was.requests, was.moved, was.failed = sample.Requests, sample.HandOff.Moved, sample.HandOff.Failed
	return was
}

// close the window if it was long enough.
func (q *sharedQueue) close(now time.Time) {
	if q.since.IsZero() {
		q.since = now
	}
	if now.Sub(q.since) < sharingWindow || q.window.requests < sharingRequests {
		return
	}
	w := q.window
	q.sharing.Counted, q.sharing.Hop = true, 0
	q.sharing.MovedPercent = int32(math.Floor(100 * min(w.moved/w.requests, 1)))
	if w.moved > 0 {
		q.sharing.Hop = time.Duration(min(w.hopSeconds/w.moved, maxHopSeconds) * float64(time.Second)).Round(time.Microsecond)
	}
	q.since, q.window = now, sharedWindow{}
}

// maxHopSeconds is more than a move can take; pods are not trusted.
const maxHopSeconds = 3600

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}
