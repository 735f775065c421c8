// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package httpapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/workload/internal/budget"
	"goservice.dev/operator/workload/internal/exchange"
)

// trickle is the connection of a client that sends a blank every two seconds, and no more in the end.
type trickle struct {
	*httptest.ResponseRecorder
	left int
	over chan struct{} // closed when a deadline in the past is set
}

func (c *trickle) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	select {
	case <-time.After(2 * time.Second):
		c.left--
		p[0] = ' '
		return 1, nil
	case <-c.over:
		return 0, os.ErrDeadlineExceeded
	}
}

func (c *trickle) Close() error { return nil }

func (c *trickle) SetWriteDeadline(time.Time) error { return nil }

func (c *trickle) SetReadDeadline(deadline time.Time) error {
	if !deadline.IsZero() && deadline.Before(time.Now()) {
		close(c.over)
	}
	return nil
}

// What a batch holds of the memory for all of them must not be held for as long as its client likes.
func TestABatchHasToComeAtAFairPace(t *testing.T) {
	for _, kind := range []string{typeJSON, typeNDJSON} {
		synctest.Test(t, func(t *testing.T) {
			client := &trickle{ResponseRecorder: httptest.NewRecorder(), left: 100, over: make(chan struct{})}
			request := httptest.NewRequest(http.MethodPost, "/jobs", client)
			request.Header.Set("Content-Type", kind)
			api := API{batches: new(budget.Memory)}
			api.batches.SetLimit(1 << 20)
			e, r := exchange.Begin(client, request)
			e.Limit(10 * time.Second)
			api.jobs(e, r)
			e.Finish()
			if client.Code != http.StatusRequestTimeout || e.Age() > 2*exchange.BodyGrace {
				t.Errorf("%s: %d after %s, want 408 soon", kind, client.Code, e.Age())
			}
			if !api.batches.Take(1 << 20) {
				t.Errorf("%s: not all memory was given back", kind)
			}
		})
	}
}
