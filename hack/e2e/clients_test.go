// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"goservice.dev/operator/hack/load/loadgen"
)

// stream is one kind of client.
type stream struct {
	name   string
	config loadgen.Config
}

// steadyStreams go to what is exposed. Requests that take a while are in flight whenever a pod goes.
func steadyStreams() []stream {
	slow := cluster.url + "/work?sleep=10ms"
	rate := 1.0
	if leadersAreKilled() { // operators that start all the time need a part of the machine, which must not be why a request fails
		rate = 0.5
	}
	return []stream{
		{"HTTP/1.1, kept alive", loadgen.Config{URL: slow, Rate: 450 * rate, Connections: 32}},
		{"HTTP/1.1, fresh", loadgen.Config{URL: cluster.url + "/", Rate: 100 * rate, Fresh: true}},
		{"HTTP/2", loadgen.Config{URL: slow, Rate: 450 * rate, Connections: 8, HTTP2: true}},
	}
}

// clients send all streams at once.
type clients struct {
	streams    []stream
	generators []*loadgen.Generator
	cancel     context.CancelFunc
	running    sync.WaitGroup
	// count adds the outcomes to the figures of the run once.
	count sync.Once
}

func (j *journey) startClients(streams ...stream) *clients {
	j.t.Helper()
	ctx, cancel := context.WithCancel(j.ctx)
	c := &clients{streams: streams, cancel: cancel}
	for _, stream := range streams {
		stream.config.Duration, stream.config.Outstanding = loadgen.MaxDuration, mostOutstanding
		generator, err := loadgen.New(stream.config)
		j.Expect(err).NotTo(gomega.HaveOccurred())
		c.generators = append(c.generators, generator)
		c.running.Go(func() { generator.Run(ctx) })
	}
	j.t.Cleanup(c.stop)
	c.goOn(j)
	return c
}

// goOn waits until each stream has got another answer: what the test does next, or has done, happens under load.
func (c *clients) goOn(j *journey) {
	j.t.Helper()
	for i, generator := range c.generators {
		before := generator.Total().Sent()
		j.eventually(func() int64 { return generator.Total().Sent() }).Should(gomega.BeNumerically(">", before), c.streams[i].name)
	}
}

// stop waits for the last answers.
func (c *clients) stop() {
	c.cancel()
	c.running.Wait()
	c.count.Do(func() {
		total := c.total()
		figures.add(total.Sent(), total.Failed())
	})
}

func (c *clients) total() *loadgen.Counts {
	total := c.generators[0].Total()
	for _, generator := range c.generators[1:] {
		total.Add(generator.Total())
	}
	return total
}

func (c *clients) failures() []string {
	var described []string
	for i, generator := range c.generators {
		for _, failure := range generator.Total().Failures {
			described = append(described, fmt.Sprintf("%s over %s after %s: %s %s", failure.At.Format(time.StampMilli), c.streams[i].name,
				failure.Took.Round(time.Millisecond), failure.Cause, failure.Stage))
		}
	}
	return described
}

func (c *clients) describe(t *testing.T) {
	t.Helper()
	for i, generator := range c.generators {
		seen := generator.Total()
		t.Logf("%-21s %d served, %d refused, %d failed, %d not sent; %d sent again by the client itself; p50 %s, p99 %s, longest %s",
			c.streams[i].name, seen.Accepted(), seen.Refused(), seen.Failed(), seen.Unsent, seen.Retried,
			seen.Latency(50), seen.Latency(99), seen.Latency(100))
	}
}
