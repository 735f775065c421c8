// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

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
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/peerkeys"
)

// The fault explorer looks for faults by itself: it runs scenarios on a real API server while the operator dies between its
// writes, sees a cache that lags, loses watch events and gets errors for its writes, and demands the end state of a run in
// which nothing went wrong. Beside that it walks between specs that are generated from the CRD's own schema. A part of it runs
// with the other tests; `make explore` runs as much as its flags say and ends with a RESULT line.
var (
	exploreFaults      = flag.Int("explore.faults", 54, "fault runs of TestExploreFaults")
	exploreTransitions = flag.Int("explore.transitions", 60, "transitions of TestExploreTransitions")
	exploreSkip        = flag.Int("explore.skip", 0, "leave out that many runs of either kind: the number in a failure's name runs it again")
	exploreSeed        = flag.Uint64("explore.seed", 1, "seed of what is chosen")
	exploreParallel    = flag.Int("explore.parallel", 6, "runs at a time")
	exploreResult      = flag.String("explore.result", "", "file that gets a line for each kind of run")
)

const (
	// A run is over when its operator has written nothing for that long: longer than a refused write waits to be tried
	// again, and where the cache lags, longer than that. The run that others are compared with waits longest.
	quiet          = 400 * time.Millisecond
	quietLate      = 2 * longestLag
	quietReference = 3 * time.Second
	// glance is how often a run looks.
	glance = 50 * time.Millisecond
)

// exploreAll runs explorations, some at a time: the first number is count, and each is a test of its own.
func exploreAll(t *testing.T, from, count int, name func(i int) string, run func(t *testing.T, worker, i int)) (differences int) {
	t.Helper()
	var failed, next atomic.Int32
	var workers sync.WaitGroup
	for worker := range min(*exploreParallel, count) {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= count {
					return
				}
				if !t.Run(name(from+i), func(t *testing.T) { run(t, worker, from+i) }) {
					failed.Add(1)
				}
			}
		})
	}
	workers.Wait()
	return int(failed.Load())
}

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
// returns how that was.
func explore(t *testing.T, s scenario, want snapshot, seed uint64, planned ...fault) (was course) {
	t.Helper()
	x := &exploration{t: t, namespace: newNamespace(t), faults: newFaults(planned...), pods: newWorkload(), seed: seed}
	x.faults.died = func() { x.running.Go(x.start) }
	create(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: x.namespace, Name: peersMasterName}, Data: map[string][]byte{peersMasterKey: make([]byte, peerkeys.Bytes)}})
	x.start()
	defer x.stop()
	entered := watchConditions(t, x.namespace)
	for _, step := range s.steps {
		step(t, x.namespace)
	}
	enough := quiet
	switch {
	case want == nil:
		enough = quietReference
	case x.faults.late():
		enough = quietLate
	}
	gomega.NewWithT(t).Eventually(func(g gomega.Gomega) {
		_, idle := x.faults.writes()
		g.Expect(idle).To(gomega.BeNumerically(">", enough), "the operator goes on writing")
		var err error
		was.end, err = take(t.Context(), x.namespace)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		if want != nil {
			g.Expect(cmp.Diff(want, was.end)).To(gomega.BeEmpty(), "end state (-undisturbed +this)")
		}
	}).WithPolling(glance).Should(gomega.Succeed())
	if left, err := orphans(t.Context(), x.namespace); err != nil || len(left) > 0 {
		t.Errorf("orphans: %v, %v", left, err)
	}
	was.told = x.faults.announced()
	for event, times := range entered.until(t, x.namespace) {
		// A condition that was left and came back is told again.
		if was.told[event] > times {
			t.Errorf("told %d times, and %d times it became so: %s", was.told[event], times, event)
		}
		delete(was.told, event)
	}
	was.writes, _ = x.faults.writes()
	was.statuses = x.faults.statusWrites()
	return was
}

// conditionLog counts how often the stored status came to have each condition's status and reason, by reason and message.
type conditionLog struct {
	mu      sync.Mutex
	entered map[[2]string]int // by type and announcement
	version string
}

// watchConditions follows a new namespace's GoService, unimpeded.
func watchConditions(t *testing.T, namespace string) *conditionLog {
	t.Helper()
	watching, err := client.NewWithWatch(testConfig, client.Options{Scheme: testScheme})
	if err != nil {
		t.Fatal(err)
	}
	watcher, err := watching.Watch(t.Context(), &v1alpha1.GoServiceList{}, client.InNamespace(namespace))
	if err != nil {
		t.Fatal(err)
	}
	log := &conditionLog{entered: map[[2]string]int{}}
	var reading sync.WaitGroup
	reading.Go(func() {
		var before []metav1.Condition
		for event := range watcher.ResultChan() {
			if service, is := event.Object.(*v1alpha1.GoService); is {
				log.note(service, before)
				before = service.Status.Conditions
			}
		}
	})
	t.Cleanup(func() {
		watcher.Stop()
		reading.Wait()
	})
	return log
}

func (l *conditionLog) note(service *v1alpha1.GoService, before []metav1.Condition) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.version = service.ResourceVersion
	for _, is := range service.Status.Conditions {
		was := meta.FindStatusCondition(before, is.Type)
		if was == nil || was.Status != is.Status || was.Reason != is.Reason {
			l.entered[[2]string{is.Type, announcement(is.Reason, is.Message)}]++
		}
	}
}

// until is what was counted until now.
func (l *conditionLog) until(t *testing.T, namespace string) map[string]int {
	t.Helper()
	var now v1alpha1.GoService
	get(t, namespace, serviceName, &now)
	gomega.NewWithT(t).Eventually(func() string {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.version
	}).Should(gomega.Equal(now.ResourceVersion))
	l.mu.Lock()
	defer l.mu.Unlock()
	most := map[string]int{} // several conditions may say the same, and an event speaks of one
	for key, times := range l.entered {
		most[key[1]] = max(most[key[1]], times)
	}
	return most
}

// sharedMapper knows the API server's kinds, which every process would otherwise ask for at its start.
var sharedMapper = func() func(*rest.Config, *http.Client) (meta.RESTMapper, error) {
	var once sync.Once
	var mapper meta.RESTMapper
	var err error
	return func(*rest.Config, *http.Client) (meta.RESTMapper, error) {
		once.Do(func() {
			var connection *http.Client
			if connection, err = rest.HTTPClientFor(testConfig); err == nil {
				mapper, err = apiutil.NewDynamicRESTMapper(testConfig, connection)
			}
		})
		return mapper, err
	}
}()

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
	process := newProcess(x.faults, x.seed, x.number)
	config := rest.CopyConfig(testConfig)
	config.Wrap(process.connect)
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
		GracefulShutdownTimeout: &shutdown, MapperProvider: sharedMapper,
	})
	if err != nil {
		x.t.Error(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	reconciler, err := setup(ctx, mgr, Options{
		WorkloadImage: testImage, ask: x.pods.ask, skipNameValidation: true, pace: testPace, Namespace: x.namespace,
	})
	if err != nil {
		cancel()
		x.t.Error(err)
		return
	}
	reconciler.Events = listener{reconciler.Events, process}
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

// course is how a run went.
type course struct {
	end snapshot
	// told is how often events were told that speak of something else than a condition.
	told map[string]int
	// writes is how many there were, and statuses are the numbers of those to the status.
	writes   int
	statuses []int
}

// reach is up to which write there are faults. The count of writes differs by one or two from time to time, and the same seed
// is to choose the same runs.
func (c course) reach() int { return (c.writes + 3) / 4 * 4 }

func TestExploreFaults(t *testing.T) {
	random := rand.New(rand.NewPCG(*exploreSeed, 0))
	var mu sync.Mutex
	references := make(map[string]course, len(scenarios))
	if exploreAll(t, 0, len(scenarios), func(i int) string { return "undisturbed/" + scenarios[i].name }, func(t *testing.T, _, i int) {
		undisturbed := explore(t, scenarios[i], nil, 0)
		t.Logf("%d writes, of the status %v", undisturbed.writes, undisturbed.statuses)
		mu.Lock()
		defer mu.Unlock()
		references[scenarios[i].name] = undisturbed
	}) > 0 {
		t.Fatal("nothing to compare with")
	}
	chosen := chooseRuns(random, references, *exploreSkip+*exploreFaults)
	differences := exploreAll(t, *exploreSkip, *exploreFaults,
		func(i int) string { return fmt.Sprintf("%d %s %v", i, chosen[i].scenario.name, chosen[i].planned) },
		func(t *testing.T, _, i int) {
			run := chosen[i]
			undisturbed := references[run.scenario.name]
			for event, count := range explore(t, run.scenario, undisturbed.end, run.seed, run.planned...).told {
				if count > max(undisturbed.told[event], 1) {
					t.Errorf("told %d times, %d when nothing went wrong: %s", count, undisturbed.told[event], event)
				}
			}
		})
	report(t, "fault_runs=%d differences=%d", *exploreFaults, differences)
}

// exploredRun is one run to come.
type exploredRun struct {
	scenario scenario
	planned  []fault
	seed     uint64
}

// chooseRuns picks runs: first every kind of fault once for each scenario, at any write or at one of the status, which decides
// on events; then all others in random order, and when these are used up runs with two faults.
func chooseRuns(random *rand.Rand, references map[string]course, count int) []exploredRun {
	var first, rest []exploredRun
	for _, s := range scenarios {
		writes := references[s.name].reach()
		for _, kind := range writeFaults {
			chosen, statuses := 1+random.IntN(writes), references[s.name].statuses
			if pick := random.IntN(2 * len(statuses)); pick < len(statuses) {
				chosen = statuses[pick]
			}
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
		writes := references[s.name].reach()
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
		runs[i].seed = *exploreSeed<<32 + uint64(i)
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
