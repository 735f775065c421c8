// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package loadgen

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	// Durations are kept in microseconds, up to where every client has given up, to three digits.
	lowest  = 1
	highest = int64(2 * MaxDuration / time.Microsecond)
	digits  = 3
	// maxFailures keeps the list of failures readable; the counts know all.
	maxFailures = 100
)

// NoAnswer stands among the status codes for requests that got none.
const NoAnswer = 0

// Unexplained stands among the reasons for refusals without one, such as those of a proxy.
const Unexplained = "unexplained"

// Counts of requests and their latencies.
type Counts struct {
	// Unsent requests were due while as many as allowed were outstanding.
	Unsent int64
	// Retried requests were sent again by the client itself; each is also counted by its answer.
	Retried int64
	// Reasons counts the refusals (429 and 503) by the reason in their body.
	Reasons map[string]int64
	// Errors counts requests without an answer by their cause.
	Errors map[string]int64
	// Failures are the first requests that failed, with the time of their end.
	Failures []Failure
	// Limit within which the JSON summary tells how many requests were accepted; with 0, it tells nothing of that.
	Limit time.Duration

	latencies map[int]*hdrhistogram.Histogram
	late      *hdrhistogram.Histogram
}

// Failure of one request.
type Failure struct {
	At    time.Time     `json:"at"`
	Took  time.Duration `json:"tookNanoseconds"`
	Cause string        `json:"cause"`
	// Stage that a request without an answer came to.
	Stage string `json:"stage,omitempty"`
}

func newCounts() *Counts {
	return &Counts{Reasons: map[string]int64{}, Errors: map[string]int64{}, latencies: map[int]*hdrhistogram.Histogram{}}
}

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(lowest, highest, digits) }

func (c *Counts) note(due, sent, done time.Time, answer answer) {
	record(c.histogram(answer.status), done.Sub(due))
	if c.late == nil {
		c.late = newHistogram()
	}
	record(c.late, sent.Sub(due))
	if answer.retried {
		c.Retried++
	}
	if answer.reason != "" {
		c.Reasons[answer.reason]++
	}
	failure := Failure{At: done, Took: done.Sub(due)}
	switch {
	case answer.err != nil:
		failure.Cause, failure.Stage = cause(answer.err), answer.stage
		c.Errors[failure.Cause]++
	case failed(answer.status):
		failure.Cause = fmt.Sprintf("status %d", answer.status)
	default:
		return
	}
	if len(c.Failures) < maxFailures {
		c.Failures = append(c.Failures, failure)
	}
}

func record(histogram *hdrhistogram.Histogram, took time.Duration) {
	_ = histogram.RecordValue(min(max(took.Microseconds(), lowest), highest)) // fails outside of these bounds only
}

func (c *Counts) histogram(status int) *hdrhistogram.Histogram {
	found, ok := c.latencies[status]
	if !ok {
		found = newHistogram()
		c.latencies[status] = found
	}
	return found
}

// Add takes in what was counted elsewhere.
func (c *Counts) Add(other *Counts) {
	c.Unsent += other.Unsent
	c.Retried += other.Retried
	for reason, count := range other.Reasons {
		c.Reasons[reason] += count
	}
	for cause, count := range other.Errors {
		c.Errors[cause] += count
	}
	c.Failures = append(c.Failures, other.Failures[:min(len(other.Failures), maxFailures-len(c.Failures))]...)
	for status, histogram := range other.latencies {
		c.histogram(status).Merge(histogram)
	}
	if other.late != nil {
		if c.late == nil {
			c.late = newHistogram()
		}
		c.late.Merge(other.late)
	}
}

// Statuses that were seen, in order, NoAnswer among them.
func (c *Counts) Statuses() []int { return slices.Sorted(maps.Keys(c.latencies)) }

// Status counts the answers with one status code.
func (c *Counts) Status(code int) int64 {
	if histogram, ok := c.latencies[code]; ok {
		return histogram.TotalCount()
	}
	return 0
}

// Sent is the number of requests that were sent.
func (c *Counts) Sent() int64 { return c.sum(func(int) bool { return true }) }

// Accepted counts answers that say that the request was served.
func (c *Counts) Accepted() int64 { return c.sum(accepted) }

// Refused counts answers by which a server protects itself: 429 and 503.
func (c *Counts) Refused() int64 { return c.sum(refused) }

// Failed counts what a user would call an error: no answer, and every status from 500 but 503.
func (c *Counts) Failed() int64 { return c.sum(failed) }

func (c *Counts) sum(which func(int) bool) int64 {
	total := int64(0)
	for status, histogram := range c.latencies {
		if which(status) {
			total += histogram.TotalCount()
		}
	}
	return total
}

func accepted(status int) bool {
	return status >= http.StatusOK && status < http.StatusBadRequest
}

func refused(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
}

func failed(status int) bool {
	return status == NoAnswer || status >= http.StatusInternalServerError && !refused(status)
}

// Latency below which that percentage of the accepted requests was answered; 0 without any.
func (c *Counts) Latency(percent float64) time.Duration {
	served := newHistogram()
	for status, histogram := range c.latencies {
		if accepted(status) {
			served.Merge(histogram)
		}
	}
	return quantile(served, percent)
}

// Within counts the accepted requests that were answered within the limit.
func (c *Counts) Within(limit time.Duration) int64 {
	within := int64(0)
	for status, histogram := range c.latencies {
		if !accepted(status) {
			continue
		}
		for _, bar := range histogram.Distribution() {
			if bar.To <= limit.Microseconds() {
				within += bar.Count
			}
		}
	}
	return within
}

// Late is how late the generator itself sent, at that percentage of the requests. It is part of every latency.
func (c *Counts) Late(percent float64) time.Duration {
	if c.late == nil {
		return 0
	}
	return quantile(c.late, percent)
}

func quantile(histogram *hdrhistogram.Histogram, percent float64) time.Duration {
	if histogram.TotalCount() == 0 {
		return 0
	}
	return time.Duration(histogram.ValueAtPercentile(percent)) * time.Microsecond
}
