// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"goservice.dev/operator/hack/bench/internal/bed"
)

const (
	requestTimeout = 10 * time.Second
	// findTimeout for a connection to each pod: they are dealt at random.
	findTimeout = time.Minute
)

// lane is the clients of one pod: they keep one connection to it, over which requests go side by side.
type lane struct {
	client *http.Client
	pod    string
	end    context.CancelFunc
}

// lanes to pods.
type lanes struct {
	url     string
	journal *journal
	running sync.WaitGroup

	mu    sync.Mutex
	lanes map[string]*lane
}

// find a lane to each of the pods.
func (l *lanes) find(ctx context.Context, pods []string) error {
	ctx, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	missing := map[string]bool{}
	for _, pod := range pods {
		if l.lanes[pod] == nil {
			missing[pod] = true
		}
	}
	var last error
	for len(missing) > 0 {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("no connection led to %d of %d pods: %w", len(missing), len(pods), errors.Join(err, last))
		}
		found, err := newLane(ctx, l.url)
		if err != nil { // the way to new pods takes a moment
			last = err
			_ = bed.Pass(ctx, 200*time.Millisecond)
			continue
		}
		if !missing[found.pod] {
			found.client.CloseIdleConnections()
			continue
		}
		delete(missing, found.pod)
		l.lanes[found.pod] = found
	}
	return nil
}

// newLane connects to whichever pod it is led to. A pod that refuses the first request is asked again.
func newLane(ctx context.Context, url string) (*lane, error) {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	l := &lane{client: &http.Client{Timeout: requestTimeout, Transport: &http.Transport{Protocols: protocols}}}
	for {
		response, err := l.get(ctx, url)
		if err != nil {
			return nil, err
		}
		var who struct{ Pod string }
		err = json.NewDecoder(response.Body).Decode(&who)
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if response.StatusCode == http.StatusOK && err == nil && who.Pod != "" {
			l.pod = who.Pod
			return l, nil
		}
		if response.StatusCode != http.StatusTooManyRequests {
			return nil, fmt.Errorf("%s answers with HTTP status %d (%w) and no pod's name", url, response.StatusCode, err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (l *lane) get(ctx context.Context, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	return l.client.Do(request)
}

// drive sends to each of the pods at a rate, and to no others, from now on.
func (l *lanes) drive(ctx context.Context, pods []string, perSecond []float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lane := range l.lanes {
		if lane.end != nil {
			lane.end()
			lane.end = nil
		}
	}
	for i, pod := range pods {
		lane := l.lanes[pod]
		var sending context.Context
		sending, lane.end = context.WithCancel(ctx)
		l.running.Go(func() { l.send(sending, lane, perSecond[i]) })
	}
}

// send requests at random moments, each when it is due or as soon after as this machine gets to it.
func (l *lanes) send(ctx context.Context, lane *lane, perSecond float64) {
	next := time.Now()
	for {
		next = next.Add(time.Duration(rand.ExpFloat64() / perSecond * float64(time.Second)))
		if wait := time.Until(next); wait > 0 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
		} else if ctx.Err() != nil {
			return
		}
		l.running.Go(func() { l.one(context.WithoutCancel(ctx), lane) })
	}
}

func (l *lanes) one(ctx context.Context, lane *lane) {
	sent := time.Now()
	response, err := lane.get(ctx, l.url)
	if err != nil {
		l.journal.note(sent, time.Now(), false, err)
		return
	}
	_, _ = io.Copy(io.Discard, response.Body)
	response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK, http.StatusTooManyRequests:
	default:
		err = fmt.Errorf("HTTP status %d", response.StatusCode)
	}
	l.journal.note(sent, time.Now(), response.StatusCode == http.StatusOK, err)
}

// stop sending, and wait for the last answers.
func (l *lanes) stop() {
	l.drive(context.Background(), nil, nil)
	l.running.Wait()
	for _, lane := range l.lanes {
		lane.client.CloseIdleConnections()
	}
}

// ratesOf pods of which every other one gets skew times the load.
func ratesOf(pods int, total, skew float64) []float64 {
	rates, weights := make([]float64, pods), 0.0
	for i := range rates {
		rates[i] = 1
		if i%2 == 0 {
			rates[i] = skew
		}
		weights += rates[i]
	}
	for i := range rates {
		rates[i] *= total / weights
	}
	return rates
}
