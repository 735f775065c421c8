// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/hack/bench/internal/child"
	"goservice.dev/operator/hack/load/loadgen"
	"goservice.dev/operator/workload/livesettings"
)

const (
	// clientTimeout is after which a client gives up.
	clientTimeout = time.Second
	// capacityShare of the duration is enough to measure the capacity.
	capacityShare = 2
	warmUp        = 500 * time.Millisecond
	// calmShare of the capacity is sent for calmFor while the tuner looks on, every lookEvery: it needs a good twelve seconds.
	calmShare = 0.5
	calmFor   = 16 * time.Second
	lookEvery = 2 * time.Second
)

// bench has all that the rounds share.
type bench struct {
	settings  settings
	folder    string
	binary    string
	processor int // of the server
	machine   int // processors of the machine
}

// newBench takes one processor for the server and another one for itself.
func newBench(ctx context.Context, s settings, progress io.Writer) (*bench, error) {
	measured, clients, err := child.Pair()
	if err != nil {
		return nil, err
	}
	machine, err := child.Processors()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "bench-overload-")
	if err != nil {
		return nil, err
	}
	b := &bench{settings: s, folder: folder, processor: measured, machine: len(machine)}
	fmt.Fprintln(progress, "building the workload")
	if b.binary, err = child.BuildWorkload(ctx, s.root, folder); err == nil {
		err = child.Stay(clients)
	}
	if err != nil {
		os.RemoveAll(folder)
		return nil, err
	}
	return b, nil
}

// measure runs one round, beginning with another row than the round before. The capacity is of the service without protection,
// so that the protection's own cost counts.
func (b *bench) measure(ctx context.Context, k kind, first int) (r round, err error) {
	timeout := plan.Compute(declared(b.settings.target), plan.Observed{}).RequestTimeout.Value
	err = b.serve(ctx, k, open(), timeout, func(s served) error {
		r.capacity, err = b.capacity(ctx, s.url, k.clients())
		return err
	})
	if err != nil {
		return r, err
	}
	operator := newOperator(b.settings.target)
	before, _ := operator.plan()
	documents := [rowCount]livesettings.Document{planned: documentOf(before, operator.spec), byHand: setByHand(r.capacity, b.settings.target, k.wait), off: open()}
	err = b.serve(ctx, k, documents[planned], timeout, func(s served) error { return b.calm(ctx, s, calmShare*r.capacity, operator) })
	if err != nil {
		return r, err
	}
	after, measured := operator.plan()
	if !measured {
		return r, fmt.Errorf("the tuner has measured nothing after %s of a calm load", calmFor)
	}
	documents[tuned], r.reason = documentOf(after, operator.spec), after.Workers.Reason
	for i := range rowCount {
		row := (first + i) % rowCount
		err = b.serve(ctx, k, documents[row], timeout, func(s served) error {
			r.rows[row], err = b.flood(ctx, s.url, b.settings.factor*r.capacity)
			return err
		})
		if err != nil {
			return r, err
		}
		r.rows[row].setting = describe(documents[row])
	}
	return r, nil
}

// served is the running service: where requests go, and its metrics.
type served struct{ url, metrics string }

// serve starts the workload with the document in force and stops it after use.
func (b *bench) serve(ctx context.Context, k kind, document livesettings.Document, timeout time.Duration, use func(served) error) error {
	ports, err := child.FreePorts(ctx, 2)
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(document)
	if err != nil {
		return err
	}
	file := filepath.Join(b.folder, livesettings.FileName)
	if err := os.WriteFile(file, encoded, 0o600); err != nil {
		return err
	}
	admin := fmt.Sprintf("http://127.0.0.1:%d", ports[1])
	process, err := child.Start(ctx, child.Command{
		Path: b.binary, Processor: b.processor, Ready: admin + "/readyz",
		Environment: []string{
			fmt.Sprintf("GOSERVICE_PORT=%d", ports[0]), fmt.Sprintf("GOSERVICE_ADMIN_PORT=%d", ports[1]),
			"GOSERVICE_LIVE_SETTINGS_FILE=" + file, "GOSERVICE_REQUEST_TIMEOUT=" + timeout.String(), "GOSERVICE_DRAIN_TIMEOUT=2s",
		},
	})
	if err != nil {
		return err
	}
	defer process.Stop()
	return use(served{fmt.Sprintf("http://127.0.0.1:%d/work?cpu=%s&sleep=%s", ports[0], k.cpu, k.wait), admin + "/metrics"})
}

// capacity is what clients get that send again as soon as they have their answer.
func (b *bench) capacity(ctx context.Context, url string, clients int) (float64, error) {
	if _, err := closedLoop(ctx, url, clients, warmUp); err != nil {
		return 0, err
	}
	return closedLoop(ctx, url, clients, b.settings.duration/capacityShare)
}

func closedLoop(ctx context.Context, url string, closedClients int, duration time.Duration) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	transport := &http.Transport{MaxIdleConnsPerHost: closedClients}
	defer transport.CloseIdleConnections()
	var (
		clients sync.WaitGroup
		mu      sync.Mutex
		answers int
		failed  error
	)
	start := time.Now()
	for range closedClients {
		clients.Go(func() {
			for ctx.Err() == nil {
				_, err := fetch(transport, url)
				mu.Lock()
				if err == nil {
					answers++
				} else {
					failed = err
				}
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	return float64(answers) / time.Since(start).Seconds(), failed
}

func fetch(transport *http.Transport, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*clientTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: status %d", url, response.StatusCode)
	}
	return body, err
}

// calm lets the operator look at the service while that has a load that it can serve.
func (b *bench) calm(ctx context.Context, s served, rate float64, o *operator) error {
	generator, err := b.generator(s.url, rate, calmFor)
	if err != nil {
		return err
	}
	var load sync.WaitGroup
	load.Go(func() { generator.Run(ctx) })
	defer load.Wait()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for range int(calmFor / lookEvery) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		page, err := fetch(transport, s.metrics)
		if err != nil {
			return err
		}
		if err := o.look(time.Now(), page); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) generator(url string, rate float64, duration time.Duration) (*loadgen.Generator, error) {
	return loadgen.New(loadgen.Config{
		URL: url, Rate: rate, Duration: duration, Poisson: true, Timeout: clientTimeout, Connections: 256, Outstanding: 8_000,
	})
}

// flood offers that many requests per second. Answers from the first moments count like all others.
func (b *bench) flood(ctx context.Context, url string, rate float64) (outcome, error) {
	generator, err := b.generator(url, rate, b.settings.duration)
	if err != nil {
		return outcome{}, err
	}
	generator.Run(ctx)
	return outcomeOf(generator.Total(), rate, b.settings), ctx.Err()
}
