// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package httpapi lets the bundled workload's use cases be called over HTTP. It reads requests, calls the use case and writes
// its answer; what is wrong with a request is answered as a problem that names the field and the rule.
package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"goservice.dev/operator/workload/app"
	"goservice.dev/operator/workload/internal/budget"
	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/problem"
	"goservice.dev/operator/workload/service"
	"goservice.dev/operator/workload/telemetry"
)

// API holds the use cases.
type API struct {
	WhoAmI    app.WhoAmI
	Aggregate app.Aggregate
	Batch     app.Batch
	// Proxy serves ProxyPrefix{upstream}/….
	Proxy http.Handler

	batches, loads *budget.Memory
}

// All batches together may take a quarter of GOMEMLIMIT, and all synthetic loads a half.
const (
	batchesShareOfMemory = 4
	loadsShareOfMemory   = 2
)

// ProxyPrefix is where the upstreams begin.
const ProxyPrefix = "/proxy/"

// Register serves the use cases.
func (a API) Register(svc *service.Service) {
	a.batches, a.loads = new(budget.Memory), new(budget.Memory)
	svc.LiveSettings().Register(func(livesettings.Document) { // it may have changed GOMEMLIMIT
		a.batches.Follow(batchesShareOfMemory)
		a.loads.Follow(loadsShareOfMemory)
	})
	svc.HandleFunc("GET /{$}", a.whoAmI)
	svc.HandleFunc("GET /work", a.work)
	svc.HandleFunc("GET /aggregate", a.aggregate)
	// A batch takes a worker for each of its jobs, so it must not hold one itself.
	svc.HandleFunc("POST /jobs", a.jobs, service.Unpooled(), service.MaxBody(maxBatchBytes))
	svc.HandleRaw(ProxyPrefix+"{upstream}/{path...}", a.Proxy, service.UnboundedCalls())
	svc.HandleAdmin("GET /status/{code}", http.HandlerFunc(status))
}

func (a API) whoAmI(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, a.WhoAmI.Identify())
}

func (a API) aggregate(w http.ResponseWriter, r *http.Request) {
	query, err := parseQuery(r.URL.RawQuery, "upstream", "path")
	if err != nil {
		fail(w, err)
		return
	}
	path := "/"
	if query.Has("path") {
		path = query.Get("path")
	}
	gathered, err := a.Aggregate.Gather(r.Context(), query["upstream"], path)
	if err != nil {
		fail(w, err)
		return
	}
	code := http.StatusOK
	if len(gathered.Parts) > 0 && !slices.ContainsFunc(gathered.Parts, func(p app.Part) bool { return p.Error == "" }) {
		code = http.StatusBadGateway
	}
	writeJSON(w, code, gathered)
}

func (a API) work(w http.ResponseWriter, r *http.Request) {
	load, err := parseLoad(r.URL.RawQuery)
	if err != nil {
		fail(w, err)
		return
	}
	if !a.loads.Take(load.AllocBytes) {
		busy(w, r, "the memory for synthetic loads is used up")
		return
	}
	defer a.loads.GiveBack(load.AllocBytes)
	if err := load.Do(r.Context()); err != nil {
		fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"cpu": load.CPU.String(), "sleep": load.Sleep.String(), "allocBytes": load.AllocBytes,
	})
}

// status answers with the code in its path, to try clients and probes with. It is on the admin port only.
func status(w http.ResponseWriter, r *http.Request) {
	code, err := strconv.Atoi(r.PathValue("code"))
	if err != nil || code < 200 || code > 599 {
		problem.Invalid(w, "code", "must be 200 to 599")
		return
	}
	if code == http.StatusNoContent || code == http.StatusNotModified { // these have no body
		w.WriteHeader(code)
		return
	}
	writeJSON(w, code, map[string]int{"status": code})
}

// parseQuery reads a query in which only the known parameters may be.
func parseQuery(raw string, known ...string) (url.Values, error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, &app.Invalid{Field: "query", Rule: "must be percent-encoded"}
	}
	for name := range query {
		if !slices.Contains(known, name) {
			return nil, &app.Invalid{Field: cmp.Or(shorten(name), "query"), Rule: "is not known; known are " + strings.Join(known, ", ")}
		}
	}
	return query, nil
}

const maxEcho = 64

// shorten keeps a client's invention from filling the answer.
func shorten(name string) string {
	if len(name) > maxEcho {
		name = name[:maxEcho] + "…"
	}
	return strings.ToValidUTF8(name, "\uFFFD")
}

// fail answers with the error: 400 for bad input, 504 at the deadline, nothing to a client that left.
func fail(w http.ResponseWriter, err error) {
	var bad *app.Invalid
	switch {
	case errors.As(err, &bad):
		problem.Invalid(w, bad.Field, bad.Rule)
	case errors.Is(err, context.DeadlineExceeded):
		problem.Write(w, problem.Details{Status: http.StatusGatewayTimeout, Detail: "not done before the deadline"})
	case errors.Is(err, context.Canceled):
		w.WriteHeader(problem.StatusClientLeft)
	default:
		problem.Write(w, problem.Details{Status: http.StatusInternalServerError, Detail: "the request failed"})
	}
}

// busy turns a request away for which there is no memory at the moment.
func busy(w http.ResponseWriter, r *http.Request, detail string) {
	telemetry.Rejected(r, telemetry.RejectedQueueFull)
	problem.RetryAfter(w.Header(), time.Second)
	problem.Write(w, problem.Details{Status: http.StatusServiceUnavailable, Reason: telemetry.RejectedQueueFull, Detail: detail})
}

func writeJSON(w http.ResponseWriter, code int, value any) {
	encoded, err := json.Marshal(value)
	if err != nil {
		problem.Write(w, problem.Details{Status: http.StatusInternalServerError, Detail: "the answer cannot be written as JSON"})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(encoded, '\n'))
}
