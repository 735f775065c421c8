// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"goservice.dev/operator/hack/load/loadgen"
	"goservice.dev/operator/workload/telemetry"
)

// freshConnections opens one for each request, so that a Service spreads requests over all pods.
var freshConnections = &http.Client{
	Timeout:   10 * time.Second,
	Transport: &http.Transport{DisableKeepAlives: true},
}

// send starts a steady load on a loopback address, a fresh connection for each request; stop ends it.
func (j *journey) send(url string, perSecond float64) *clients {
	j.t.Helper()
	return j.startClients(stream{"HTTP/1.1, fresh", loadgen.Config{URL: url, Rate: perSecond, Fresh: true}})
}

// statuses are the answers by status code, and the refusals by their reason, for people.
func statuses(c *loadgen.Counts) string {
	var parts []string
	for _, status := range c.Statuses() {
		name := fmt.Sprint(status)
		if status == loadgen.NoAnswer {
			name = "no answer"
		}
		parts = append(parts, fmt.Sprintf("%s: %d", name, c.Status(status)))
	}
	for _, reason := range slices.Sorted(maps.Keys(c.Reasons)) {
		parts = append(parts, fmt.Sprintf("refused as %s: %d", reason, c.Reasons[reason]))
	}
	return strings.Join(append(parts, fmt.Sprintf("not sent: %d", c.Unsent), fmt.Sprintf("sent again: %d", c.Retried)), ", ")
}

// lossless ends the clients and demands that every stream was served to the end, and that each request that was due was sent and
// served, and hardly any sent twice (sentAgain). The services of these tests have limits far above the load and room for all of it (fixed), so a request is
// turned away only by a pod that should not have got it.
func (c *clients) lossless(j *journey) {
	j.t.Helper()
	c.goOn(j)
	c.stop()
	c.describe(j.t)
	total := c.total()
	j.Expect(total.Failed()).To(gomega.BeZero(), "%s", strings.Join(c.failures(), "\n"))
	j.Expect(total.Reasons[telemetry.RejectedDraining]).To(gomega.BeZero(), statuses(total))
	j.Expect(total.Accepted()).To(gomega.Equal(total.Sent()), statuses(total))
	j.Expect(total.Unsent).To(gomega.BeZero(), "the load generator kept up")
	for i, generator := range c.generators {
		seen := generator.Total()
		j.Expect(seen.Retried).To(gomega.BeNumerically("<=", c.streams[i].kept()+seen.Sent()/sentAgain),
			"%s: sent again by the client itself, which not every client does", c.streams[i].name)
	}
}

// sentAgain bounds the requests that Go's client sends a second time by itself: one in so many, besides one for each connection
// that is kept. A connection that is closed the moment a request is sent on it is nobody's fault, but must be rare.
const sentAgain = 10_000

// kept connections of the stream.
func (s stream) kept() int64 {
	if s.config.Fresh {
		return 0
	}
	return int64(s.config.Connections)
}
