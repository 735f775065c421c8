// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package livesettings is the one contract between the operator and the services that it tunes: the document of live values, its
// validation and its revision. The operator renders a Document into a ConfigMap; a service watches the mounted file and
// applies each valid Document while it runs.
//
// The package knows nothing of Kubernetes and nothing of the knobs that it sets: those register themselves.
package livesettings

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	// Version is the version of the document that this package reads and writes.
	Version = 1
	// FileName is the key in the ConfigMap and the name of the file in the mounted directory.
	FileName = "live-settings.json"
	// MaxDocumentBytes bounds the size of a document that Parse accepts.
	MaxDocumentBytes = 256 << 10

	digestLength = 12
)

// Document holds every value that a running service takes without a restart.
type Document struct {
	// Version of the document's form; always 1. It changes only when a field that exists gets another meaning: fields that
	// are added are ignored by toolkits that do not know them.
	Version int `json:"version"`
	// Revision is the name by which pods confirm the document: 1 to 64 letters, digits, '.', '_' and '-'. Whoever writes the
	// document chooses it, WithRevision for example; empty: the document's Digest.
	Revision string `json:"revision,omitempty"`
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
	// Routes holds what is special about single routes, by their pattern as the service registered it: "GET /orders/{id}". What
	// a route leaves out, and a route that is not named here, is as the service's code has it. Patterns that the service does
	// not serve are reported and otherwise without effect.
	Routes map[string]Route `json:"routes,omitempty"`
	// TrustedProxies are the peers whose X-Forwarded-* or Forwarded headers are believed, as CIDRs, at most 64; empty leaves the
	// service's own (none).
	TrustedProxies []string `json:"trustedProxies,omitempty"`

	// Settings holds sections of the service's own by their names, which AddSetting registers; at most MaxSettings. Each must be an
	// object. Sections that no service registers are ignored.
	Settings map[string]json.RawMessage `json:"settings,omitempty"`
	// Ignored names the fields that Parse found and does not know, such as "pool.priorities" or "upstreams.*.hedge", in
	// order and at most 16 of them.
	Ignored []string `json:"-"`
}

// RateLimit is the token bucket of a pod.
type RateLimit struct {
	// RequestsPerSecond at which tokens come back; above 0, at most MaxRequestsPerSecond.
	RequestsPerSecond float64 `json:"requestsPerSecond"`
	// Burst is the size of the bucket in requests; 1 to MaxBurst.
	Burst int `json:"burst"`
	// Shared says that the bucket is this pod's part of a limit that all pods of the service have together: where they share their
	// queue, they lend each other tokens. Where Pods has any, the limit is shared in any case.
	Shared bool `json:"shared,omitempty"`
	// Pods holds the buckets of pods that have another than the one above, by the pod's name.
	Pods map[string]Bucket `json:"pods,omitempty"`
	// Unnamed says that Pods has others and not this pod: until it is named, those may still have what it may admit.
	Unnamed bool `json:"-"`
}

// Bucket of one pod, within the same bounds as a RateLimit.
type Bucket struct {
	RequestsPerSecond float64 `json:"requestsPerSecond"`
	Burst             int     `json:"burst"`
}

// Pool bounds how much work runs and waits at once.
type Pool struct {
	// Workers is how many requests or jobs may run at once, 1 to MaxWorkers: the number that the pod begins with, until it has found
	// out by its CPU time how few of them keep the processors busy.
	Workers int `json:"workers"`
	// MinWorkers and MaxWorkers bound the number that the pod finds, 0 to MaxWorkers; 0 leaves the service's own bounds. Where both
	// are Workers, that number stays.
	MinWorkers int `json:"minWorkers,omitempty"`
	MaxWorkers int `json:"maxWorkers,omitempty"`
	// QueueDepth is how many more may wait; 0 to MaxQueueDepth.
	QueueDepth int `json:"queueDepth"`
	// QueueTimeout is the longest wait in the queue; 0 means no bound of its own.
	QueueTimeout Duration `json:"queueTimeout,omitempty"`
	// TakeShare bounds what the pod takes of the requests that wait in others, where pods share their queue: it is the share, 0 to 1 in
	// thousandths, of what each pod without a bound takes. With 0 it takes none; nil is 1, which is no bound.
	TakeShare *float64 `json:"takeShare,omitempty"`
}

// Tracing sets head sampling.
type Tracing struct {
	// SampleRatio of new traces, 0 to 1. The sampling decision of a caller is respected.
	SampleRatio float64 `json:"sampleRatio"`
}

// Runtime sets the garbage collector.
type Runtime struct {
	// GOGC is the heap growth in percent, at most MaxGOGC; -1 switches the proportional trigger off, 0 leaves the environment's.
	GOGC int `json:"gogc,omitempty"`
	// MemoryLimitBytes is the soft limit of the runtime's memory (GOMEMLIMIT); 0 leaves the environment's.
	MemoryLimitBytes int64 `json:"memoryLimitBytes,omitempty"`
}

// Upstream limits the calls of this one pod to one upstream.
type Upstream struct {
	// Timeout of one attempt: the longest time without progress; 0 leaves the service's own.
	Timeout Duration `json:"timeout,omitempty"`
	// RequestsPerSecond of this pod to the upstream; 0 means unlimited.
	RequestsPerSecond float64 `json:"requestsPerSecond,omitempty"`
	// Burst is the size of the bucket in requests; at least 1 where RequestsPerSecond is set.
	Burst int `json:"burst,omitempty"`
	// MaxInFlight is how many calls may wait for the upstream at the same time, 1 to MaxWorkers; 0 leaves the service's own.
	MaxInFlight int `json:"maxInFlight,omitempty"`
}

// Route sets how one pod serves one route. Values that are not given are those of the service's code.
type Route struct {
	// Timeout from a request's head to the end of its response; "0s" means none.
	Timeout *Duration `json:"timeout,omitempty"`
	// MaxBodyBytes of a request; at least 1. 0 leaves the service's own.
	MaxBodyBytes int64 `json:"maxBodyBytes,omitempty"`
	// RateLimit of the route at this pod, besides that of the service.
	RateLimit *Bucket `json:"rateLimit,omitempty"`
	// Pool says whether requests take a worker.
	Pool *bool `json:"pool,omitempty"`
	// Priority is critical, normal or sheddable: what is less important is turned away first.
	Priority string `json:"priority,omitempty"`
	// Exempt requests pass neither limiter nor pool.
	Exempt *bool `json:"exempt,omitempty"`
	// HandOff says whether requests that would wait may run in another pod, where pods share their queue.
	HandOff *bool `json:"handOff,omitempty"`
}

// Bounds that Validate enforces.
const (
	MaxRequestsPerSecond = 1e7
	MaxBurst             = 10_000_000
	MaxWorkers           = 100_000
	MaxQueueDepth        = 1_000_000
	MinMemoryLimitBytes  = 8 << 20
	// MaxGOGC is what the runtime can hold; it takes the lower 32 bits of more.
	MaxGOGC = 1<<31 - 1

	maxTrusted = 64
)

// The priorities of routes.
const (
	PriorityCritical  = "critical"
	PriorityNormal    = "normal"
	PrioritySheddable = "sheddable"
)

// Priorities are the valid values of Route.Priority, the most important first.
var Priorities = []string{PriorityCritical, PriorityNormal, PrioritySheddable}

// LogLevels are the valid values of Document.LogLevel, from the most to the least detailed.
var LogLevels = []string{"debug", "info", "warn", "error", "off"}

// Duration is a time.Duration that reads and writes as Go writes durations ("25ms").
type Duration time.Duration

// MarshalJSON writes the duration as a string.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// Validate reports every value that cannot be put in force, each with its field, the value and the rule.
func (d Document) Validate() error {
	var found problems
	refuse := found.refuse
	if d.Version != Version {
		refuse("version", d.Version, fmt.Sprintf("must be %d", Version))
	}
	if d.Revision != "" && !validRevision.MatchString(d.Revision) {
		refuse("revision", d.Revision, "must be 1 to 64 letters, digits, '.', '_' and '-', a letter or digit first")
	}
	if r := d.RateLimit; r != nil {
		validateRate("rateLimit", r.RequestsPerSecond, r.Burst, refuse)
		for _, pod := range slices.Sorted(maps.Keys(r.Pods)) {
			validateRate("rateLimit.pods."+pod, r.Pods[pod].RequestsPerSecond, r.Pods[pod].Burst, refuse)
		}
	}
	if p := d.Pool; p != nil {
		validatePool(p, refuse)
	}
	if d.LogLevel != "" && !slices.Contains(LogLevels, d.LogLevel) {
		refuse("logLevel", d.LogLevel, "must be "+strings.Join(LogLevels[:len(LogLevels)-1], ", ")+" or "+LogLevels[len(LogLevels)-1])
	}
	if t := d.Tracing; t != nil && !(t.SampleRatio >= 0 && t.SampleRatio <= 1) {
		refuse("tracing.sampleRatio", t.SampleRatio, "must be 0 to 1")
	}
	if r := d.Runtime; r != nil {
		if r.GOGC < -1 || int64(r.GOGC) > MaxGOGC {
			refuse("runtime.gogc", r.GOGC, fmt.Sprintf("must be -1 (off), 0 (leave) or a percentage of at most %d", MaxGOGC))
		}
		if r.MemoryLimitBytes != 0 && r.MemoryLimitBytes < MinMemoryLimitBytes {
			refuse("runtime.memoryLimitBytes", r.MemoryLimitBytes, fmt.Sprintf("must be 0 (leave) or at least %d", MinMemoryLimitBytes))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Upstreams)) {
		validateUpstream("upstreams."+name, d.Upstreams[name], refuse)
	}
	if len(d.TrustedProxies) > maxTrusted {
		refuse("trustedProxies", len(d.TrustedProxies), fmt.Sprintf("must have at most %d ranges", maxTrusted))
	}
	for _, text := range d.TrustedProxies {
		if prefix, err := netip.ParsePrefix(text); err != nil || prefix != prefix.Masked() {
			refuse("trustedProxies", text, "must be a range of addresses such as 10.0.0.0/8, with no bits set beyond the prefix")
		}
	}
	for _, pattern := range slices.Sorted(maps.Keys(d.Routes)) {
		validateRoute("routes."+pattern, d.Routes[pattern], refuse)
	}
	if len(d.Settings) > MaxSettings {
		refuse("settings", len(d.Settings), fmt.Sprintf("must have at most %d sections", MaxSettings))
	}
	for _, name := range slices.Sorted(maps.Keys(d.Settings)) {
		if content := bytes.TrimSpace(d.Settings[name]); !bytes.HasPrefix(content, []byte("{")) || !json.Valid(content) {
			refuse("settings."+name, literal(cut(string(content), maxQuoted)), "must be an object")
		}
	}
	return found.err()
}

func validatePool(p *Pool, refuse func(string, any, string)) {
	if p.Workers < 1 || p.Workers > MaxWorkers {
		refuse("pool.workers", p.Workers, fmt.Sprintf("must be 1 to %d", MaxWorkers))
	}
	if p.MinWorkers < 0 || p.MinWorkers > MaxWorkers {
		refuse("pool.minWorkers", p.MinWorkers, fmt.Sprintf("must be 0 (the service's own) to %d", MaxWorkers))
	}
	if p.MaxWorkers < 0 || p.MaxWorkers > MaxWorkers {
		refuse("pool.maxWorkers", p.MaxWorkers, fmt.Sprintf("must be 0 (the service's own) to %d", MaxWorkers))
	}
	if p.MaxWorkers > 0 && p.MaxWorkers < p.MinWorkers {
		refuse("pool.maxWorkers", p.MaxWorkers, fmt.Sprintf("must be at least pool.minWorkers (%d)", p.MinWorkers))
	}
	if p.QueueDepth < 0 || p.QueueDepth > MaxQueueDepth {
		refuse("pool.queueDepth", p.QueueDepth, fmt.Sprintf("must be 0 to %d", MaxQueueDepth))
	}
	if p.QueueTimeout < 0 {
		refuse("pool.queueTimeout", time.Duration(p.QueueTimeout), "must not be negative")
	}
	if share := p.TakeShare; share != nil && !(*share >= 0 && *share <= 1) {
		refuse("pool.takeShare", *share, "must be 0 to 1")
	}
}

func validateUpstream(field string, u Upstream, refuse func(string, any, string)) {
	if u.Timeout < 0 {
		refuse(field+".timeout", time.Duration(u.Timeout), "must not be negative")
	}
	if u.RequestsPerSecond != 0 {
		validateRate(field, u.RequestsPerSecond, u.Burst, refuse)
	}
	if u.MaxInFlight < 0 || u.MaxInFlight > MaxWorkers {
		refuse(field+".maxInFlight", u.MaxInFlight, fmt.Sprintf("must be 0 (the service's own) to %d", MaxWorkers))
	}
}

func validateRoute(field string, r Route, refuse func(string, any, string)) {
	if r.Timeout != nil && *r.Timeout < 0 {
		refuse(field+".timeout", time.Duration(*r.Timeout), "must not be negative")
	}
	if r.MaxBodyBytes < 0 {
		refuse(field+".maxBodyBytes", r.MaxBodyBytes, "must not be negative")
	}
	if r.RateLimit != nil {
		validateRate(field+".rateLimit", r.RateLimit.RequestsPerSecond, r.RateLimit.Burst, refuse)
	}
	if r.Priority != "" && !slices.Contains(Priorities, r.Priority) {
		refuse(field+".priority", r.Priority, "must be critical, normal or sheddable")
	}
}

var validRevision = regexp.MustCompile(`^[A-Za-z0-9][-._A-Za-z0-9]{0,63}$`)

// problems are values that cannot be used, each with its field and the rule.
type problems []string

// refuse notes one; texts are quoted and cut, since they may come from anybody.
func (p *problems) refuse(field string, value any, rule string) {
	if text, is := value.(string); is {
		value = fmt.Sprintf("%q", cut(text, maxQuoted))
	}
	*p = append(*p, fmt.Sprintf("%s: %v: %s", cut(field, maxQuoted), value, rule))
}

// note takes over the problems of an error that err has made, or another error as it is.
func (p *problems) note(err error) { *p = append(*p, strings.TrimPrefix(err.Error(), prefix)) }

// prefix of all errors about a document.
const prefix = "live settings: "

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return errors.New(prefix + strings.Join(p, "; "))
}

func validateRate(field string, requestsPerSecond float64, burst int, refuse func(string, any, string)) {
	if !(requestsPerSecond > 0 && requestsPerSecond <= MaxRequestsPerSecond) {
		refuse(field+".requestsPerSecond", requestsPerSecond, fmt.Sprintf("must be above 0 and at most %g", MaxRequestsPerSecond))
	}
	if burst < 1 || burst > MaxBurst {
		refuse(field+".burst", burst, fmt.Sprintf("must be 1 to %d", MaxBurst))
	}
}

// For is the document as it concerns one pod: with that pod's own rate limit and nobody else's. That it is a part of one that pods share
// stays in RateLimit.Shared.
func (d Document) For(pod string) Document {
	if d.RateLimit == nil || d.RateLimit.Pods == nil {
		return d
	}
	own := *d.RateLimit
	own.Shared = own.Shared || len(own.Pods) > 0
	bucket, named := own.Pods[pod]
	own.Unnamed = len(own.Pods) > 0 && !named
	if named {
		own.RequestsPerSecond, own.Burst = bucket.RequestsPerSecond, bucket.Burst
	}
	own.Pods = nil
	d.RateLimit = &own
	return d
}

// Encode writes the document in its canonical form: equal documents give equal bytes. NaN and infinite values, which
// Validate refuses, are the only error.
func (d Document) Encode() ([]byte, error) {
	encoded, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("live settings: %w", err)
	}
	return encoded, nil
}

// Digest names the document's content: the first 12 hexadecimal digits of the SHA-256 of its canonical form without the
// revision. Two files that differ only in white space or in the order of fields have the same digest.
func (d Document) Digest() (string, error) {
	d.Revision = ""
	encoded, err := d.Encode()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])[:digestLength], nil
}

// WithRevision is the document with its digest as its revision, which pods confirm whether or not they know all of its fields.
func (d Document) WithRevision() (Document, error) {
	digest, err := d.Digest()
	d.Revision = digest
	return d, err
}

// confirmed is the text by which pods confirm the document.
func (d Document) confirmed() (string, error) {
	if d.Revision != "" {
		return d.Revision, nil
	}
	return d.Digest()
}
