// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"context"
	"io"
	"maps"
	"net/http"
	"sync"
	"time"
)

// freshConnections opens one for each request, so that a Service spreads requests over all pods.
var freshConnections = &http.Client{
	Timeout:   10 * time.Second,
	Transport: &http.Transport{DisableKeepAlives: true},
}

// outcomes counts answers by status code; 0 counts requests without an answer.
type outcomes map[int]int

func (o outcomes) total() int {
	total := 0
	for _, count := range o {
		total += count
	}
	return total
}

// failed counts what a user would call an error; 429 and 503 are answers by design.
func (o outcomes) failed() int {
	failed := 0
	for code, count := range o {
		if code == 0 || (code >= 500 && code != http.StatusServiceUnavailable) {
			failed += count
		}
	}
	return failed
}

// traffic sends requests at a steady rate, whatever becomes of earlier ones.
type traffic struct {
	stop context.CancelFunc
	done sync.WaitGroup
	mu   sync.Mutex
	seen outcomes
	errs map[string]int
	// count adds the outcomes to the figures of the run once.
	count sync.Once
}

// send starts traffic to a loopback address; Stop ends it.
func send(ctx context.Context, url string, perSecond int) *traffic {
	ctx, cancel := context.WithCancel(ctx)
	t := &traffic{stop: cancel, seen: outcomes{}, errs: map[string]int{}}
	t.done.Add(1)
	go func() {
		defer t.done.Done()
		ticker := time.NewTicker(time.Second / time.Duration(perSecond))
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				t.done.Add(1)
				go t.one(context.WithoutCancel(ctx), url)
			}
		}
	}()
	return t
}

func (t *traffic) one(ctx context.Context, url string) {
	defer t.done.Done()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.note(0, err)
		return
	}
	response, err := freshConnections.Do(request)
	if err != nil {
		t.note(0, err)
		return
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.note(0, err)
		return
	}
	t.note(response.StatusCode, nil)
}

func (t *traffic) note(code int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen[code]++
	if err != nil {
		t.errs[err.Error()]++
	}
}

// Stop ends the traffic, waits for the last answers and returns all outcomes.
func (t *traffic) Stop() (outcomes, map[string]int) {
	t.stop()
	t.done.Wait()
	t.count.Do(func() { figures.add(int64(t.seen.total()), int64(t.seen.failed())) })
	return t.seen, t.errs
}

// sofar is a copy of the outcomes up to now.
func (t *traffic) sofar() outcomes {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.seen)
}
