// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"time"

	"goservice.dev/operator/workload/problem"
)

const (
	profilePrefix = "/debug/pprof/"
	// defaultProfileSeconds are those of net/http/pprof.
	defaultProfileSeconds = 30
	defaultTraceSeconds   = 1
	maxProfileSeconds     = 300
)

// profiling serves what `go tool pprof` and `go tool trace` ask for, under the paths of net/http/pprof; it listens on the
// loopback only. That package itself would add a quarter of a megabyte to the image, for profiles of differences and pages.
func profiling() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+profilePrefix+"{$}", listProfiles)
	mux.HandleFunc("GET "+profilePrefix+"{name}", writeProfile)
	// These two are empty unless the runtime is told to look, which costs something for as long as it does.
	mux.HandleFunc("GET "+profilePrefix+"block", contention("block", func(rate int) { runtime.SetBlockProfileRate(rate) }))
	mux.HandleFunc("GET "+profilePrefix+"mutex", contention("mutex", func(rate int) { runtime.SetMutexProfileFraction(rate) }))
	mux.HandleFunc("GET "+profilePrefix+"profile", record(defaultProfileSeconds, func(w http.ResponseWriter) (func(), error) {
		return pprof.StopCPUProfile, pprof.StartCPUProfile(w)
	}))
	mux.HandleFunc("GET "+profilePrefix+"trace", record(defaultTraceSeconds, func(w http.ResponseWriter) (func(), error) {
		return trace.Stop, trace.Start(w)
	}))
	return mux
}

func listProfiles(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for _, profile := range pprof.Profiles() {
		_, _ = fmt.Fprintf(w, "%s%s  %d\n", profilePrefix, profile.Name(), profile.Count())
	}
	_, _ = fmt.Fprintf(w, "%sprofile?seconds=%d\n%strace?seconds=%d\n", profilePrefix, defaultProfileSeconds, profilePrefix, defaultTraceSeconds)
}

// writeProfile writes a profile as it is now, as text where debug asks for it.
func writeProfile(w http.ResponseWriter, r *http.Request) {
	profile := pprof.Lookup(r.PathValue("name"))
	if profile == nil {
		problem.Write(w, problem.Details{Status: http.StatusNotFound, Detail: "there is no such profile; " + profilePrefix + " lists them"})
		return
	}
	if r.FormValue("seconds") != "" { // differences between two moments would need net/http/pprof
		problem.Invalid(w, "seconds", "is not supported for this profile; take it twice and use go tool pprof -diff_base")
		return
	}
	if profile.Name() == "heap" && r.FormValue("gc") != "" {
		runtime.GC()
	}
	debug, err := strconv.Atoi(r.FormValue("debug"))
	w.Header().Set("Content-Type", "application/octet-stream")
	if err == nil && debug > 0 {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	_ = profile.WriteTo(w, debug) // fails when the client has gone
}

// contention looks for seconds, 30 where the request names none, and writes the profile, which also holds what earlier requests
// have seen. Rate 1 sees every event; the mutex profile's is a fraction.
func contention(name string, set func(rate int)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		length, ok := secondsOf(w, r, defaultProfileSeconds)
		if !ok {
			return
		}
		set(1)
		defer set(0)
		wait(r, length)
		debug, _ := strconv.Atoi(r.FormValue("debug"))
		w.Header().Set("Content-Type", "application/octet-stream")
		if debug > 0 {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		}
		_ = pprof.Lookup(name).WriteTo(w, debug) // fails when the client has gone
	}
}

// secondsOf the request; it answers those that cannot be.
func secondsOf(w http.ResponseWriter, r *http.Request, length int) (seconds int, ok bool) {
	asked := r.FormValue("seconds")
	if asked == "" {
		return length, true
	}
	length, err := strconv.Atoi(asked)
	if err != nil || length < 1 || length > maxProfileSeconds {
		problem.Invalid(w, "seconds", fmt.Sprintf("must be 1 to %d", maxProfileSeconds))
		return 0, false
	}
	return length, true
}

// wait until the time is over or the client has left.
func wait(r *http.Request, seconds int) {
	ctx, cancel := context.WithTimeout(r.Context(), time.Duration(seconds)*time.Second)
	defer cancel()
	<-ctx.Done()
}

// record writes what happens from now on, for as long as seconds says or until the client leaves.
func record(seconds int, start func(http.ResponseWriter) (stop func(), err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		length, ok := secondsOf(w, r, seconds)
		if !ok {
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		stop, err := start(w)
		if err != nil {
			problem.Write(w, problem.Details{Status: http.StatusConflict, Detail: err.Error()})
			return
		}
		defer stop()
		wait(r, length)
	}
}
