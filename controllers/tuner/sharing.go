// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"maps"
	"slices"
	"time"

	"goservice.dev/operator/controllers/plan"
)

// Budget is what the pods of a service share, and the pods.
type Budget struct {
	// Total of the inbound limit in requests per second; 0 without a shared one.
	Total float64
	// Serving pods by name, Unready ones that run and take no traffic, and those that are Leaving and still run.
	Serving, Unready, Leaving []string
	// Wanted is how many pods there should be. While the pods of an older template are being replaced the service is Rolling,
	// and up to Surge more exist.
	Wanted, Surge int
	Rolling       bool
	// LeaveWithin is how long after it began to leave a pod admits as much as before, at most.
	LeaveWithin time.Duration
	// LendWithin is how long after it began to leave a pod that is linked lends to others what it has.
	LendWithin time.Duration
	// Measured says that somebody measures the demand on each pod; then no figures mean that a round was lost.
	Measured bool
	// Confirmed says that every running pod has in force what it was given last; else Unconfirmed are those that do not, or nobody
	// knows which they are, where it is empty.
	Confirmed   bool
	Unconfirmed []string
	// InForce reads what an operator before this one has left. It is asked once; nil: nothing.
	InForce func() InForce

	// among how many pods equal parts are divided, where that is more than those that serve because others leave or have left; else 0. coming
	// pods are about to serve. Leaving pods use reserved requests per second, or lend them to those that serve: lends of them are there to be borrowed.
	among, coming   int
	reserved, lends float64
	// had is what each pod had in force at the last look, in requests per second; nil: equal parts of those that serve. ever is the least and
	// the most that it was given since all had confirmed; nil while that is not known.
	had  map[string]float64
	ever map[string]span
	// young pods have not been followed for long, settling says that the demand moves to other pods, and rough that nobody has been
	// followed since another operator divided last.
	young           map[string]bool
	settling, rough bool
}

// span is from the least of something to the most.
type span struct{ least, most float64 }

// InForce is a division that is found in place.
type InForce struct {
	// Parts of the pods that have one of their own, in requests per second by name; empty where all are equal.
	Parts map[string]float64
	// Newcomer is the part of a pod that is not named.
	Newcomer float64
	// Pods among which limits are divided equally; 0 while that is unknown.
	Pods int
}

// Divided is a division as it is found; without any, Pods is 0.
func (f InForce) Divided() Divided {
	divided := Divided{Pods: int32(f.Pods)}
	if len(f.Parts) > 0 {
		divided.Parts = &plan.Parts{Pods: f.Parts, Newcomer: f.Newcomer}
	}
	return divided
}

// Divided says who may admit what.
type Divided struct {
	// Pods among which limits are divided equally, at least 1.
	Pods int32
	// Parts of the inbound limit; nil: equal ones.
	Parts *plan.Parts
	// Again is when to look again even if nothing happens; zero: never.
	Again time.Time
}

// Sharing divides the limits of one service among its pods, from one look to the next. The zero value is ready. It is not safe
// for concurrent use.
type Sharing struct {
	divisor  divisor
	division Division
	started  bool
	// roughUntil is when as much is known as the operator before this one knew; zero: there was none.
	roughUntil time.Time
	// shares of the limit, which was total, that pods had in force at the last look and leaving ones had when they began to leave, 0 to 1.
	shares  map[string]float64
	total   float64
	leaving map[string]leaver
	// ever is Budget.ever. It is replaced, and never written to.
	ever map[string]span
	// linked are pods of which others could borrow when they answered last. It is replaced, and never written to.
	linked map[string]bool
}

type leaver struct {
	share float64
	// used is the part of the limit that it was seen to use last, at most share.
	used  float64
	since time.Time
	// found says that the pod was leaving at the first look already: share is then what all such pods have together.
	found bool
}

// Next divides among the pods as they are now. What it returns counts as given. usage is what they make of the inbound limit; nil
// means that nothing is known.
func (s *Sharing) Next(now time.Time, b Budget, usage *Usage) Divided {
	var found InForce
	if !s.started && b.InForce != nil {
		found = b.InForce()
	}
	b.InForce = nil // what is kept of the budget must not keep what that reads
	if usage == nil {
		usage = &Usage{}
	}
	demand := usage.Demand
	b.young, b.settling = usage.Young, usage.Settling
	if !s.started && (found.Pods > 0 || len(found.Parts) > 0) && len(b.Serving) > 0 {
		s.roughUntil = now.Add(keptFor)
	}
	b.rough = now.Before(s.roughUntil)
	s.link(b, usage)
	again := s.follow(now, b, found, usage.Demand)
	held, used, lends := s.kept(now, b)
	pods, next := s.divisor.next(now, b, held, found.Pods)
	again = sooner(again, next)
	if held > 0 || s.division.uneven && pods > len(b.Serving) {
		b.among = pods
	}
	b.coming = 0
	if now.Sub(s.divisor.progressAt) < lateAfter {
		b.coming = max(b.expected()-len(b.Serving), 0)
	}
	b.reserved, b.lends = used*b.Total, lends*b.Total
	b.had, b.ever = s.had(), s.ever
	if !s.started {
		s.division.takeOver(now, b, found)
	}
	parts, next := s.division.Next(now, b, demand)
	divided := Divided{Pods: int32(pods), Parts: parts, Again: sooner(again, next)}
	s.note(b, divided)
	s.started = true
	return divided
}

// sooner of two moments, of which zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Moves says whether Next would divide otherwise than it did last.
func (s *Sharing) Moves(now time.Time, b Budget, usage *Usage) bool {
	ahead := Sharing{
		divisor: s.divisor, division: s.division.clone(), started: s.started, roughUntil: s.roughUntil,
		shares: s.shares, total: s.total, leaving: maps.Clone(s.leaving), ever: s.ever, linked: s.linked,
	}
	next := ahead.Next(now, b, usage)
	return int(next.Pods) != s.divisor.pods || !same(s.division.given, next.Parts)
}

func (b Budget) expected() int {
	if b.Rolling {
		return b.Wanted + b.Surge
	}
	return b.Wanted
}

// link keeps which pods are linked, also of those that do not answer this time.
func (s *Sharing) link(b Budget, usage *Usage) {
	linked := make(map[string]bool, len(s.linked))
	for _, pod := range slices.Concat(b.Serving, b.Unready, b.Leaving) {
		is, answered := usage.Linked[pod]
		if is || !answered && s.linked[pod] {
			linked[pod] = true
		}
	}
	s.linked = linked
}

// follow keeps what leaving pods had in force until they are gone or get no more requests, and says when that is for the
// first of them, or when it lends nothing more.
func (s *Sharing) follow(now time.Time, b Budget, found InForce, demand map[string]float64) (again time.Time) {
	leaving := make(map[string]leaver, len(b.Leaving))
	for _, pod := range b.Leaving {
		l, known := s.leaving[pod]
		if !known {
			l = leaver{share: s.shares[pod], since: now}
			if !s.started {
				l.share, l.found = found.unaccounted(b), true
			}
			l.used = l.share
		} else if figure, is := demand[pod]; is && !l.found && b.Total > 0 {
			l.used = min(l.share, figure/b.Total)
		}
		for _, within := range []time.Duration{b.LendWithin, b.LeaveWithin} {
			if end := l.since.Add(within); l.share > 0 && now.Before(end) {
				again = sooner(again, end)
			}
		}
		leaving[pod] = l
	}
	s.leaving = leaving
	return again
}

// kept are the shares of the limit that leaving pods hold together, that they use, and that those which serve can borrow of them. What can be
// borrowed is used: whoever needs it has it at once, and would have it twice if it were given away.
func (s *Sharing) kept(now time.Time, b Budget) (held, used, lends float64) {
	var foundHeld, foundUsed, foundLends float64 // of those that are found, what all of them have together
	for _, pod := range b.Leaving {              // in their order, so that the sum is always the same one
		l := s.leaving[pod]
		holds := now.Before(l.since.Add(b.LeaveWithin))
		can := s.linked[pod] && now.Before(l.since.Add(b.LendWithin))
		switch {
		case !holds && !can:
			continue
		case l.found:
			foundUsed = l.share
			if holds {
				foundHeld = l.share
			}
			if can {
				foundLends = l.share
			}
			continue
		case can:
			used += l.share
			lends += l.share
		default:
			used += l.used
		}
		if holds {
			held += l.share
		}
	}
	return held + foundHeld, used + foundUsed, lends + foundLends
}

// unaccounted is the share of the limit that the serving pods are found not to have: the most that leaving ones may have, as
// their own parts are no longer written anywhere.
func (f InForce) unaccounted(b Budget) float64 {
	if len(f.Parts) == 0 {
		if f.Pods == 0 {
			return 0
		}
		return max(1-float64(len(b.Serving))/float64(f.Pods), 0)
	}
	rest := b.Total
	for _, pod := range b.Serving {
		rest -= f.Parts[pod] // what newcomers have comes on top
	}
	return min(max(rest/b.Total, 0), 1)
}

// had is what pods had in force at the last look; nil before the first.
func (s *Sharing) had() map[string]float64 {
	if s.shares == nil {
		return nil
	}
	had := make(map[string]float64, len(s.shares))
	for pod, share := range s.shares {
		had[pod] = share * s.total
	}
	return had
}

// note what the serving pods have in force.
func (s *Sharing) note(b Budget, divided Divided) {
	s.shares, s.total = make(map[string]float64, len(b.Serving)), b.Total
	for _, pod := range b.Serving {
		s.shares[pod] = 1 / float64(divided.Pods)
		if divided.Parts != nil {
			part, named := divided.Parts.Pods[pod]
			if !named {
				part = divided.Parts.Newcomer
			}
			s.shares[pod] = part / b.Total
		}
	}
	ever := make(map[string]span, len(b.Serving))
	for _, pod := range slices.Concat(b.Serving, b.Unready) {
		before, known := b.ever[pod], b.ever != nil
		if b.Confirmed {
			before, known = span{b.had[pod], b.had[pod]}, b.had != nil
		}
		now, serves := s.shares[pod]
		switch now *= b.Total; {
		case !serves:
			ever[pod] = before
		case !known:
			ever[pod] = span{now, now}
		default:
			ever[pod] = span{min(before.least, now), max(before.most, now)}
		}
	}
	s.ever = ever
}
