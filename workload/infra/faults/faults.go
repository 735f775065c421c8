// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package faults makes a service fail on demand, to see what others do then: alerts, retries, the operator. It acts only
// where it is switched on, for a bounded time, and is told on the admin port.
package faults

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/problem"
)

const (
	maxLatency  = 30 * time.Second
	maxDuration = 10 * time.Minute
	ownDuration = time.Minute
	maxBody     = 4 << 10
)

// Fault is what is done to a share of the requests.
type Fault struct {
	// Ratio of the requests, above 0 and at most 1; 1 if it is not given.
	Ratio *float64 `json:"ratio,omitempty"`
	// Latency is added before the handler.
	Latency livesettings.Duration `json:"latency,omitempty"`
	// Status is answered instead of calling the handler; 400 to 599, 0 calls it.
	Status int `json:"status,omitempty"`
	// For is how long the fault lasts; a minute if it is not given.
	For livesettings.Duration `json:"for,omitempty"`
}

type active struct {
	Fault
	Until time.Time `json:"until"`
}

// Injector holds the fault in force.
type Injector struct{ current atomic.Pointer[active] }

func (i *Injector) active() *active {
	fault := i.current.Load()
	if fault == nil || time.Now().After(fault.Until) {
		return nil
	}
	return fault
}

// Middleware makes requests fail as the fault in force says.
func (i *Injector) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault := i.active()
		if fault == nil || rand.Float64() >= *fault.Ratio {
			next.ServeHTTP(w, r)
			return
		}
		if fault.Latency > 0 {
			timer := time.NewTimer(time.Duration(fault.Latency))
			select {
			case <-r.Context().Done():
			case <-timer.C:
			}
			timer.Stop()
		}
		if fault.Status != 0 {
			problem.Write(w, problem.Details{Status: fault.Status, Reason: "fault_injection", Detail: "this fault was injected"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ServeHTTP shows the fault in force (GET), sets one (PUT) or ends it (DELETE).
func (i *Injector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPut:
		fault, err := parse(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			if bad, ok := errors.AsType[*badFault](err); ok {
				problem.Invalid(w, bad.field, bad.rule)
			} else {
				problem.Invalid(w, "body", err.Error())
			}
			return
		}
		i.current.Store(&active{Fault: fault, Until: time.Now().Add(time.Duration(fault.For))})
	case http.MethodDelete:
		i.current.Store(nil)
	case http.MethodGet, http.MethodHead:
	default:
		w.Header().Set("Allow", "GET, HEAD, PUT, DELETE")
		problem.Write(w, problem.Details{Status: http.StatusMethodNotAllowed})
		return
	}
	encoded, err := json.Marshal(map[string]*active{"fault": i.active()})
	if err != nil {
		problem.Write(w, problem.Details{Status: http.StatusInternalServerError, Detail: err.Error()})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(encoded, '\n'))
}

type badFault struct{ field, rule string }

func (e *badFault) Error() string { return e.field + ": " + e.rule }

func parse(body io.Reader) (Fault, error) {
	data, err := io.ReadAll(body)
	if err != nil {
		return Fault{}, &badFault{"body", "must have at most 4096 bytes"}
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var fault Fault
	if err := decoder.Decode(&fault); err != nil {
		return Fault{}, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Fault{}, &badFault{"body", "must be one JSON object"}
	}
	if fault.Ratio == nil {
		all := 1.0
		fault.Ratio = &all
	}
	if fault.For == 0 {
		fault.For = livesettings.Duration(ownDuration)
	}
	switch {
	case !(*fault.Ratio > 0 && *fault.Ratio <= 1):
		return Fault{}, &badFault{"ratio", "must be above 0 and at most 1"}
	case fault.Latency < 0 || time.Duration(fault.Latency) > maxLatency:
		return Fault{}, &badFault{"latency", "must be 0s to " + maxLatency.String()}
	case fault.Status != 0 && (fault.Status < 400 || fault.Status > 599):
		return Fault{}, &badFault{"status", "must be 400 to 599"}
	case fault.For < 0 || time.Duration(fault.For) > maxDuration:
		return Fault{}, &badFault{"for", "must be above 0s and at most " + maxDuration.String()}
	case fault.Latency == 0 && fault.Status == 0:
		return Fault{}, &badFault{"latency", "must be given, or status"}
	}
	return fault, nil
}
