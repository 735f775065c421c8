// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"embed"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"path"
	"strings"
)

// The repository's own traces are made by MadeTrace. They have what public traces of web servers show: days with peaks and a slump at
// noon, crowds that come within seconds and fade for minutes, jobs by the clock, and noise that is correlated over many seconds.
//
//go:embed traces/*.csv
var ownTraces embed.FS

// ownScenarios are the repository's own traces as scenarios of a service.
func ownScenarios(s Service) ([]Scenario, error) {
	names, err := fs.Glob(ownTraces, "traces/*.csv")
	if err != nil {
		return nil, err
	}
	var all []Scenario
	for _, name := range names {
		file, err := ownTraces.Open(name)
		if err != nil {
			return nil, err
		}
		trace, err := Trace("trace "+strings.TrimSuffix(path.Base(name), ".csv"), file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := file.Close(); err != nil {
			return nil, err
		}
		all = append(all, TraceScenario(s, trace))
	}
	return all, nil
}

// madeTraces are the generators by the name of the file. Each returns the rate at a moment in requests per second, without noise.
var madeTraces = map[string]func(random *rand.Rand) func(at float64) float64{
	"shop":   func(*rand.Rand) func(float64) float64 { return shopDay },
	"crowds": crowds,
	"clock":  func(*rand.Rand) func(float64) float64 { return byTheClock },
}

const (
	traceSeconds = 1800.0
	traceRow     = 5.0
)

// MadeTrace is the text of one of the repository's own traces: half an hour in rows of five seconds.
func MadeTrace(name string) string {
	random := rand.New(rand.NewPCG(0x7ace, uint64(len(name))))
	rate := madeTraces[name](random)
	var b strings.Builder
	b.WriteString("seconds,requests\n0,0\n")
	noise := 0.0
	for at := traceRow; at <= traceSeconds; at += traceRow {
		// An autoregressive process of the first order, with a deviation of 6 % that is forgotten within half a minute.
		noise = 0.85*noise + 0.06*math.Sqrt(1-0.85*0.85)*random.NormFloat64()
		fmt.Fprintf(&b, "%.0f,%.0f\n", at, traceRow*rate(at)*math.Exp(noise))
	}
	return b.String()
}

// shopDay is a day within half an hour: a night, peaks before noon and in the evening.
func shopDay(at float64) float64 {
	peak := func(center, width float64) float64 {
		return math.Exp(-(at - center) * (at - center) / (2 * width * width))
	}
	return 300 + 1100*peak(700, 180) + 1500*peak(1300, 150)
}

// crowds come at random moments, grow within seconds to a random height, and fade with a half-life of a minute and a half.
func crowds(random *rand.Rand) func(float64) float64 {
	type crowd struct{ at, height float64 }
	var all []crowd
	for at := 120 + 100*random.ExpFloat64(); at < traceSeconds; at += 120 + 200*random.ExpFloat64() {
		all = append(all, crowd{at, 400 * math.Min(math.Exp(0.7*random.NormFloat64()), 4)})
	}
	return func(at float64) float64 {
		rate := 500.0
		for _, c := range all {
			if since := at - c.at; since > 0 {
				rate += c.height * (1 - math.Exp(-since/4)) * math.Exp2(-since/90)
			}
		}
		return rate
	}
}

// byTheClock is a slow rise with jobs that begin every five minutes and take 40 s.
func byTheClock(at float64) float64 {
	rate := 500 + 500*at/traceSeconds
	if math.Mod(at, 300) < 40 {
		rate += 700
	}
	return rate
}
