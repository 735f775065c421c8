// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package command is what `make sim` runs: it reads files and flags, and prints what the simulator says. It is a package so that
// modules with further contenders can run the same comparison.
package command

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"goservice.dev/operator/controllers/sim"
)

// options of the command.
type options struct {
	traces, images, sources, heldOut, state string
	development, full, limits, clock, code  bool
	base                                    float64
	seeds                                   int
	service                                 sim.Service
}

// Main compares autoscalers by the flags of the command line, and exits if that fails. change makes others of the contenders of a family
// beside the operator, in the same order.
func Main(change func(others []sim.Contender) []sim.Contender) {
	o := options{service: sim.Default()}
	flag.StringVar(&o.traces, "traces", "", "folder of CSV files with rows of seconds,requests, instead of the built-in scenarios")
	flag.StringVar(&o.images, "images", "", "folder for one SVG of each scenario")
	flag.StringVar(&o.sources, "sources", ".", "folder of the module's sources: the published seeds follow from the code that decides")
	flag.StringVar(&o.heldOut, "heldout", "", "a number: seeds that follow from it instead of the published ones, and shapes that vary with them")
	flag.StringVar(&o.state, "state", "", "file that keeps results, so that the same command goes on where it was cut off")
	flag.BoolVar(&o.development, "development", false, "the seeds 1, 2, … for developing rules, instead of the published ones")
	flag.BoolVar(&o.full, "full", false, "every contender, and 20 seeds")
	flag.BoolVar(&o.limits, "limits", false, "only the limit that pods share: seconds instead of minutes")
	flag.BoolVar(&o.code, "code", false, "only the digests of the code that decides and of the code that divides a limit, from which the published seeds follow, and of the simulator")
	flag.BoolVar(&o.clock, "clock", false, "only loads by the clock: three weeks of jobs that come at the same time, some minutes")
	flag.Float64Var(&o.base, "base", 600, "lowest rate of the built-in shapes in requests per second")
	flag.IntVar(&o.seeds, "seeds", 0, "how many seeds; 0: 3, or 20 with -full")
	flag.DurationVar(&o.service.CPUTime, "cpu", o.service.CPUTime, "mean CPU time of a request")
	flag.DurationVar(&o.service.Wait, "wait", o.service.Wait, "mean time that a request waits for others")
	flag.DurationVar(&o.service.Threshold, "threshold", o.service.Threshold, "latency threshold")
	flag.IntVar(&o.service.Cores, "cores", o.service.Cores, "cores of a pod")
	flag.Parse()
	if o.seeds <= 0 {
		o.seeds = 3
		if o.full {
			o.seeds = 20
		}
	}
	if err := run(os.Stdout, os.Stderr, o, change); err != nil {
		fmt.Fprintln(os.Stderr, "sim:", err)
		os.Exit(1)
	}
}

func run(to, progress io.Writer, o options, change func([]sim.Contender) []sim.Contender) error {
	switch {
	case o.code:
		return showCode(to, o)
	case o.limits:
		return shareLimits(to, o)
	case o.clock:
		return byTheClock(to, o, sim.ClockCases())
	}
	return compare(to, progress, o, change)
}

// showCode prints of which code published figures have to be.
func showCode(to io.Writer, o options) error {
	decides, err := digestOf(o, scaling)
	if err != nil {
		return err
	}
	divides, err := digestOf(o, sharing)
	if err != nil {
		return err
	}
	simulates, err := digestOfSimulator(o)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to, "deciding code %.8x\ndividing code %.8x\nsimulator %.8x\n", decides, divides, simulates)
	return err
}

// compare autoscalers in all scenarios.
func compare(to, progress io.Writer, o options, change func([]sim.Contender) []sim.Contender) error {
	seeds, from, err := seedsOf(o, scaling)
	if err != nil {
		return err
	}
	scenarios, err := scenariosOf(o)
	if err != nil {
		return err
	}
	pool := sim.FittedPool(o.service)
	limit := sim.HighestUtilization(o.service, pool, true)
	fmt.Fprintf(to, "%s of CPU and %s of waiting per request, %.0f%% within %s, pods of %d cores with %d workers and %d places; %s\n",
		o.service.CPUTime, o.service.Wait, 100*o.service.Percentile, o.service.Threshold, o.service.Cores, pool.Workers, pool.Depth, from)
	fmt.Fprintf(to, "the clairvoyant keeps pods at %d%% of their CPU\n\n", limit)
	kept, err := openState(o)
	if err != nil {
		return err
	}
	defer kept.close()
	var done atomic.Int64
	comparison := sim.Comparison{
		Scenarios: scenarios, Contenders: []sim.Contender{sim.Operator(), sim.OperatorAlone(), sim.Clairvoyant(limit)}, Seeds: seeds, Known: kept.find,
		Families: func(s sim.Scenario) []sim.Family {
			families := sim.Families(s, seeds, o.full)
			for i := range families {
				families[i].Contenders = change(families[i].Contenders)
			}
			return families
		},
		Done: func(r sim.Result) {
			kept.keep(r)
			if n := done.Add(1); n%25 == 0 {
				fmt.Fprintf(progress, "%d simulations, the last one of %s\n", n, r.Scenario)
			}
		},
	}
	if o.images != "" { // pictures need what is not kept
		comparison.Known = func(scenario, contender string, seed uint64) (sim.Result, bool) {
			if seed == seeds[0] && sim.IsPictured(contender) {
				return sim.Result{}, false
			}
			return kept.find(scenario, contender, seed)
		}
	}
	results := comparison.Run()
	if err := kept.err(); err != nil {
		return err
	}
	rows := sim.Rows(results)
	if err := sim.Table(to, rows); err != nil {
		return err
	}
	fmt.Fprintln(to)
	if o.images != "" {
		if err := draw(results, o, seeds[0]); err != nil {
			return err
		}
	}
	if o.traces == "" {
		if err := shareLimits(to, o); err != nil {
			return err
		}
	}
	return conclude(to, o, scenarios, rows)
}

// shareLimits prints how well a limit that pods share is used and kept.
func shareLimits(to io.Writer, o options) error {
	seeds, from, err := seedsOf(o, sharing)
	if err != nil {
		return err
	}
	fmt.Fprintf(to, "Ten pods that share a limit; %s\n\n", from)
	if err := sim.BudgetTable(to, seeds); err != nil {
		return err
	}
	_, err = fmt.Fprintln(to)
	return err
}

// byTheClock prints what becomes of jobs that come by the clock.
func byTheClock(to io.Writer, o options, cases []sim.ClockCase) error {
	seeds, from, err := seedsOf(o, scaling)
	if err != nil {
		return err
	}
	fmt.Fprintf(to, "%d cases of loads by the clock, pods that take 20 to 40 s to start; %s\n\n", len(cases), from)
	return sim.ClockTable(to, cases, seeds)
}

// conclude prints a line for each scenario and the last one.
func conclude(to io.Writer, o options, scenarios []sim.Scenario, rows []sim.Row) error {
	gradual := map[string]bool{}
	for _, s := range scenarios {
		gradual[s.Name] = s.Gradual
	}
	for i := range rows {
		if r := &rows[i]; r.Stepped && strings.HasPrefix(r.Scenario, "step") && sim.IsPictured(r.Contender) {
			fmt.Fprintf(to, "%s: %s wanted enough pods within %d s\n", r.Scenario, r.Contender, r.WantedWithin)
		}
	}
	verdict := sim.Judge(rows, func(name string) bool { return gradual[name] })
	if err := verdict.Summary(to); err != nil {
		return err
	}
	line := verdict.String()
	if o.heldOut != "" {
		line += " heldout=true"
	}
	_, err := fmt.Fprintf(to, "\n%s\n", line)
	return err
}

// scenariosOf are the built-in ones, or a folder's traces.
func scenariosOf(o options) ([]sim.Scenario, error) {
	if o.traces == "" {
		return sim.Scenarios(o.service, o.base, o.heldOut != "")
	}
	names, err := tracesOf(o)
	if err != nil {
		return nil, err
	}
	var scenarios []sim.Scenario
	for _, name := range names {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		shape, err := sim.Trace(strings.TrimSuffix(filepath.Base(name), ".csv"), file)
		if err := file.Close(); err != nil {
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		scenarios = append(scenarios, sim.TraceScenario(o.service, shape))
	}
	return scenarios, nil
}

// tracesOf a folder, by name.
func tracesOf(o options) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(o.traces, "*.csv"))
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("no *.csv in %s", o.traces)
	}
	return names, err
}

// fileName turns the name of a scenario into a part of a file's.
var fileName = strings.NewReplacer(", ", "-", " ", "-")

// draw one picture of each scenario, of one seed, always with the same few contenders.
func draw(results []sim.Result, o options, seed uint64) error {
	if err := os.MkdirAll(o.images, 0o755); err != nil {
		return err
	}
	for from := 0; from < len(results); {
		to := from
		var some []sim.Result
		for ; to < len(results) && results[to].Scenario == results[from].Scenario; to++ {
			if results[to].Seed == seed && sim.IsPictured(results[to].Contender) {
				some = append(some, results[to])
			}
		}
		file, err := os.Create(filepath.Join(o.images, "sim-"+fileName.Replace(results[from].Scenario)+".svg"))
		if err != nil {
			return err
		}
		if err := errors.Join(sim.Picture(file, o.service, some), file.Close()); err != nil {
			return err
		}
		from = to
	}
	return nil
}
