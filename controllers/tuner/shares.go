// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import "maps"

const (
	// keptShare of an equal part stays with every pod, so that one without traffic can answer its first requests. As long as it
	// has none, that much of the budget is nobody's.
	keptShare = 0.02
	// usedWell is the part of what could be admitted from which a division is good enough to stay: a new one retunes every pod.
	usedWell = 0.98
	// handedOut is the part of the budget that must be with the pods: what others gave back is handed on to the last bit.
	handedOut = 0.995
	// unfair is the part of the budget that may be with other pods than those that should have it. What a pod has beyond its
	// due is lost at the moment at which pods are added and its clients leave for them.
	unfair = 0.03
	// moved is the part of the budget that is taken at most from pods that use it in one round. While it is on its way nobody
	// admits it: once until it is known to have been given back and once until it is in force elsewhere.
	moved = 0.01
)

// Divide a budget among pods by the demand of each: every pod keeps a small part and the rest goes in proportion, so that
// each request has the same chance at whichever pod it arrives. Without a figure for each pod, or without any demand, the
// parts are equal. They never exceed the budget.
func Divide(total float64, pods []string, demand map[string]float64) map[string]float64 {
	parts := make(map[string]float64, len(pods))
	sum := 0.0
	for _, pod := range pods {
		figure, known := demand[pod]
		if !known || figure < 0 {
			sum = 0
			break
		}
		sum += figure
	}
	equal := total / float64(max(len(pods), 1))
	for _, pod := range pods {
		parts[pod] = equal
		if sum > 0 {
			parts[pod] = equal*keptShare + total*(1-keptShare)*demand[pod]/sum
		}
	}
	return parts
}

// Shares hands out parts of a budget to pods that come and go, such that what they may have in force together never exceeds
// it: a part grows only by what others are known to have given back. The zero value is ready.
type Shares struct {
	// granted is the most that each pod may have in force: what it was given last and, until it confirmed that, before.
	granted map[string]float64
	// given is what each was given last.
	given map[string]float64
	total float64
}

// Round is what Shares needs to know.
type Round struct {
	Total float64
	// Pods that can take traffic.
	Pods []string
	// Demand of each in requests per second; pods may be missing.
	Demand map[string]float64
	// Confirmed says that every pod runs what Next gave last.
	Confirmed bool
}

// Next is the part of each pod from now on. It changes nothing while the present parts serve well, and is to be called again
// as soon as all pods confirmed.
func (s *Shares) Next(r Round) map[string]float64 {
	s.keep(r)
	target := Divide(r.Total, r.Pods, r.Demand)
	if !exceeds(s.given, r) && s.good(r, target) {
		return maps.Clone(s.given)
	}
	if !exceeds(s.granted, r) && s.total == r.Total {
		s.takeGently(r, target)
	}
	return s.grant(r, target)
}

// exceeds says whether parts are of a higher total than the round's: by more than what pods that just came have on top.
func exceeds(parts map[string]float64, r Round) bool {
	return sumOf(parts, r.Pods) > (1+newcomersAtMost)*r.Total
}

// even leads back to equal parts, whatever the demand.
func (s *Shares) even(r Round) map[string]float64 {
	s.keep(r)
	return s.grant(r, Divide(r.Total, r.Pods, nil))
}

// keep only what concerns pods that are there, and only what is in force if all of it is.
func (s *Shares) keep(r Round) {
	if s.given == nil {
		s.granted, s.given = map[string]float64{}, map[string]float64{}
	}
	present := make(map[string]bool, len(r.Pods))
	for _, pod := range r.Pods {
		present[pod] = true
	}
	absent := func(pod string, _ float64) bool { return !present[pod] }
	maps.DeleteFunc(s.given, absent)
	maps.DeleteFunc(s.granted, absent)
	if r.Confirmed {
		s.granted = maps.Clone(s.given)
	}
}

// grant the targets, as far as what others may still have in force allows. Until parts of a higher total are known to have been
// given back none grows: some pods may have their new part in force already.
func (s *Shares) grant(r Round, target map[string]float64) map[string]float64 {
	s.total = r.Total
	free, wanted := r.Total, 0.0
	next, most := make(map[string]float64, len(r.Pods)), s.granted
	if exceeds(s.granted, r) {
		most = s.given
	}
	for _, pod := range r.Pods {
		next[pod] = min(target[pod], most[pod])
		free -= max(s.granted[pod], next[pod])
		wanted += target[pod] - next[pod]
	}
	if free > 0 && wanted > 0 {
		for _, pod := range r.Pods {
			next[pod] += (target[pod] - next[pod]) * min(free/wanted, 1)
		}
	}
	for pod, part := range next {
		s.granted[pod] = max(s.granted[pod], part)
	}
	s.given = next
	return maps.Clone(next)
}

// join says what a pod has in force that was given nothing by name so far.
func (s *Shares) join(pod string, part float64) {
	if _, known := s.given[pod]; !known && s.given != nil {
		s.given[pod], s.granted[pod] = part, part
	}
}

// takeGently raises the targets of pods that would lose what they use, so that they lose no more than moved together.
func (s *Shares) takeGently(r Round, target map[string]float64) {
	taken := 0.0
	used := make(map[string]float64, len(r.Pods))
	for _, pod := range r.Pods {
		used[pod] = s.granted[pod]
		if demand, known := r.Demand[pod]; known {
			used[pod] = min(used[pod], demand)
		}
		taken += max(used[pod]-target[pod], 0)
	}
	if taken <= moved*r.Total {
		return
	}
	for _, pod := range r.Pods {
		if loss := used[pod] - target[pod]; loss > 0 {
			target[pod] = used[pod] - loss*moved*r.Total/taken
		}
	}
}

// good says whether the present parts admit nearly all that the budget allows, from those who should have it.
func (s *Shares) good(r Round, target map[string]float64) bool {
	if s.total != r.Total || len(s.given) != len(r.Pods) {
		return false
	}
	admitted, demand, sum, missing := 0.0, 0.0, 0.0, 0.0
	for _, pod := range r.Pods {
		part, known := s.given[pod]
		if !known || part <= 0 {
			return false
		}
		sum += part
		admitted += min(part, r.Demand[pod])
		demand += r.Demand[pod]
		missing += max(target[pod]-part, 0)
	}
	switch {
	case sum < handedOut*r.Total: // some growth still waits for others to give back
		return false
	case demand <= usedWell*r.Total:
		return admitted >= usedWell*demand
	}
	return missing <= unfair*r.Total
}
