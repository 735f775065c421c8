// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package v0 is the document of the last version whose pods mount tuning.json, with the parser that was compiled into them: it
// refuses every field that it does not know, and names a document by a hash of what it knows. It is frozen. The operator
// renders with its types for pods that have not been replaced since; it goes when no such pod can run any more.
package v0

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

const (
	// Version is the version of the document that this package reads and writes.
	Version = 1
	// FileName is the key in the ConfigMap and the name of the file in the mounted directory.
	FileName = "tuning.json"
	// MaxDocumentBytes bounds the size of a document that Parse accepts.
	MaxDocumentBytes = 256 << 10

	revisionLength = 12
)

// Document holds every value that a running service takes without a restart.
type Document struct {
	// Version of the document's form; always 1.
	Version int `json:"version"`
	// RateLimit of each pod for inbound requests; nil admits everything.
	RateLimit *RateLimit `json:"rateLimit,omitempty"`
	// Pool of workers of this one pod; nil leaves the service's own.
	Pool *Pool `json:"pool,omitempty"`
	// LogLevel is debug, info, warn, error or off; empty leaves the service's own (info).
	LogLevel string `json:"logLevel,omitempty"`
	// Tracing holds the share of traces to record; nil leaves the service's own (none).
	Tracing *Tracing `json:"tracing,omitempty"`
	// Runtime holds the knobs of Go's runtime; nil leaves those of the environment.
	Runtime *Runtime `json:"runtime,omitempty"`
	// Upstreams holds the limits of outbound calls by the upstream's name. Upstreams that are not named here are unlimited.
	Upstreams map[string]Upstream `json:"upstreams,omitempty"`
}

// RateLimit is the token bucket of a pod.
type RateLimit struct {
	// RequestsPerSecond at which tokens come back; above 0, at most MaxRequestsPerSecond.
	RequestsPerSecond float64 `json:"requestsPerSecond"`
	// Burst is the size of the bucket in requests; 1 to MaxBurst.
	Burst int `json:"burst"`
	// Pods holds the buckets of pods that have another than the one above, by the pod's name.
	Pods map[string]Bucket `json:"pods,omitempty"`
}

// Bucket of one pod, within the same bounds as a RateLimit.
type Bucket struct {
	RequestsPerSecond float64 `json:"requestsPerSecond"`
	Burst             int     `json:"burst"`
}

// Pool bounds how much work runs and waits at once.
type Pool struct {
	// Workers is how many requests or jobs may run at once; 1 to MaxWorkers.
	Workers int `json:"workers"`
	// QueueDepth is how many more may wait; 0 to MaxQueueDepth.
	QueueDepth int `json:"queueDepth"`
	// QueueTimeout is the longest wait in the queue; 0 means no bound of its own.
	QueueTimeout Duration `json:"queueTimeout,omitempty"`
}

// Tracing sets head sampling.
type Tracing struct {
	// SampleRatio of new traces, 0 to 1. The sampling decision of a caller is respected.
	SampleRatio float64 `json:"sampleRatio"`
}

// Runtime sets the garbage collector.
type Runtime struct {
	// GOGC is the heap growth in percent; -1 switches the proportional trigger off, 0 leaves the environment's.
	GOGC int `json:"gogc,omitempty"`
	// MemoryLimitBytes is the soft limit of the runtime's memory (GOMEMLIMIT); 0 leaves the environment's.
	MemoryLimitBytes int64 `json:"memoryLimitBytes,omitempty"`
}

// Upstream limits the calls of this one pod to one upstream.
type Upstream struct {
	// Timeout of one attempt; 0 leaves the service's own.
	Timeout Duration `json:"timeout,omitempty"`
	// RequestsPerSecond of this pod to the upstream; 0 means unlimited.
	RequestsPerSecond float64 `json:"requestsPerSecond,omitempty"`
	// Burst is the size of the bucket in requests; at least 1 where RequestsPerSecond is set.
	Burst int `json:"burst,omitempty"`
}

// Bounds that Validate enforces.
const (
	MaxRequestsPerSecond = 1e7
	MaxBurst             = 10_000_000
	MaxWorkers           = 100_000
	MaxQueueDepth        = 1_000_000
	MinMemoryLimitBytes  = 8 << 20
)

// LogLevels are the valid values of Document.LogLevel, from the most to the least detailed.
var LogLevels = []string{"debug", "info", "warn", "error", "off"}

// Duration is a time.Duration that reads and writes as Go writes durations ("25ms").
type Duration time.Duration

// MarshalJSON writes the duration as a string.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads a string that time.ParseDuration accepts.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("a duration must be a string such as \"25ms\", not %s", data)
	}
	parsed, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("a duration must be a string such as \"25ms\", not %q", text)
	}
	*d = Duration(parsed)
	return nil
}

// Parse reads one document. Unknown fields, a second value after the first, and anything that Validate refuses are errors.
func Parse(data []byte) (Document, error) {
	if len(data) > MaxDocumentBytes {
		return Document{}, fmt.Errorf("tuning document: %d bytes, at most %d are allowed", len(data), MaxDocumentBytes)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var document Document
	if err := decoder.Decode(&document); err != nil {
		return Document{}, fmt.Errorf("tuning document: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Document{}, errors.New("tuning document: one JSON object expected, more follows it")
	}
	if err := document.Validate(); err != nil {
		return Document{}, err
	}
	return document, nil
}

// Validate reports every value that cannot be put in force, each with its field, the value and the rule.
func (d Document) Validate() error {
	var found []error
	refuse := func(field string, value any, rule string) {
		found = append(found, fmt.Errorf("tuning document: %s: %v: %s", field, value, rule))
	}
	if d.Version != Version {
		refuse("version", d.Version, fmt.Sprintf("must be %d", Version))
	}
	if r := d.RateLimit; r != nil {
		validateRate("rateLimit", r.RequestsPerSecond, r.Burst, refuse)
		for _, pod := range slices.Sorted(maps.Keys(r.Pods)) {
			validateRate("rateLimit.pods."+pod, r.Pods[pod].RequestsPerSecond, r.Pods[pod].Burst, refuse)
		}
	}
	if p := d.Pool; p != nil {
		if p.Workers < 1 || p.Workers > MaxWorkers {
			refuse("pool.workers", p.Workers, fmt.Sprintf("must be 1 to %d", MaxWorkers))
		}
		if p.QueueDepth < 0 || p.QueueDepth > MaxQueueDepth {
			refuse("pool.queueDepth", p.QueueDepth, fmt.Sprintf("must be 0 to %d", MaxQueueDepth))
		}
		if p.QueueTimeout < 0 {
			refuse("pool.queueTimeout", time.Duration(p.QueueTimeout), "must not be negative")
		}
	}
	if d.LogLevel != "" && !slices.Contains(LogLevels, d.LogLevel) {
		refuse("logLevel", d.LogLevel, fmt.Sprintf("must be one of %v", LogLevels))
	}
	if t := d.Tracing; t != nil && !(t.SampleRatio >= 0 && t.SampleRatio <= 1) {
		refuse("tracing.sampleRatio", t.SampleRatio, "must be 0 to 1")
	}
	if r := d.Runtime; r != nil {
		if r.GOGC < -1 {
			refuse("runtime.gogc", r.GOGC, "must be -1 (off), 0 (leave) or a percentage above 0")
		}
		if r.MemoryLimitBytes != 0 && r.MemoryLimitBytes < MinMemoryLimitBytes {
			refuse("runtime.memoryLimitBytes", r.MemoryLimitBytes, fmt.Sprintf("must be 0 (leave) or at least %d", MinMemoryLimitBytes))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Upstreams)) {
		u, field := d.Upstreams[name], "upstreams."+name
		if u.Timeout < 0 {
			refuse(field+".timeout", time.Duration(u.Timeout), "must not be negative")
		}
		if u.RequestsPerSecond != 0 {
			validateRate(field, u.RequestsPerSecond, u.Burst, refuse)
		}
	}
	return errors.Join(found...)
}

func validateRate(field string, requestsPerSecond float64, burst int, refuse func(string, any, string)) {
	if !(requestsPerSecond > 0 && requestsPerSecond <= MaxRequestsPerSecond) {
		refuse(field+".requestsPerSecond", requestsPerSecond, fmt.Sprintf("must be above 0 and at most %g", MaxRequestsPerSecond))
	}
	if burst < 1 || burst > MaxBurst {
		refuse(field+".burst", burst, fmt.Sprintf("must be 1 to %d", MaxBurst))
	}
}

// Encode writes the document in its canonical form: equal documents give equal bytes. NaN and infinite values, which
// Validate refuses, are the only error.
func (d Document) Encode() ([]byte, error) {
	encoded, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("tuning document: %w", err)
	}
	return encoded, nil
}

// Revision names the document's content: the first 12 hexadecimal digits of the SHA-256 of its canonical form. Two files
// that differ only in white space or in the order of fields have the same revision.
func (d Document) Revision() (string, error) {
	encoded, err := d.Encode()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])[:revisionLength], nil
}

// Report is what a service answers on GET /tuning.
type Report struct {
	// Revision of the document in force, with the rate limits of all pods.
	Revision string `json:"revision"`
	// Since when it is in force.
	Since time.Time `json:"since"`
	// Document in force, as it concerns this pod.
	Document Document `json:"document"`
	// Error says why the newest file was refused; empty when the newest file is in force.
	Error string `json:"error,omitempty"`
}
