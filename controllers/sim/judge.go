// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

// Result of one simulation; the warm-up is left out.
type Result struct {
	Scenario, Contender string
	Role                Role
	Seed                uint64
	// Seconds that were judged, BadSeconds those of them in which more requests were slow or lost than the objective allows, and at
	// least two.
	Seconds, BadSeconds int
	// Lost and Slow requests of all.
	Requests, Lost, Slow int
	// CoreSeconds are the cores of the pods that existed, whether used or not, and what proxies used.
	CoreSeconds float64
	// Used core-seconds are what the requests needed.
	Used float64
	// Actions are changes of the wanted number of pods.
	Actions int
	// Stepped says that the load doubled within a second, WantedWithin how many seconds later at the most as many pods were wanted as can
	// take it at full use.
	Stepped      bool
	WantedWithin int
	// Percentile of the requests that the objective is about, 0 to 1.
	Percentile float64
	// seconds of the simulation, warm-up included, for pictures.
	seconds []second
	rate    func(float64) float64
}

// isBad says that more requests of a second were slow or lost than the objective allows, and at least two: with few requests a
// single one is more than any percentile allows.
func (s second) isBad(percentile float64) bool {
	bad := s.Slow + s.Lost
	return bad >= 2 && float64(bad) > (1-percentile)*float64(s.Arrived)+1e-9
}

// judge counts what became of the requests after the warm-up.
func (r *Result) judge() {
	for _, s := range r.seconds[min(warmUp, len(r.seconds)):] {
		r.Seconds++
		r.Requests += s.Arrived
		r.Lost += s.Lost
		r.Slow += s.Slow
		if s.isBad(r.Percentile) {
			r.BadSeconds++
		}
	}
}

// judgeStep looks for a step, and for when as many pods were wanted as it needs at full use; if that was never, for how long not.
func (r *Result) judgeStep(s Service) {
	for at := warmUp + 1; at < len(r.seconds); at++ {
		if r.rate(float64(at)) < 2*r.rate(float64(at)-1) {
			continue
		}
		needed := r.rate(float64(at)) * s.CPUTime.Seconds() / float64(s.Cores)
		r.Stepped, r.WantedWithin = true, len(r.seconds)-at
		for i := at; i < len(r.seconds); i++ {
			if float64(r.seconds[i].Wanted) >= needed {
				r.WantedWithin = i - at
				break
			}
		}
		return
	}
}

// Row is a contender in a scenario, over all seeds.
type Row struct {
	// Result holds the sums.
	Result
	Runs int
	// BadFrom and BadTo are the fewest and the most bad seconds of one run, LostFrom and LostTo likewise.
	BadFrom, BadTo, LostFrom, LostTo int
}

// Keeps says that the contender keeps the objective: of its seconds no larger share is bad than of its requests may be.
func (r *Row) Keeps() bool {
	return float64(r.BadSeconds) <= (1-r.Percentile)*float64(r.Seconds)+1e-9
}

// Rows adds up results; those of one scenario and contender follow each other.
func Rows(results []Result) []Row {
	var rows []Row
	for i := range results {
		r := &results[i]
		if n := len(rows); n == 0 || rows[n-1].Scenario != r.Scenario || rows[n-1].Contender != r.Contender {
			rows = append(rows, Row{Result: *r, Runs: 1, BadFrom: r.BadSeconds, BadTo: r.BadSeconds, LostFrom: r.Lost, LostTo: r.Lost})
			continue
		}
		sum := &rows[len(rows)-1]
		sum.Runs++
		sum.Seconds += r.Seconds
		sum.BadSeconds += r.BadSeconds
		sum.Requests += r.Requests
		sum.Lost += r.Lost
		sum.Slow += r.Slow
		sum.CoreSeconds += r.CoreSeconds
		sum.Used += r.Used
		sum.Actions += r.Actions
		sum.WantedWithin = max(sum.WantedWithin, r.WantedWithin)
		sum.BadFrom, sum.BadTo = min(sum.BadFrom, r.BadSeconds), max(sum.BadTo, r.BadSeconds)
		sum.LostFrom, sum.LostTo = min(sum.LostFrom, r.Lost), max(sum.LostTo, r.Lost)
	}
	return rows
}
