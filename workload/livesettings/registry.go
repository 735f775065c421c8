// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package livesettings

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"
)

// Knob puts the part of a document that concerns it in force. A registry calls it with validated documents only and one at
// a time, so a knob cannot fail: what could fail belongs into Document.Validate. A knob must not keep or change the
// document's maps and pointers, and must not call its registry.
type Knob func(Document)

// Registry holds the document in force and the knobs that it turns. Its zero value is not usable; NewRegistry makes one.
type Registry struct {
	pod   string
	turns sync.Mutex // held while knobs are turned
	knobs []Knob

	sections []section

	// mu is never held while a knob turns: whoever asks for the revision, as each request may, does not wait for a knob.
	mu       sync.Mutex
	report   Report
	serves   func(pattern string) bool
	applied  uint64
	rejected uint64
}

// NewRegistry starts with a service's own built-in document, which it reports until another one is applied. pod is the name
// under which documents may hold a rate limit for this process alone; it may be empty.
func NewRegistry(builtIn Document, pod string) (*Registry, error) {
	if err := builtIn.Validate(); err != nil {
		return nil, err
	}
	revision, err := builtIn.confirmed()
	if err != nil {
		return nil, err
	}
	own := builtIn.For(pod)
	own.Ignored = nil
	return &Registry{pod: pod, report: Report{
		Revision: revision, Since: time.Now(), Document: own, Versions: []int{Version}, Toolkit: toolkitVersion(),
	}}, nil
}

// Register adds a knob and turns it to the document in force, so that the order of registration and of the first load does
// not matter.
func (r *Registry) Register(knob Knob) {
	r.turns.Lock()
	defer r.turns.Unlock()
	r.knobs = append(r.knobs, knob)
	knob(r.Report().Document)
}

// Serves lets the report name the document's routes that the service does not serve: misspelled ones, or those of a version
// that is not running yet.
func (r *Registry) Serves(pattern func(string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.serves = pattern
}

// Apply validates the document and turns every knob to it, in the order of their registration. A document with the revision
// that is in force already only clears the last error. changed says whether knobs were turned. One that panics does not keep the others
// from being turned; Report.Failed says so then.
func (r *Registry) Apply(document Document) (changed bool, err error) {
	if err := document.Validate(); err != nil {
		return false, err
	}
	revision, err := document.confirmed()
	if err != nil {
		return false, err
	}
	ignored := document.Ignored
	document = document.For(r.pod)
	document.Ignored = nil
	r.turns.Lock()
	defer r.turns.Unlock()
	settings, unknown, err := r.prepare(document)
	if err != nil {
		return false, err
	}
	ignored = append(slices.Clone(ignored), unknown...)
	ignored = ignored[:min(len(ignored), maxIgnored)]
	// The content is compared as well: somebody may have edited a document without giving it another revision.
	current := r.Report()
	changed = revision != current.Revision || !reflect.DeepEqual(document, current.Document)
	var failed []error
	if changed {
		for _, knob := range r.knobs {
			failed = append(failed, contained(func() error { knob(document); return nil }))
		}
		for _, apply := range settings {
			failed = append(failed, contained(func() error { apply(); return nil }))
		}
	}
	// The report changes last: whoever reads a revision here finds it enforced already.
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Error, r.report.Ignored = "", ignored
	if changed {
		r.report.Revision, r.report.Since, r.report.Document = revision, time.Now(), document
		r.applied++
		r.report.Failed = ""
		if err := errors.Join(failed...); err != nil {
			r.report.Failed = cut(err.Error(), maxError)
		}
	}
	return changed, nil
}

// Reject records why the newest document was refused. The document in force stays.
func (r *Registry) Reject(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Error = cut(err.Error(), maxError)
	r.rejected++
}

// Report says what is in force, since when, and why the newest document is not, if so.
func (r *Registry) Report() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	report := r.report
	report.Unserved = r.unserved()
	return report
}

// unserved are the patterns in the document in force that nobody registered. The lock is held.
func (r *Registry) unserved() (patterns []string) {
	if r.serves == nil {
		return nil
	}
	for _, pattern := range slices.Sorted(maps.Keys(r.report.Document.Routes)) {
		if len(patterns) < maxIgnored && !r.serves(pattern) {
			patterns = append(patterns, cut(pattern, maxName))
		}
	}
	return patterns
}

// Revision in force.
func (r *Registry) Revision() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.report.Revision
}

// Counts returns how many documents were applied and how many rejected since the start.
func (r *Registry) Counts() (applied, rejected uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.applied, r.rejected
}

// ServeHTTP answers with the Report as JSON, always with status 200: also a service that runs on its last good document is
// up, and the report says so.
func (r *Registry) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	encoded, err := json.Marshal(r.Report())
	if err != nil { // impossible after Validate; an empty 200 would be read as a revision
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append(encoded, '\n'))
}
