// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstreams

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"goservice.dev/operator/workload/problem"
	"goservice.dev/operator/workload/ratelimit"
	"goservice.dev/operator/workload/telemetry"
	"goservice.dev/operator/workload/upstream"
)

// Reasons for which a request is not passed on.
const (
	reasonRateLimit   = "upstream_" + telemetry.RejectedRateLimit
	reasonBusy        = "upstream_busy"
	reasonUnavailable = "upstream_unavailable"
)

// answerError tells the client of a proxied request what went wrong, and whose fault it was.
func answerError(w http.ResponseWriter, r *http.Request, name string, err error) {
	detail := outcome(context.Background(), name, err).Error()
	var large *http.MaxBytesError
	var own *problem.Error
	var body *upstream.RequestBodyError
	var unavailable *upstream.UnavailableError
	turnAway := func(reason string, after time.Duration) {
		telemetry.Told(r) // by the client, once for many calls
		problem.RetryAfter(w.Header(), after)
		problem.Write(w, problem.Details{Status: http.StatusServiceUnavailable, Reason: reason, Detail: detail})
	}
	switch {
	case errors.As(err, &large):
		problem.Body(w, large)
	case errors.Is(r.Context().Err(), context.Canceled):
		w.WriteHeader(problem.StatusClientLeft)
	case errors.Is(err, upstream.ErrHeadTooLarge):
		problem.Write(w, problem.Details{Status: http.StatusRequestHeaderFieldsTooLarge, Detail: fmt.Sprintf("upstream %s accepts no header fields of this size", name)})
	case errors.As(err, &own):
		problem.Body(w, own)
	case errors.As(err, &body):
		answerBody(w, body)
	case errors.Is(err, ratelimit.ErrWouldMissDeadline):
		turnAway(reasonRateLimit, 0)
	case errors.Is(err, upstream.ErrBusy):
		turnAway(reasonBusy, 0)
	case errors.As(err, &unavailable):
		turnAway(reasonUnavailable, unavailable.RetryAfter)
	case errors.Is(err, context.DeadlineExceeded):
		problem.Write(w, problem.Details{Status: http.StatusGatewayTimeout, Detail: detail})
	case errors.Is(err, errRedirect):
		problem.Write(w, problem.Details{Status: http.StatusBadGateway, Detail: fmt.Sprintf("upstream %s redirects to an address outside of its URL", name)})
	default:
		problem.Write(w, problem.Details{Status: http.StatusBadGateway, Detail: detail})
	}
}

// answerBody tells a client that its own body was at fault. What is left of it is not waited for: before the response, net/http would
// read up to 256 KiB more.
func answerBody(w http.ResponseWriter, err error) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now())
	w.Header().Set("Connection", "close")
	if errors.Is(err, context.DeadlineExceeded) {
		err = os.ErrDeadlineExceeded
	}
	problem.Body(w, err)
}
