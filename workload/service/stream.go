// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"context"
	"net/http"

	"goservice.dev/operator/workload/server"
)

// Stream makes a stream of the request: it gives its worker back, has no deadline from now on, is counted among the streams
// instead of the requests, and ends at last when the service stops. Responses of the types text/event-stream,
// application/x-ndjson, and application/grpc become streams when they are flushed, and connections that a handler takes over
// when it does. Stream is for everything else that lasts, such as long polls.
func Stream(r *http.Request) { server.Stream(r) }

// Draining returns a channel that is closed when the service begins to stop, for handlers of streams: they have until the end of
// the drain to say goodbye, and then their contexts end. It is nil, which blocks for ever, where no server is involved.
func Draining(ctx context.Context) <-chan struct{} { return server.Draining(ctx) }
