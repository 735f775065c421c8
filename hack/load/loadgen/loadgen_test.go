// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package loadgen

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestConfigIsChecked(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Config)
		want   string // part of the error; empty: none
	}{
		"loopback":          {func(*Config) {}, ""},
		"localhost":         {func(c *Config) { c.URL = "http://localhost:1/" }, ""},
		"IPv6 loopback":     {func(c *Config) { c.URL = "http://[::1]:8080/" }, ""},
		"another machine":   {func(c *Config) { c.URL = "http://192.0.2.1/" }, "loopback"},
		"a name":            {func(c *Config) { c.URL = "http://example.com/" }, "loopback"},
		"a cluster's name":  {func(c *Config) { c.URL = "http://shop.default.svc/" }, "loopback"},
		"not a URL":         {func(c *Config) { c.URL = "http://[::1" }, "url"},
		"no scheme":         {func(c *Config) { c.URL = "127.0.0.1:80" }, "url"},
		"no rate":           {func(c *Config) { c.Rate = 0 }, "rate"},
		"a rate of nothing": {func(c *Config) { c.Rate = math.NaN() }, "rate"},
		"too high a rate":   {func(c *Config) { c.Rate = MaxRate + 1 }, "rate"},
		"too long":          {func(c *Config) { c.Duration = MaxDuration + 1 }, "duration"},
		"outstanding":       {func(c *Config) { c.Outstanding = -1 }, "outstanding"},
		"connections":       {func(c *Config) { c.Connections = MaxConnections + 1 }, "connections"},
		"timeout":           {func(c *Config) { c.Timeout = -1 }, "timeout"},
		"fresh HTTP/2":      {func(c *Config) { c.Fresh, c.HTTP2 = true, true }, "fresh"},
		"an even shape":     {func(c *Config) { c.Shape = func(time.Duration) float64 { return 1 } }, "shape"},
		"a random shape":    {func(c *Config) { c.Poisson, c.Shape = true, func(time.Duration) float64 { return 1 } }, ""},
		"several":           {func(c *Config) { c.Rate, c.Timeout = 0, -1 }, "timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			config := Config{URL: "http://127.0.0.1:8080/", Rate: 1, Duration: time.Second}
			test.change(&config)
			_, err := config.complete()
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("complete() = %v, want an error with %q", err, test.want)
			}
		})
	}
	if err := allowed("http://shop.default.svc/", true); err != nil {
		t.Errorf("in a pod: %v", err)
	}
}

// Every request that is due is counted once, by its answer or as not sent, over each protocol.
func TestEveryRequestIsCounted(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"HTTP/1.1 kept alive": func(*Config) {},
		"HTTP/1.1 fresh":      func(c *Config) { c.Fresh = true },
		"HTTP/2":              func(c *Config) { c.HTTP2 = true },
		"Poisson":             func(c *Config) { c.Poisson = true },
	} {
		t.Run(name, func(t *testing.T) {
			var served, second atomic.Int64
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.ProtoMajor == 2 {
					second.Add(1)
				}
				if served.Add(1)%4 == 0 {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			}))
			server.Config.Protocols = new(http.Protocols)
			server.Config.Protocols.SetHTTP1(true)
			server.Config.Protocols.SetUnencryptedHTTP2(true)
			server.Start()
			defer server.Close()

			config := Config{URL: server.URL, Rate: 400, Duration: 500 * time.Millisecond}
			change(&config)
			generator, err := New(config)
			if err != nil {
				t.Fatal(err)
			}
			generator.Run(t.Context())
			total := generator.Total()
			if total.Sent() != served.Load() || total.Accepted()+total.Refused() != total.Sent() || total.Failed() != 0 {
				t.Errorf("sent %d, accepted %d, refused %d, failed %d; served %d", total.Sent(), total.Accepted(),
					total.Refused(), total.Failed(), served.Load())
			}
			if config.HTTP2 != (second.Load() == served.Load()) || total.Retried != 0 {
				t.Errorf("%d of %d over HTTP/2, %d retried", second.Load(), served.Load(), total.Retried)
			}
		})
	}
}

// A refusal is counted by the reason that its body gives; one that gives none is not taken for one that does.
func TestRefusalsAreCountedByTheirReason(t *testing.T) {
	answers := []struct {
		status int
		body   string
	}{
		{http.StatusServiceUnavailable, `{"status":503,"reason":"draining"}`},
		{http.StatusTooManyRequests, `{"status":429,"reason":"rate_limit"}`},
		{http.StatusServiceUnavailable, "no endpoints available"},
		{http.StatusServiceUnavailable, `{"padding":"` + strings.Repeat("x", 2*reasonBytes) + `","reason":"draining"}`},
		{http.StatusOK, `{"reason":"draining"}`},
	}
	next := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(answers[next].status)
		_, _ = io.WriteString(w, answers[next].body)
		next++
	}))
	defer server.Close()
	generator, err := New(Config{URL: server.URL, Rate: 1, Duration: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for range answers {
		now := time.Now()
		generator.note(now, now, now, generator.exchange())
	}
	total := generator.Total()
	if diff := cmp.Diff(map[string]int64{"draining": 1, "rate_limit": 1, Unexplained: 2}, total.Reasons); diff != "" {
		t.Error(diff)
	}
	var summary strings.Builder
	if err := total.Summary(&summary, time.Second); err != nil || !strings.Contains(summary.String(), "refused: 1 × draining\n") {
		t.Errorf("%v: the summary does not tell reasons:\n%s", err, summary.String())
	}
}

// A server that answers nothing cannot hide: what was due is not sent, and counted. Whoever observes is told of all of it.
func TestWhatCannotBeSentIsCounted(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	var accepted, others atomic.Int64
	observe := func(outcome Outcome) {
		if outcome.Accepted() {
			accepted.Add(1)
		} else {
			others.Add(1)
		}
	}
	generator, err := New(Config{URL: server.URL, Rate: 500, Duration: time.Minute, Outstanding: 3, Observe: observe})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // until there was one, however slow this machine is
		defer close(release)
		defer cancel()
		for generator.Total().Unsent == 0 {
			<-time.After(time.Millisecond)
		}
	}()
	generator.Run(ctx)
	total := generator.Total()
	if total.Unsent == 0 || total.Accepted() < 3 {
		t.Errorf("%d not sent, %d accepted", total.Unsent, total.Accepted())
	}
	if accepted.Load() != total.Accepted() || others.Load() != total.Unsent {
		t.Errorf("observed %d accepted and %d others, counted %d and %d not sent", accepted.Load(), others.Load(), total.Accepted(), total.Unsent)
	}
}

// Arrivals keep to the rate on average, whatever their spacing.
func TestGaps(t *testing.T) {
	for name, poisson := range map[string]bool{"even": false, "Poisson": true} {
		generator := &Generator{config: Config{Rate: 30_000, Poisson: poisson}}
		gap, total, differ := generator.gaps(), time.Duration(0), false
		first := gap()
		for range 99_999 {
			next := gap()
			differ = differ || (next-first).Abs() > time.Nanosecond
			total += next
		}
		want := 100_000 * time.Second / 30_000
		if off := math.Abs(float64(total+first)/float64(want) - 1); off > 0.05 || !poisson && off > 1e-4 {
			t.Errorf("%s: 100,000 arrivals in %s, want about %s", name, total, want)
		}
		if differ != poisson {
			t.Errorf("%s: gaps differ: %t", name, differ)
		}
	}
}

// A shape is followed by the number of arrivals, and one of nothing ends with the run.
func TestShape(t *testing.T) {
	const rate, seconds = 1000, 100
	config := Config{Rate: rate, Poisson: true, Duration: seconds * time.Second, Shape: func(since time.Duration) float64 {
		switch {
		case since < 20*time.Second:
			return 0.25
		case since < 60*time.Second:
			return 1
		}
		return 0
	}}
	gap, at, low, high, none := (&Generator{config: config}).gaps(), time.Duration(0), 0, 0, 0
	for at += gap(); at <= config.Duration; at += gap() {
		switch {
		case at < 20*time.Second:
			low++
		case at < 60*time.Second:
			high++
		default:
			none++
		}
	}
	if math.Abs(float64(low)/5_000-1) > 0.1 || math.Abs(float64(high)/40_000-1) > 0.05 || none != 0 {
		t.Errorf("%d arrivals at a quarter of the rate, %d at all of it and %d at none", low, high, none)
	}
}

// A latency counts from when the request was due, also when it was sent late.
func TestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		due, counts := time.Now(), newCounts()
		sent := due.Add(20 * time.Millisecond)
		for i := range 100 {
			counts.note(due, sent, sent.Add(time.Duration(i+1)*time.Millisecond), answer{status: http.StatusOK})
		}
		counts.note(due, sent, sent, answer{status: http.StatusTooManyRequests, retried: true})
		counts.note(due, sent, sent, answer{status: http.StatusServiceUnavailable})
		counts.note(due, sent, sent, answer{status: http.StatusNotFound})
		counts.note(due, sent, sent, answer{status: http.StatusBadGateway})
		counts.note(due, sent, sent, answer{err: errors.New("gone")})
		counts.Unsent++

		total := newCounts()
		total.Add(counts)
		total.Add(counts)
		got := map[string]int64{
			"sent": total.Sent(), "accepted": total.Accepted(), "refused": total.Refused(), "failed": total.Failed(),
			"unsent": total.Unsent, "retried": total.Retried, "gone": total.Errors["gone"], "failures": int64(len(total.Failures)),
			"within": total.Within(50*time.Millisecond + 50*time.Microsecond),
		}
		want := map[string]int64{
			"sent": 210, "accepted": 200, "refused": 4, "failed": 4, "unsent": 2, "retried": 2, "gone": 2, "failures": 4, "within": 60,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		for percent, want := range map[float64]time.Duration{50: 70 * time.Millisecond, 100: 120 * time.Millisecond} {
			if got := total.Latency(percent); (got - want).Abs() > want/500 {
				t.Errorf("p%g = %s, want %s", percent, got, want)
			}
		}
		if late := total.Late(99); (late - 20*time.Millisecond).Abs() > 40*time.Microsecond {
			t.Errorf("late by %s", late)
		}
		wantLine := "admitted    100  429 limited      1  503 unavailable      1  other answers      2  no answer      1" +
			"  not sent, too many outstanding      1  p50 70ms p99 119ms"
		if got := total.Line(2 * time.Second); got != wantLine {
			t.Errorf("Line() =\n%s, want\n%s", got, wantLine)
		}
	})
}
