// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package loadgen

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Generator sends one run of requests.
type Generator struct {
	config  Config
	request *http.Request
	clients []*http.Transport
	turn    atomic.Uint64

	due     chan time.Time
	senders int
	sending sync.WaitGroup

	mu     sync.Mutex
	window *Counts // since the last Take
	total  *Counts // before it
}

// New makes a generator; it has sent nothing yet.
func New(config Config) (*Generator, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(context.Background(), config.Method, config.URL, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "goservice-load")
	return &Generator{
		config: config, request: request, clients: transports(config), due: make(chan time.Time),
		window: newCounts(), total: newCounts(),
	}, nil
}

// Run sends until the duration is over or ctx ends, and returns when the last answer is in. It can be called once.
func (g *Generator) Run(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, g.config.Duration)
	defer cancel()
	g.pace(ctx)
	close(g.due)
	g.sending.Wait()
	for _, client := range g.clients {
		client.CloseIdleConnections()
	}
}

// pace sends each request at its time. When it was held up itself it sends at once what has become due meanwhile: the
// latencies then tell, because they count from when the request was due.
func (g *Generator) pace(ctx context.Context) {
	var clock clock
	defer clock.stop()
	gap := g.gaps()
	for next := time.Now().Add(gap()); clock.waitUntil(ctx, next); next = next.Add(gap()) {
		select {
		case g.due <- next: // a sender is free
		default:
			g.launch(next)
		}
	}
}

// gaps are the times between arrivals.
func (g *Generator) gaps() func() time.Duration {
	mean := float64(time.Second) / g.config.Rate
	if g.config.Poisson {
		return g.randomGaps(mean)
	}
	// Whole nanoseconds would make high rates drift.
	sent, at := 0.0, time.Duration(0)
	return func() time.Duration {
		sent++
		gap := time.Duration(sent*mean) - at
		at += gap
		return gap
	}
}

// randomGaps are those of a Poisson process. One whose rate varies is made by leaving arrivals out at random (thinning; Lewis and
// Shedler 1979), so that one generator can follow a shape without a pause.
func (g *Generator) randomGaps(mean float64) func() time.Duration {
	at := time.Duration(0)
	return func() time.Duration {
		from := at
		for {
			at += time.Duration(rand.ExpFloat64() * mean)
			if g.config.Shape == nil || at > g.config.Duration || rand.Float64() < g.config.Shape(at) {
				return at - from
			}
		}
	}
}

// launch adds a sender, if one more request may be outstanding.
func (g *Generator) launch(due time.Time) {
	if g.senders == g.config.Outstanding {
		g.mu.Lock()
		g.window.Unsent++
		g.mu.Unlock()
		g.tell(Outcome{due, time.Since(due), NoAnswer})
		return
	}
	g.senders++
	g.sending.Go(func() {
		g.send(due)
		for due := range g.due {
			g.send(due)
		}
	})
}

// send counts the request by its answer, also when the run ends meanwhile.
func (g *Generator) send(due time.Time) {
	sent := time.Now()
	answer := g.exchange()
	done := time.Now()
	g.note(due, sent, done, answer)
	g.tell(Outcome{due, done.Sub(due), answer.status})
}

func (g *Generator) tell(outcome Outcome) {
	if g.config.Observe != nil {
		g.config.Observe(outcome)
	}
}

func (g *Generator) note(due, sent, done time.Time, answer answer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.window.note(due, sent, done, answer)
}

// Take returns what was counted since the last Take.
func (g *Generator) Take() *Counts {
	g.mu.Lock()
	defer g.mu.Unlock()
	taken := g.window
	g.window = newCounts()
	g.total.Add(taken)
	return taken
}

// Total is everything that was counted so far.
func (g *Generator) Total() *Counts {
	g.mu.Lock()
	defer g.mu.Unlock()
	total := newCounts()
	total.Add(g.total)
	total.Add(g.window)
	return total
}
