// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package loadgen sends HTTP requests at a rate of its own, whatever becomes of the answers: an open loop. Every latency
// counts from the moment at which its request was due and not from when it was sent, so a server that stalls cannot hide
// how long its clients would have waited. What could not be sent is counted too.
//
// It sends to this machine's loopback, and from within a pod to the cluster's own names; nowhere else.
package loadgen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Bounds of a Config.
const (
	MaxRate        = 100_000
	MaxDuration    = time.Hour
	MaxOutstanding = 20_000
	MaxConnections = 4_000
)

// Config of a Generator.
type Config struct {
	// URL to send to.
	URL string
	// Method of the requests; GET when empty. They have no body.
	Method string
	// Rate of requests per second, above 0 and up to MaxRate.
	Rate float64
	// Duration of the whole run, up to MaxDuration.
	Duration time.Duration
	// Poisson makes the arrivals independent of each other, as those of many clients are; otherwise they are evenly spaced.
	Poisson bool
	// Shape is the part of Rate, 0 to 1, that is due at a time since the start; nil is all of it always. It needs Poisson.
	Shape func(since time.Duration) float64
	// Outstanding is how many requests may wait for their answers at once; what is due beyond that is not sent, and counted.
	// 0 means 512.
	Outstanding int
	// Connections kept alive; over HTTP/1.1 more are opened and closed again when all are busy. 0 means 64, or 8 for HTTP/2.
	Connections int
	// Fresh opens a connection for each request.
	Fresh bool
	// HTTP2 speaks HTTP/2 in cleartext without asking first (prior knowledge).
	HTTP2 bool
	// Call is one request by other means than HTTP: it counts as a 200, or as no answer if it returns an error. URL only says then where
	// it goes; Method, Connections, Fresh, and HTTP2 are the caller's affair. nil sends HTTP.
	Call func(context.Context) error
	// Timeout of one request from when it is sent; 0 means 10 s.
	Timeout time.Duration
	// Observe is told of every request that was due, from several goroutines, as soon as its outcome is known; nil tells nobody.
	Observe func(Outcome)
}

// Outcome of one request.
type Outcome struct {
	// Due is when the request was to be sent, and Took how long after that its outcome was known.
	Due  time.Time
	Took time.Duration
	// Status of the answer, or NoAnswer. A request that was not sent has none either.
	Status int
}

// Accepted says that the request was served.
func (o Outcome) Accepted() bool { return accepted(o.Status) }

const (
	defaultOutstanding      = 512
	defaultConnections      = 64
	defaultHTTP2Connections = 8
	defaultTimeout          = 10 * time.Second
)

// complete fills in what was left out and reports all that cannot be used.
func (c Config) complete() (Config, error) {
	if c.Method == "" {
		c.Method = http.MethodGet
	}
	if c.Outstanding == 0 {
		c.Outstanding = defaultOutstanding
	}
	if c.Connections == 0 {
		c.Connections = defaultConnections
		if c.HTTP2 {
			c.Connections = defaultHTTP2Connections
		}
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	var errs []error
	demand := func(ok bool, format string, values ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, values...))
		}
	}
	if err := allowed(c.URL, os.Getenv("KUBERNETES_SERVICE_HOST") != ""); err != nil {
		errs = append(errs, err)
	}
	demand(c.Rate > 0 && c.Rate <= MaxRate, "rate: must be above 0 and at most %d per second", MaxRate)
	demand(c.Duration > 0 && c.Duration <= MaxDuration, "duration: must be above 0 and at most %s", MaxDuration)
	demand(c.Outstanding >= 1 && c.Outstanding <= MaxOutstanding, "outstanding: must be 1 to %d", MaxOutstanding)
	demand(c.Connections >= 1 && c.Connections <= MaxConnections, "connections: must be 1 to %d", MaxConnections)
	demand(c.Timeout > 0 && c.Timeout <= MaxDuration, "timeout: must be above 0 and at most %s", MaxDuration)
	demand(c.Shape == nil || c.Poisson, "shape: only arrivals at random (poisson) can have one")
	demand(!c.Fresh || !c.HTTP2, "fresh: HTTP/2 shares its connections, so it cannot open one for each request")
	return c, errors.Join(errs...)
}

// allowed keeps the load on this machine, or within the cluster that the generator runs in.
func allowed(text string, inPod bool) error {
	target, err := url.Parse(text)
	if err != nil {
		return fmt.Errorf("url: %w", err)
	}
	if target.Scheme != "http" || target.Host == "" {
		return fmt.Errorf("url: %q must be http://host:port/path", text)
	}
	host := target.Hostname()
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	if inPod && (strings.HasSuffix(host, ".svc") || strings.HasSuffix(host, ".svc.cluster.local")) {
		return nil
	}
	return fmt.Errorf("url: %s is not on loopback: load goes to 127.0.0.1, ::1 and localhost, and from a pod to SERVICE.NAMESPACE.svc", host)
}
