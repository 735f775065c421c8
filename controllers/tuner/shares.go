// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"maps"
	"slices"
)

const (
	// keptShare of an equal part stays with every pod, so that one without traffic can answer its first requests. As long as it
	// has none, that much of the budget is nobody's, but for what is lent of it.
	keptShare = 0.02
	// misplaced is the part of the budget that may be with other pods than those that should have it, and usedWell the part of a
	// demand below the budget from which a division is good enough to stay: a new one is a write to each pod.
	misplaced = 0.03
	usedWell  = 0.98
	// roughly is what may be misplaced, or lost of a demand below the budget, while too little is known to tell it from chance.
	roughly = 0.1
	// spareByDemand is the part of what nobody needs that goes to pods in proportion to their demand, which has the larger peaks
	// the larger it is; the rest goes to all alike.
	spareByDemand = 0.5
)

// Divide a budget among pods by the demand of each. Where there is enough for all, every pod has what it needs and a part of the
// rest; else every pod keeps a small part and the rest goes in proportion, so that each request has the same chance at whichever
// pod it arrives. Pods of which nothing is known get an equal part, and the parts add up to the budget.
//
// Pods are not trusted: a demand counts up to the budget, of which a pod that exaggerates thus gets no more than all others
// together who need it.
func Divide(total float64, pods []string, demand map[string]float64) map[string]float64 {
	parts := make(map[string]float64, len(pods))
	sum, known := 0.0, 0
	for _, pod := range pods { // in their order, so that the sum is always the same one
		if figure, is := demand[pod]; is {
			sum += counted(figure, total)
			known++
		}
	}
	equal := total / float64(max(len(pods), 1))
	rest := equal * float64(known)
	for _, pod := range pods {
		figure, is := demand[pod]
		figure = counted(figure, total)
		switch {
		case !is || sum == 0:
			parts[pod] = equal
		case sum < rest:
			parts[pod] = figure + (rest-sum)*(spareByDemand*figure/sum+(1-spareByDemand)/float64(known))
		default:
			parts[pod] = equal*keptShare + rest*(1-keptShare)*figure/sum
		}
	}
	return parts
}

// demandFor is a demand by which Divide gives these parts, of a budget that is their sum.
func demandFor(parts map[string]float64) map[string]float64 {
	pods := slices.Sorted(maps.Keys(parts)) // in their order, so that the sum is always the same one
	kept := keptShare * sumOf(parts, pods) / float64(max(len(pods), 1))
	demand := make(map[string]float64, len(pods))
	for _, pod := range pods {
		demand[pod] = max(parts[pod]-kept, 0) / (1 - keptShare) * (1 + hair) // a hair more than the budget, of which then nothing is spare
	}
	return demand
}

// counted is a demand as far as it counts.
func counted(demand, total float64) float64 { return min(max(demand, 0), total) }

// serve says whether parts admit nearly all that the budget allows, from those who should have it, or so as far as figures tell that
// are rough.
func serve(parts map[string]float64, total float64, pods []string, demand map[string]float64, rough bool) bool {
	mayLose, mayMiss := 1-usedWell, misplaced
	if rough {
		mayLose, mayMiss = roughly, roughly
	}
	sum, lost, missing := 0.0, 0.0, 0.0
	target := Divide(total, pods, demand)
	for _, pod := range pods {
		part, given := parts[pod]
		if !given || part <= 0 {
			return false
		}
		figure := counted(demand[pod], total)
		sum += figure
		lost += max(figure-part, 0)
		missing += max(target[pod]-part, 0)
	}
	if sum < total {
		return lost <= mayLose*sum
	}
	return missing <= mayMiss*total
}

func equalParts(total float64, pods []string) map[string]float64 { return Divide(total, pods, nil) }

func sumOf(parts map[string]float64, pods []string) float64 {
	sum := 0.0
	for _, pod := range pods {
		sum += parts[pod]
	}
	return sum
}
