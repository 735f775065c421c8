// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"goservice.dev/operator/hack/bench/internal/child"
	"goservice.dev/operator/hack/load/loadgen"
	"goservice.dev/operator/workload/livesettings"
)

const (
	// clientTimeout is after which a client gives up, and the deadline of a request on the server.
	clientTimeout = time.Second
	// workersPerProcessor keep a processor busy while one of them waits for the network.
	workersPerProcessor = 2
	// waitShare of the target may be spent in the queue, as the operator plans it.
	waitShare = 2
	// limitShare of the capacity is the rate limit: it turns away cheaply what the pool would have to look at, and leaves the
	// fine control to the pool.
	limitShare = 1.2
	// capacityShare of the duration is enough to measure the capacity.
	capacityShare = 2
	warmUp        = 500 * time.Millisecond
)

// bench has all that the rounds share.
type bench struct {
	settings  settings
	folder    string
	binary    string
	processor int // of the server
}

// outcome of one measurement.
type outcome struct {
	counts *loadgen.Counts
	took   time.Duration
	rate   float64 // offered
	target time.Duration
}

// goodput is answers per second within the target.
func (o outcome) goodput() float64 { return float64(o.counts.Within(o.target)) / o.took.Seconds() }

type round struct {
	capacity               float64
	protected, unprotected outcome
}

// newBench takes one processor for the server and another one for itself.
func newBench(ctx context.Context, s settings, progress io.Writer) (*bench, error) {
	processors, err := child.Processors()
	if err != nil {
		return nil, err
	}
	if len(processors) < 2 {
		return nil, fmt.Errorf("needs two processors: one for the server and one for the load")
	}
	folder, err := os.MkdirTemp("", "bench-overload-")
	if err != nil {
		return nil, err
	}
	b := &bench{settings: s, folder: folder, processor: processors[0]}
	fmt.Fprintln(progress, "building the workload")
	if b.binary, err = child.BuildWorkload(ctx, s.root, folder); err == nil {
		err = child.Stay(processors[1])
	}
	if err != nil {
		os.RemoveAll(folder)
		return nil, err
	}
	return b, nil
}

// measure runs one round. The capacity is of the service without protection, so that the protection's own cost counts.
func (b *bench) measure(ctx context.Context) (r round, err error) {
	open := livesettings.Document{Version: livesettings.Version, LogLevel: "off", Pool: &livesettings.Pool{Workers: livesettings.MaxWorkers, QueueDepth: livesettings.MaxQueueDepth}}
	err = b.serve(ctx, open, func(url string) error {
		r.capacity, err = b.capacity(ctx, url)
		return err
	})
	if err != nil {
		return r, err
	}
	shielded := open
	shielded.Pool = &livesettings.Pool{
		Workers: workersPerProcessor, QueueDepth: int(math.Ceil(r.capacity * (b.settings.target / waitShare).Seconds())),
		QueueTimeout: livesettings.Duration(b.settings.target / waitShare),
	}
	limit := limitShare * r.capacity
	shielded.RateLimit = &livesettings.RateLimit{RequestsPerSecond: limit, Burst: int(math.Ceil(limit / 10))}
	for _, one := range []struct {
		document livesettings.Document
		into     *outcome
	}{{shielded, &r.protected}, {open, &r.unprotected}} {
		err = b.serve(ctx, one.document, func(url string) error {
			*one.into, err = b.flood(ctx, url, b.settings.factor*r.capacity)
			return err
		})
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// serve starts the workload with the document in force and stops it after use.
func (b *bench) serve(ctx context.Context, document livesettings.Document, use func(url string) error) error {
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
	process, err := child.Start(ctx, child.Command{
		Path: b.binary, Processor: b.processor, Ready: fmt.Sprintf("http://127.0.0.1:%d/readyz", ports[1]),
		Environment: []string{
			fmt.Sprintf("GOSERVICE_PORT=%d", ports[0]), fmt.Sprintf("GOSERVICE_ADMIN_PORT=%d", ports[1]),
			"GOSERVICE_LIVE_SETTINGS_FILE=" + file, "GOSERVICE_REQUEST_TIMEOUT=" + clientTimeout.String(), "GOSERVICE_DRAIN_TIMEOUT=2s",
		},
	})
	if err != nil {
		return err
	}
	defer process.Stop()
	return use(fmt.Sprintf("http://127.0.0.1:%d/work?cpu=%s", ports[0], b.settings.cost))
}

// capacity is what a few clients get that send again as soon as they have their answer.
func (b *bench) capacity(ctx context.Context, url string) (float64, error) {
	if _, err := closedLoop(ctx, url, warmUp); err != nil {
		return 0, err
	}
	return closedLoop(ctx, url, b.settings.duration/capacityShare)
}

func closedLoop(ctx context.Context, url string, duration time.Duration) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	transport := &http.Transport{MaxIdleConnsPerHost: workersPerProcessor}
	defer transport.CloseIdleConnections()
	var (
		clients sync.WaitGroup
		mu      sync.Mutex
		served  int
		failed  error
	)
	start := time.Now()
	for range workersPerProcessor {
		clients.Go(func() {
			for ctx.Err() == nil {
				err := once(transport, url)
				mu.Lock()
				if err == nil {
					served++
				} else {
					failed = err
				}
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	return float64(served) / time.Since(start).Seconds(), failed
}

func once(transport *http.Transport, url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*clientTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d while the capacity was measured", response.StatusCode)
	}
	return nil
}

// flood offers that many requests per second. Answers from the first moments count like all others.
func (b *bench) flood(ctx context.Context, url string, rate float64) (outcome, error) {
	generator, err := loadgen.New(loadgen.Config{
		URL: url, Rate: rate, Duration: b.settings.duration, Poisson: true, Timeout: clientTimeout, Connections: 256, Outstanding: 8_000,
	})
	if err != nil {
		return outcome{}, err
	}
	generator.Run(ctx)
	return outcome{generator.Total(), b.settings.duration, rate, b.settings.target}, ctx.Err()
}
