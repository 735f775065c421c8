// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"bytes"
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

// ownScenarios are the repository's own traces as scenarios of a service; if they vary, each seed has some of its own that are made in
// the same way.
func ownScenarios(s Service, vary bool) ([]Scenario, error) {
	names, err := fs.Glob(ownTraces, "traces/*.csv")
	if err != nil {
		return nil, err
	}
	var all []Scenario
	for _, file := range names {
		text, err := ownTraces.ReadFile(file)
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(path.Base(file), ".csv")
		trace, err := Trace("trace "+name, bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		scenario := TraceScenario(s, trace)
		if vary {
			scenario.Shape = func(seed uint64) Shape { return variedTrace(name, seed) }
		}
		all = append(all, scenario)
	}
	return all, nil
}

// variedTrace is made as the repository's own of this name, with another seed and other numbers.
func variedTrace(name string, seed uint64) Shape {
	trace, err := Trace("trace "+name, strings.NewReader(makeTrace(name, rand.New(rand.NewPCG(seed, 0x7ace)), drawn(seed))))
	if err != nil {
		panic(fmt.Sprintf("a trace that was made cannot be read: %v", err)) // a fault of this program
	}
	return trace
}

// madeTraces are the generators by the name of the file. Each returns the rate at a moment in requests per second, without noise.
var madeTraces = map[string]func(random *rand.Rand, number number) func(at float64) float64{
	"shop": shopDay, "crowds": crowds, "clock": byTheClock,
}

const (
	traceSeconds = 1800.0
	traceRow     = 5.0
)

// MadeTrace is the text of one of the repository's own traces: half an hour in rows of five seconds.
func MadeTrace(name string) string {
	return makeTrace(name, rand.New(rand.NewPCG(0x7ace, uint64(len(name)))), usual)
}

func makeTrace(name string, random *rand.Rand, number number) string {
	rate := madeTraces[name](random, number)
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
func shopDay(_ *rand.Rand, number number) func(float64) float64 {
	peak := func(height, center, width float64) func(float64) float64 {
		return func(at float64) float64 { return height * math.Exp(-(at-center)*(at-center)/(2*width*width)) }
	}
	noon := peak(number(1100, 600, 1600), number(700, 500, 800), 180)
	evening := peak(number(1500, 900, 2000), number(1300, 1100, 1500), 150)
	return func(at float64) float64 { return 300 + noon(at) + evening(at) }
}

// crowds come at random moments, grow within seconds to a random height, and fade with a half-life of a minute and a half.
func crowds(random *rand.Rand, number number) func(float64) float64 {
	type crowd struct{ at, height float64 }
	var all []crowd
	base, typical := number(500, 300, 700), number(400, 250, 700)
	for at := 120 + 100*random.ExpFloat64(); at < traceSeconds; at += 120 + 200*random.ExpFloat64() {
		all = append(all, crowd{at, typical * math.Min(math.Exp(0.7*random.NormFloat64()), 4)})
	}
	return func(at float64) float64 {
		rate := base
		for _, c := range all {
			if since := at - c.at; since > 0 {
				rate += c.height * (1 - math.Exp(-since/4)) * math.Exp2(-since/90)
			}
		}
		return rate
	}
}

// byTheClock is a slow rise with jobs that begin every five minutes and take 40 s.
func byTheClock(_ *rand.Rand, number number) func(float64) float64 {
	every, takes, jobs := number(300, 200, 420), number(40, 20, 60), number(700, 400, 1100)
	return func(at float64) float64 {
		rate := 500 + 500*at/traceSeconds
		if math.Mod(at, every) < takes {
			rate += jobs
		}
		return rate
	}
}
