// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build explore

package controllers

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// The fault explorer looks for faults by itself: it runs scenarios on a real API server while the operator dies between its
// writes, sees a cache that lags, loses watch events and gets errors for its writes, and demands the end state of a run in
// which nothing went wrong. Beside that it walks between specs that are generated from the CRD's own schema. It has
// a build tag of its own: `make explore` runs as much as its flags say and ends with a RESULT line.
var (
	exploreFaults      = flag.Int("explore.faults", 45, "fault runs of TestExploreFaults")
	exploreTransitions = flag.Int("explore.transitions", 60, "transitions of TestExploreTransitions")
	exploreSeed        = flag.Uint64("explore.seed", 1, "seed of what is chosen")
	exploreResult      = flag.String("explore.result", "", "file that gets a line for each kind of run")
)

// settledFor is how long an operator must have written nothing until its run is over: longer than a cache may lag.
const settledFor = 2 * longestLag

// exploration is one run of a scenario.
type exploration struct {
	t         *testing.T
	namespace string
	faults    *faults
	pods      *workload
	seed      uint64

	mu      sync.Mutex
	number  uint64
	cancel  context.CancelFunc
	ended   bool
	running sync.WaitGroup
}

// explore runs a scenario until it ends as it must – want is nil for the run that says how that is – or patience is over, and
// returns its end, what was told, and how many writes that took.
func explore(t *testing.T, s scenario, want snapshot, seed uint64, planned ...fault) (end snapshot, told map[string]int, writes int) {
	t.Helper()
	x := &exploration{t: t, namespace: newNamespace(t), faults: newFaults(planned...), pods: newWorkload(), seed: seed}
	x.faults.died = func() { x.running.Go(x.start) }
	x.start()
	defer x.stop()
	for _, step := range s.steps {
		step(t, x.namespace)
	}
	eventually(t, func(g gomega.Gomega) {
		var err error
		end, err = take(t.Context(), x.namespace, nil)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		if want != nil {
			g.Expect(cmp.Diff(want, end)).To(gomega.BeEmpty(), "end state (-undisturbed +this)")
		}
		_, idle := x.faults.writes()
		g.Expect(idle).To(gomega.BeNumerically(">", settledFor), "the operator goes on writing")
	})
	if left, err := orphans(t.Context(), x.namespace); err != nil || len(left) > 0 {
		t.Errorf("orphans: %v, %v", left, err)
	}
	var err error
	if told, err = eventsOf(t.Context(), x.namespace); err != nil {
		t.Fatal(err)
	}
	writes, _ = x.faults.writes()
	return end, told, writes
}

// start a process; one that runs already is dead.
func (x *exploration) start() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.cancel != nil {
		x.cancel()
	}
	if x.ended {
		return
	}
	x.number++
	random := &lockedRandom{random: rand.New(rand.NewPCG(x.seed, x.number))}
	config := rest.CopyConfig(testConfig)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return &process{faults: x.faults, next: next, random: random}
	})
	options := CacheOptions()
	options.DefaultNamespaces = map[string]cache.Config{x.namespace: {}}
	scheme := runtime.NewScheme()
	if err := AddToScheme(scheme); err != nil {
		x.t.Error(err)
		return
	}
	shutdown := time.Millisecond
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme, Cache: options, Metrics: metricsserver.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
		GracefulShutdownTimeout: &shutdown,
	})
	if err != nil {
		x.t.Error(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := Setup(ctx, mgr, Options{
		WorkloadImage: testImage, ask: x.pods.ask, skipNameValidation: true, pace: testPace,
	}); err != nil {
		cancel()
		x.t.Error(err)
		return
	}
	x.cancel = cancel
	x.running.Go(func() {
		// What a killed process says at its end is nobody's business.
		_ = mgr.Start(ctx)
	})
}

func (x *exploration) stop() {
	x.mu.Lock()
	x.ended = true
	if x.cancel != nil {
		x.cancel()
	}
	x.mu.Unlock()
	x.running.Wait()
}

// reference is a run in which nothing goes wrong.
type reference struct {
	end    snapshot
	told   map[string]int
	writes int
}

func TestExploreFaults(t *testing.T) {
	random := rand.New(rand.NewPCG(*exploreSeed, 0))
	references := make(map[string]reference, len(scenarios))
	for _, s := range scenarios {
		t.Run("undisturbed/"+s.name, func(t *testing.T) {
			end, told, writes := explore(t, s, nil, 0)
			references[s.name] = reference{end, told, writes}
			t.Logf("%d writes, events: %s", writes, pretty(told))
		})
	}
	if t.Failed() {
		t.Fatal("nothing to compare with")
	}
	var differences atomic.Int32
	runs := 0
	t.Run("disturbed", func(t *testing.T) {
		for _, run := range chooseRuns(random, references, *exploreFaults) {
			runs++
			t.Run(fmt.Sprintf("%s %v", run.scenario.name, run.planned), func(t *testing.T) {
				t.Parallel()
				defer func() {
					if t.Failed() {
						differences.Add(1)
					}
				}()
				undisturbed := references[run.scenario.name]
				_, told, _ := explore(t, run.scenario, undisturbed.end, run.seed, run.planned...)
				for event, count := range told {
					allowed := max(undisturbed.told[event], 1)
					if count > allowed {
						t.Errorf("told %d times, %d when nothing went wrong: %s", count, undisturbed.told[event], event)
					}
				}
			})
		}
	})
	report(t, "fault_runs=%d differences=%d", runs, differences.Load())
}

// exploredRun is one run to come.
type exploredRun struct {
	scenario scenario
	planned  []fault
	seed     uint64
}

// chooseRuns picks runs: first every kind of fault once for each scenario at a random write, then all others in random
// order, and when these are used up runs with two faults.
func chooseRuns(random *rand.Rand, references map[string]reference, count int) []exploredRun {
	var first, rest []exploredRun
	for _, s := range scenarios {
		writes := references[s.name].writes
		for _, kind := range writeFaults {
			chosen := 1 + random.IntN(writes)
			for number := 1; number <= writes; number++ {
				run := exploredRun{scenario: s, planned: []fault{{kind, number}}}
				if number == chosen {
					first = append(first, run)
				} else {
					rest = append(rest, run)
				}
			}
		}
		for _, kind := range []faultKind{faultStale, faultCutWatch} {
			for number := range writes {
				rest = append(rest, exploredRun{scenario: s, planned: []fault{{kind, number + 1}}})
			}
			first = append(first, exploredRun{scenario: s, planned: []fault{{kind, writes + 1}}})
		}
	}
	random.Shuffle(len(first), func(i, j int) { first[i], first[j] = first[j], first[i] })
	random.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	runs := append(first, rest...)
	for len(runs) < count {
		s := scenarios[random.IntN(len(scenarios))]
		writes := references[s.name].writes
		run := exploredRun{scenario: s}
		for range 2 {
			run.planned = append(run.planned, fault{writeFaults[random.IntN(len(writeFaults))], 1 + random.IntN(writes)})
		}
		if random.IntN(2) == 0 {
			run.planned = append(run.planned, fault{[]faultKind{faultStale, faultCutWatch}[random.IntN(2)], 0})
		}
		runs = append(runs, run)
	}
	runs = runs[:count]
	for i := range runs {
		runs[i].seed = random.Uint64()
	}
	return runs
}

// report notes the figures of a kind of run where a program asks for them.
func report(t *testing.T, format string, figures ...any) {
	t.Helper()
	text := fmt.Sprintf(format, figures...)
	t.Log(text)
	if *exploreResult == "" {
		return
	}
	file, err := os.OpenFile(*exploreResult, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := fmt.Fprintln(file, text); err != nil {
		t.Fatal(err)
	}
}
