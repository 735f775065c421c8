// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"goservice.dev/operator/workload/internal/exchange"
	"goservice.dev/operator/workload/pool"
	"goservice.dev/operator/workload/problem"
	"goservice.dev/operator/workload/telemetry"
)

// maxRetryAfter keeps clients from staying away long after a peak: the pool's estimate is of this moment.
const maxRetryAfter = 30 * time.Second

// rejections of the pool by its reasons.
var rejections = map[string]*rejection{
	pool.ReasonQueueFull:    newRejection(telemetry.RejectedQueueFull, http.StatusServiceUnavailable, "all workers are busy and the queue is full"),
	pool.ReasonQueueTimeout: newRejection(telemetry.RejectedQueueTimeout, http.StatusServiceUnavailable, "no worker became free in time"),
	pool.ReasonShed:         newRejection(telemetry.RejectedShed, http.StatusServiceUnavailable, "no worker would become free before the deadline"),
	pool.ReasonDraining:     newRejection(telemetry.RejectedDraining, http.StatusServiceUnavailable, "this instance is stopping"),
}

// rejections of the limiters.
var (
	rateLimited   = newRejection(telemetry.RejectedRateLimit, http.StatusTooManyRequests, "the rate limit of this instance is reached")
	routeLimited  = newRejection(telemetry.RejectedRateLimit, http.StatusTooManyRequests, "the rate limit of this route is reached")
	clientLimited = newRejection(telemetry.RejectedRateLimit, http.StatusTooManyRequests, "the rate limit of this client is reached")
)

func (s *Service) turnAway(e *exchange.Exchange, r *http.Request, err error) {
	rejected, ok := rejections[pool.Reason(err)]
	switch {
	case ok:
	case e.ClientLeft():
		e.WriteHeader(problem.StatusClientLeft)
		return
	default: // it still waited when the drain was over
		rejected = rejections[pool.ReasonDraining]
	}
	rejected.answer(e, r, min(s.pool.RetryAfter(), maxRetryAfter))
}

// noWorker is the error of a read whose request did not get its worker back. That is not its client's doing.
func (s *Service) noWorker(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		const detail = "no worker became free before the deadline"
		return &problem.Error{Details: problem.Details{Status: http.StatusGatewayTimeout, Detail: detail}, Cause: err}
	}
	if rejected, ok := rejections[pool.Reason(err)]; ok {
		return &problem.Error{Details: rejected.details, RetryAfter: max(time.Second, min(s.pool.RetryAfter(), maxRetryAfter)), Cause: err}
	}
	return err // the client has left
}

// rejection is a response that costs little, because it is sent most often when the service has the least to spare.
type rejection struct {
	reason  string
	status  int
	details problem.Details
	body    []byte
}

func newRejection(reason string, status int, detail string) *rejection {
	details := problem.Details{Status: status, Title: http.StatusText(status), Reason: reason, Detail: detail}
	body, err := json.Marshal(details)
	if err != nil {
		panic(err) // constants that always encode
	}
	return &rejection{reason: reason, status: status, details: details, body: append(body, '\n')}
}

func (x *rejection) answer(w http.ResponseWriter, r *http.Request, retryAfter time.Duration) {
	telemetry.Rejected(r, x.reason)
	header := w.Header()
	problem.RetryAfter(header, retryAfter)
	if problem.Answered(w, x.details) {
		return
	}
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(x.status)
	_, _ = w.Write(x.body)
}
