// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstream

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/workload/ratelimit"
)

func TestRefusedCallsAreToldOnceAMinuteAndAllCounted(t *testing.T) {
	answers := func(*http.Request) (*http.Response, error) {
		return reply(http.StatusOK, nil, strings.NewReader("ok")), nil
	}
	cases := map[string]struct {
		upstream fake
		limits   Limits
		want     error
		counted  func(Stats) int64
	}{
		"busy": {hangs, Limits{Timeout: time.Hour, MaxInFlight: 1}, ErrBusy, func(s Stats) int64 { return s.Busy }},
		"rate limit": {answers, Limits{Timeout: time.Second, RequestsPerSecond: 0.001, Burst: 1}, ratelimit.ErrWouldMissDeadline,
			func(s Stats) int64 { return s.RateLimited }},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := 0
				c := newClient(Target{Name: "billing"}, &url.URL{Scheme: "http", Host: "billing"}, test.upstream, options{refused: func(err error) {
					told++
					if !errors.Is(err, test.want) {
						t.Errorf("told %v", err)
					}
				}})
				c.SetLimits(test.limits)
				ctx, cancel := context.WithCancel(t.Context())
				first := make(chan struct{})
				go func() {
					defer close(first)
					_, _ = send(ctx, c, http.MethodGet, nil)
				}()
				synctest.Wait()
				for round := range 3 {
					for range 100 {
						if _, err := send(ctx, c, http.MethodGet, nil); !errors.Is(err, test.want) {
							t.Fatalf("a call that is one too many: %v", err)
						}
					}
					if told != round+1 {
						t.Errorf("in minute %d: told %d times", round, told)
					}
					time.Sleep(refusalsEvery)
				}
				if got := test.counted(c.Stats()); got != 300 {
					t.Errorf("%d counted", got)
				}
				cancel()
				<-first
			})
		})
	}
}
