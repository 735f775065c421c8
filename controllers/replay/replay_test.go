// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package replay

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/sim"
	"goservice.dev/operator/controllers/tuner"
)

var update = flag.Bool("update", false, "write the golden files")

var morning = time.Date(2026, 11, 23, 8, 5, 0, 0, time.UTC)

func service(t *testing.T, text string) *v1alpha1.GoService {
	t.Helper()
	var s v1alpha1.GoService
	if err := yaml.UnmarshalStrict([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

const checkout = `
metadata: {name: checkout, namespace: shop}
spec:
  image: registry.example/checkout:1
  slo: {availability: "99.9", latency: {threshold: 100ms, percentile: "99"}}
  autoscaling: {minReplicas: 2, maxReplicas: 40}
  resources: {requests: {cpu: "2"}, limits: {cpu: "2"}}
`

// hours of a demand that rises to a level and falls again, minute by minute.
func recorded(t *testing.T, minutes int, level float64) *Recording {
	t.Helper()
	r := &Recording{
		Service: service(t, checkout), From: morning, Step: time.Minute, Steps: minutes,
		CPUTime: 5 * time.Millisecond, ServiceTime: 10 * time.Millisecond, ServiceIsMeasured: true,
	}
	for i := range minutes {
		r.Demand = append(r.Demand, level*(1.2-math.Cos(2*math.Pi*float64(i)/float64(minutes))))
	}
	r.Counted, r.Pods = slices.Clone(r.Demand), slices.Repeat([]float64{5}, minutes)
	r.Missed = make([]float64, minutes)
	return r
}

// What a replay says the operator decides is what it decides in the simulator, where each request is simulated: the same code, and nearly
// the same pods at each minute, whether they share their queue or not.
func TestAReplayDecidesAsTheSimulatorDoes(t *testing.T) {
	t.Parallel()
	most := map[v1alpha1.HandOffMode]int{}
	for _, mode := range []v1alpha1.HandOffMode{v1alpha1.HandOffAutomatic, v1alpha1.HandOffDisabled} {
		r := recorded(t, 30, 900)
		r.Service.Spec.HandOff = mode
		most[mode] = decidesAlike(t, r, mode == v1alpha1.HandOffAutomatic)
	}
	if most[v1alpha1.HandOffAutomatic] >= most[v1alpha1.HandOffDisabled] {
		t.Errorf("as many pods with a shared queue as without: %v", most)
	}
}

func decidesAlike(t *testing.T, r *Recording, sharing bool) (most int) {
	t.Helper()
	replayed, err := r.Replay(Declared{"declared", &r.Service.Spec})
	if err != nil {
		t.Fatal(err)
	}
	figures := plan.Compute(&r.Service.Spec, r.observed())
	simulated := r.simulated(&r.Service.Spec, &figures)
	var floors []int
	operator := sim.OperatorOf("", &r.Service.Spec, true, func(changes []tuner.Change) {
		for _, c := range changes {
			if at := morning.Add(c.At.Sub(beginning) - sim.WarmUp*time.Second); c.What == "replica floor" && !at.Before(morning) {
				floors = append(floors, number(t, c.To))
			}
		}
	})
	operator.Sharing = sharing
	single := sim.Run(simulated, sim.FittedPool(simulated), r.shape(), operator, seed)
	off := 0.0
	pods := make([]float64, r.Steps)
	for second, m := range single.Moments() {
		if second < 60*r.Steps {
			pods[second/60] += float64(m.Pods) / 60
		}
	}
	for i := range pods {
		off += math.Abs(pods[i]-replayed.Pods[i]) / float64(r.Steps)
	}
	if off > 0.2 {
		t.Errorf("the pods differ by %.2f on average:\n%.1f\n%.1f", off, pods, replayed.Pods)
	}
	var decided []int
	for _, d := range replayed.Decisions {
		if d.What == "replica floor" {
			decided = append(decided, number(t, d.To))
		}
	}
	if slices.Max(floors)-slices.Max(decided) > 1 || slices.Max(decided) > slices.Max(floors) || decided[0] != floors[0] || decided[len(decided)-1] != floors[len(floors)-1] {
		t.Errorf("floors %v, and with single requests %v", decided, floors)
	}
	if *replayed.MissedSeconds > 60 || math.Abs(replayed.Requests/60-sum(r.Demand)) > 0.01*sum(r.Demand) {
		t.Errorf("%d seconds missed, %v requests of %v", *replayed.MissedSeconds, replayed.Requests, 60*sum(r.Demand))
	}
	return replayed.MostPods
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Error(err)
	}
	return n
}

func sum(values []float64) float64 {
	total := 0.0
	for _, v := range values {
		total += v
	}
	return total
}

// A gap is in no figure, whatever happens in it.
func TestAGapIsInNoFigure(t *testing.T) {
	t.Parallel()
	r := recorded(t, 60, 200)
	for i := 20; i < 30; i++ {
		r.Demand[i], r.Counted[i], r.Pods[i] = math.NaN(), math.NaN(), math.NaN()
	}
	ran := r.AsItRan()
	declared, err := r.Replay(Declared{"declared", &r.Service.Spec})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []Outcome{ran, declared, r.Rival(50)} {
		if o.Seconds != 3000 || !math.IsNaN(o.Pods[25]) || math.IsNaN(o.Pods[30]) {
			t.Errorf("%s: %d seconds, pods %v", o.Settings, o.Seconds, o.Pods)
		}
	}
	if want := 5.0 * 50 / 60; math.Abs(ran.PodHours-want) > 1e-9 || ran.MostPods != 5 || ran.ScaleUps+ran.ScaleDowns != 0 {
		t.Errorf("it ran %+v, want %v pod-hours", ran, want)
	}
}

// What fails or is slow is judged step by step, by the objective that is declared.
func TestWhatReallyRanIsJudgedByItsObjective(t *testing.T) {
	t.Parallel()
	r := recorded(t, 60, 200)
	r.Missed[10], r.Missed[20], r.Missed[30] = 0.02*r.Counted[10], 0.009*r.Counted[20], 0.0101*r.Counted[30]
	r.Pods[40] = 7
	ran := r.AsItRan()
	if *ran.MissedSeconds != 120 || !ran.Missed[10] || ran.Missed[20] || !ran.Missed[30] || ran.ScaleUps != 1 || ran.ScaleDowns != 1 {
		t.Errorf("%+v", ran)
	}
	r.Service.Spec.SLO = nil
	if ran := r.AsItRan(); ran.MissedSeconds != nil || ran.MissedRequests != nil {
		t.Errorf("without objectives: %+v", ran)
	}
}

// Without autoscaling nothing scales, and without tuning the autoscaler alone does.
func TestSettingsDecideWhatScales(t *testing.T) {
	t.Parallel()
	r := recorded(t, 60, 500)
	for text, want := range map[string]struct{ scales, decides bool }{
		`{image: a, replicas: 3, resources: {requests: {cpu: "2"}}}`:                                                                               {false, false},
		`{image: a, slo: {latency: {threshold: 100ms}}, tuning: {mode: Disabled}, resources: {requests: {cpu: "2"}}}`:                              {true, false},
		`{image: a, slo: {latency: {threshold: 100ms}}, resources: {requests: {cpu: "2"}}}`:                                                        {true, true},
		`{image: a, slo: {latency: {threshold: 100ms}}, observability: {metrics: {indicators: OpenTelemetry}}, resources: {requests: {cpu: "2"}}}`: {true, true},
	} {
		var spec v1alpha1.GoServiceSpec
		if err := yaml.UnmarshalStrict([]byte(text), &spec); err != nil {
			t.Fatal(err)
		}
		o, err := r.Replay(Declared{"x", &spec})
		if err != nil {
			t.Fatal(err)
		}
		if (o.ScaleUps > 0) != want.scales || (len(o.Decisions) > 0) != want.decides {
			t.Errorf("%s: %d scale-ups, %d decisions", text, o.ScaleUps, len(o.Decisions))
		}
	}
}

// The recording's minutes are the tuner's, also behind the warm-up.
func TestAReplayBeginsWithAMinute(t *testing.T) {
	for second := range 130 {
		from := morning.Add(time.Duration(second) * time.Second)
		aligned := Align(from)
		if aligned.After(from) || from.Sub(aligned) >= time.Minute || aligned.Second() != 0 || sim.WarmUp%60 != 0 {
			t.Errorf("%s is aligned to %s, after a warm-up of %d s", from, aligned, sim.WarmUp)
		}
	}
}

// hack/alerts puts these questions to Prometheus's own engine.
func TestTheQuestionsAreThoseThatPrometheusIsAsked(t *testing.T) {
	var text strings.Builder
	for _, preset := range []string{"Toolkit", "OpenTelemetry", "GRPC"} {
		s := service(t, fmt.Sprintf("metadata: {name: checkout, namespace: shop}\nspec: {image: a, slo: {latency: {threshold: 100ms}}, observability: {metrics: {indicators: %s}}}", preset))
		for _, q := range Ask(s, time.Minute) {
			for _, part := range []struct{ name, query string }{
				{"demand", q.Demand}, {"counted", q.Counted}, {"failed", q.Failed}, {"pods", q.Pods}, {"cpu", q.CPU}, {"service", q.ServiceTime},
				{"durations", q.Durations}, {"bucket", q.Bucket("0.1")},
			} {
				if part.query != "" {
					fmt.Fprintf(&text, "%s %s %s\t%s\n", preset, q.Histogram, part.name, part.query)
				}
			}
		}
	}
	path := filepath.Join("testdata", "questions.txt")
	if *update {
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text.String()); diff != "" {
		t.Errorf("-update writes it:\n%s", diff)
	}
}

// Of several histograms, the first one that has counted requests is read, in its unit.
func TestTheHistogramThatHasAnswersIsRead(t *testing.T) {
	s := service(t, "metadata: {name: ledger, namespace: shop}\nspec: {image: a, slo: {latency: {threshold: 100ms}}, observability: {metrics: {indicators: GRPC}}}")
	flat := func(v float64, n int) []float64 { return slices.Repeat([]float64{v}, n) }
	r, err := Read(s, morning, time.Hour, time.Minute, func(query string, step time.Duration) ([]Series, error) {
		n := int(time.Hour / step)
		const used = "rpc_server_duration_milliseconds"
		switch {
		case strings.Contains(query, "by (le)") && strings.Contains(query, used):
			var all []Series
			for le, v := range map[string]float64{"+Inf": 10, "100": 9, "50": 5} {
				all = append(all, Series{map[string]string{"le": le}, flat(v, n)})
			}
			return all, nil
		case strings.Contains(query, `le="100"`):
			return []Series{{nil, flat(9, n)}}, nil
		case strings.Contains(query, `le="+Inf"`), strings.Contains(query, used) && !strings.Contains(query, "=~\"Unknown"):
			return []Series{{nil, flat(10, n)}}, nil
		case strings.Contains(query, "process_cpu"):
			return []Series{{nil, flat(0.02, n)}}, nil
		case strings.Contains(query, "up{"):
			return []Series{{nil, flat(2, n)}}, nil
		}
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []tuner.Bucket{{UpperBound: 0.05, Count: 100}, {UpperBound: 0.1, Count: 180}, {UpperBound: math.Inf(1), Count: 200}}
	if r.Histogram != "rpc_server_duration_milliseconds" || r.CPUTime != 2*time.Millisecond || r.ServiceIsMeasured || r.Missed[7] != 1 || !cmp.Equal(r.Durations, want) {
		t.Errorf("%+v", r)
	}
	failure := errors.New("no")
	if _, err := Read(s, morning, time.Hour, time.Minute, func(string, time.Duration) ([]Series, error) { return nil, failure }); !errors.Is(err, failure) {
		t.Error(err)
	}
}

func BenchmarkAWeek(b *testing.B) {
	var s v1alpha1.GoService
	if err := yaml.Unmarshal([]byte(checkout), &s); err != nil {
		b.Fatal(err)
	}
	const minutes = 7 * 24 * 60
	r := &Recording{Service: &s, From: morning, Step: time.Minute, Steps: minutes, CPUTime: 5 * time.Millisecond, ServiceTime: 10 * time.Millisecond, ServiceIsMeasured: true}
	for i := range minutes {
		r.Demand = append(r.Demand, 900-600*math.Cos(2*math.Pi*float64(i)/1440))
	}
	for range b.N {
		if _, err := r.Replay(Declared{"declared", &s.Spec}); err != nil {
			b.Fatal(err)
		}
		r.Rival(50)
	}
}
