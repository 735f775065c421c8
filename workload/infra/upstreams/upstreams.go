// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package upstreams is the workload's way to other services: it implements the port of its use cases and the reverse
// proxy on the toolkit's clients, with their limits, timeouts and retries.
package upstreams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"goservice.dev/operator/workload/app"
	"goservice.dev/operator/workload/ratelimit"
	"goservice.dev/operator/workload/upstream"
)

// Clients finds the client of each declared upstream; a service.Service is one.
type Clients interface {
	Upstreams() []string
	Upstream(name string) (*upstream.Client, bool)
}

// Adapter implements app.Upstreams.
type Adapter struct{ Clients Clients }

var _ app.Upstreams = Adapter{}

// Names of all upstreams in order.
func (a Adapter) Names() []string { return a.Clients.Upstreams() }

// Fetch reads a path of an upstream. Its errors name the upstream, but not its address.
func (a Adapter) Fetch(ctx context.Context, name, path string, maxBytes int64) (app.Content, error) {
	client, ok := a.Clients.Upstream(name)
	if !ok {
		return app.Content{}, fmt.Errorf("upstream %s is not declared", name)
	}
	response, err := client.Get(ctx, path)
	if err != nil {
		return app.Content{}, outcome(ctx, name, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBytes+1))
	if err != nil {
		return app.Content{}, outcome(ctx, name, err)
	}
	if int64(len(body)) > maxBytes {
		return app.Content{}, fmt.Errorf("upstream %s answered with more than %d bytes", name, maxBytes)
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return app.Content{
		Status: response.StatusCode, Body: body,
		JSON: (kind == "application/json" || strings.HasSuffix(kind, "+json")) && json.Valid(body),
	}, nil
}

// outcome is an error as a client may read it: without addresses of other services.
func outcome(ctx context.Context, name string, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ratelimit.ErrWouldMissDeadline):
		return fmt.Errorf("the limit of calls to upstream %s is reached", name)
	case errors.Is(err, upstream.ErrBusy):
		return fmt.Errorf("as many calls as may be are waiting for upstream %s", name)
	case errors.As(err, new(*upstream.UnavailableError)):
		return fmt.Errorf("upstream %s does not answer", name)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("upstream %s did not answer in time", name)
	}
	return fmt.Errorf("upstream %s cannot be reached", name)
}
