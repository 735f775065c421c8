// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package drain_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/workload/drain"
)

// step takes its time, or gives up when its context ends and says how many it cut.
func step(name string, takes, reserve time.Duration, held int) drain.Step {
	return drain.Step{Name: name, Reserve: reserve, Run: func(ctx context.Context) (int, error) {
		timer := time.NewTimer(takes)
		defer timer.Stop()
		select {
		case <-timer.C:
			return 0, nil
		case <-ctx.Done():
			return held, ctx.Err()
		}
	}}
}

func TestRun(t *testing.T) {
	const second = time.Second
	cases := map[string]struct {
		steps []drain.Step
		want  string
		clean bool
	}{
		"everything in time": {
			steps: []drain.Step{step("settle", second, 0, 0), step("requests", 2*second, 0, 7), step("traces", second, second, 0)},
			want:  "stopped in 4s: settle 1s, requests 2s, traces 1s",
			clean: true,
		},
		"what one step does not need the next one has": {
			steps: []drain.Step{step("settle", 0, 0, 0), step("requests", 8*second, 0, 7), step("traces", second, second, 0)},
			want:  "stopped in 9s: settle 0s, requests 8s, traces 1s",
			clean: true,
		},
		"a slow step leaves the reserves alone and says what it cut": {
			steps: []drain.Step{step("requests", time.Minute, 0, 7), step("traces", second, second, 0), step("admin", second, second, 0)},
			want:  "stopped in 10s: requests 8s (7 cut) (context deadline exceeded), traces 1s, admin 1s",
		},
		"every step too slow": {
			steps: []drain.Step{step("requests", time.Minute, 0, 7), step("jobs", time.Minute, second, 2), step("traces", time.Minute, second, 0)},
			want: "stopped in 10s: requests 8s (7 cut) (context deadline exceeded), jobs 1s (2 cut) (context deadline exceeded), " +
				"traces 1s (context deadline exceeded)",
		},
		"no steps": {want: "stopped in 0s", clean: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				report := drain.Run(t.Context(), 10*second, c.steps...)
				if diff := cmp.Diff(c.want, report.String()); diff != "" {
					t.Errorf("report (-want +got):\n%s", diff)
				}
				if report.Clean() != c.clean {
					t.Errorf("clean: %t, want %t", report.Clean(), c.clean)
				}
			})
		})
	}
}

func TestRunInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		named := func(name string, err error) drain.Step {
			return drain.Step{Name: name, Run: func(context.Context) (int, error) {
				order = append(order, name)
				return 1, err
			}}
		}
		report := drain.Run(t.Context(), time.Second, named("a", nil), named("b", errors.New("broken")), named("c", nil))
		if diff := cmp.Diff([]string{"a", "b", "c"}, order); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		if report.Cut != 3 {
			t.Errorf("%d cut, want 3", report.Cut)
		}
	})
}

func TestRunLeavesAStuckStepBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		stuck := drain.Step{Name: "stuck", Run: func(context.Context) (int, error) {
			<-release
			return 0, nil
		}}
		report := drain.Run(t.Context(), 10*time.Second, stuck, step("admin", 0, time.Second, 0))
		close(release)
		if report.Took > 10*time.Second || report.Clean() || !errors.Is(report.Steps[0].Err, context.DeadlineExceeded) {
			t.Errorf("%s, want an error and at most the budget", report)
		}
	})
}

func TestRunWithAnEndedContextCutsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if report := drain.Run(ctx, time.Minute, step("requests", time.Hour, 0, 3)); report.Took != 0 || report.Cut != 3 {
			t.Errorf("%s, want 3 cut at once", report)
		}
	})
}

func ExampleRun() {
	flush := func(context.Context) error { return nil } // what has to happen in any case
	serve := func(context.Context) (int, error) { return 0, nil }
	report := drain.Run(context.Background(), 12*time.Second,
		drain.Step{Name: "requests", Run: serve},
		drain.Step{Name: "traces", Reserve: time.Second, Run: func(ctx context.Context) (int, error) { return 0, flush(ctx) }},
	)
	fmt.Println(report.Cut, report.Clean())
	// Output: 0 true
}
