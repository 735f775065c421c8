// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"goservice.dev/operator/hack/load/loadgen"
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

// statuses are the answers by status code, for people.
func statuses(c *loadgen.Counts) string {
	var parts []string
	for _, status := range c.Statuses() {
		name := fmt.Sprint(status)
		if status == loadgen.NoAnswer {
			name = "no answer"
		}
		parts = append(parts, fmt.Sprintf("%s: %d", name, c.Status(status)))
	}
	return strings.Join(append(parts, fmt.Sprintf("not sent: %d", c.Unsent), fmt.Sprintf("sent again: %d", c.Retried)), ", ")
}

// unfailing ends the clients and demands that every stream was served and no request failed. A machine that is too small for what
// the test does to it may have made pods turn requests away: 429 and 503 are answers by design, and are told.
func (c *clients) unfailing(j *journey) {
	j.t.Helper()
	c.stop()
	c.describe(j.t)
	j.Expect(c.total().Failed()).To(gomega.BeZero(), "%s", strings.Join(c.failures(), "\n"))
	for i, generator := range c.generators {
		j.Expect(generator.Total().Accepted()).To(gomega.BeNumerically(">", 0), c.streams[i].name)
	}
}

// lossless ends the clients and demands that each request that was due was sent, sent once and served: a load far below every
// limit is turned away only by a pod that should not have got it.
func (c *clients) lossless(j *journey) {
	j.t.Helper()
	c.unfailing(j)
	total := c.total()
	j.Expect(total.Accepted()).To(gomega.Equal(total.Sent()), statuses(total))
	j.Expect(total.Unsent).To(gomega.BeZero(), "the load generator kept up")
	j.Expect(total.Retried).To(gomega.BeNumerically("<=", total.Sent()/sentAgain), "sent again by the client itself, which not every client does")
}

// sentAgain bounds the requests that Go's client sends a second time by itself: one in so many. A connection that is closed the
// moment a request is sent on it is nobody's fault, but must be rare.
const sentAgain = 10_000
