// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"slices"
	"time"

	"goservice.dev/operator/controllers/plan"
)

const (
	// maxStartups are remembered: enough to tell how long most pods take, few enough to follow a new image.
	maxStartups = 16
	// minStartups tell how long pods take; with fewer the plan's assumption holds.
	minStartups = 3
	// maxStartup is the longest time that counts as a start. A pod that was ready much later waited for something that more pods
	// would wait for too, such as room in the cluster, or was unready for a while in between.
	maxStartup = 5 * time.Minute
	// startupShare of the pods serve within the time that counts. One start in ten that took long, such as on a machine that did
	// not have the image, does not move it.
	startupShare = 0.9
)

// Start of a pod.
type Start struct {
	Pod string
	// Created is when the pod was made, Ready when it became ready to take traffic: zero until then.
	Created, Ready time.Time
	// Restarted says that the container is not the pod's first one: when it became ready says nothing of a pod's start.
	Restarted bool
}

// startups are how long the last pods took from their creation until they were ready. The zero value is ready.
type startups struct {
	took    []time.Duration // whole seconds, the newest last
	counted map[string]bool // pods that exist
	since   time.Time       // older pods were counted by somebody else
}

// observe the pods that exist. Each counts once, when it is first seen ready.
func (s *startups) observe(pods []Start) {
	present := make(map[string]bool, len(pods))
	for _, p := range pods {
		if s.counted[p.Pod] {
			present[p.Pod] = true
			continue
		}
		if p.Ready.IsZero() || p.Restarted {
			continue
		}
		present[p.Pod] = true
		took := time.Duration(math.Ceil(p.Ready.Sub(p.Created).Seconds())) * time.Second
		if took >= 0 && took <= maxStartup && p.Created.After(s.since) {
			s.took = append(s.took, max(took, time.Second))
		}
	}
	s.counted = present
	s.took = slices.Delete(s.took, 0, max(len(s.took)-maxStartups, 0))
}

// time that startupShare of the last pods took at most. It is not known where too few started.
func (s *startups) time() (time.Duration, bool) {
	if len(s.took) < minStartups {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(s.took))
	return sorted[int(math.Ceil(startupShare*float64(len(sorted))))-1], true
}

const (
	// leadStartups is how many times as long as a pod takes to start a rise is looked ahead: once to have the pod when it is
	// needed, and once because a line through the last minute lags behind a rise that becomes steeper.
	leadStartups = 2
	// minLead is for what no pod's conditions show, such as the next look and the way of an address to every node; they are in whole
	// seconds, and from clocks that may differ.
	minLead = plan.StartupTime
	// maxLead is for what the line is drawn through: further ahead than twice that, it says nothing.
	maxLead = 2 * StableWindow
	// wholeLead is how far the whole slope counts. Chance in it grows with the lead, so that further ahead only what is certain
	// does.
	wholeLead = StableWindow / 2
	// assumedLead while the time is not known: three times what the plan assumes, since pods may well take longer.
	assumedLead = 3 * plan.StartupTime
)

// lead is how far a rise is looked ahead.
func (s *startups) lead() time.Duration {
	took, known := s.time()
	if !known {
		return assumedLead
	}
	return min(max(leadStartups*took, minLead), maxLead)
}
