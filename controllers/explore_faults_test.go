// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
)

// faultKind is what happens to an operator under exploration.
type faultKind string

const (
	faultNone       faultKind = "none"
	faultDieBefore  faultKind = "dies before"
	faultDieAfter   faultKind = "dies after"
	faultLostAnswer faultKind = "loses the answer of"
	faultTimeout    faultKind = "times out at"
	faultConflict   faultKind = "gets 409 for"
	faultForbidden  faultKind = "gets 403 for"
	faultInvalid    faultKind = "gets 422 for"
	faultTooMany    faultKind = "gets 429 for"
	faultInternal   faultKind = "gets 500 for"
	// faultStale shows the operator every change up to maxLag versions late; faultCutWatch drops watch events and the watch
	// with them. Their number is the seed of the moments.
	faultStale    faultKind = "sees late"
	faultCutWatch faultKind = "loses events by"
)

// writeFaults hit one write of a run each.
var writeFaults = []faultKind{
	faultDieBefore, faultDieAfter, faultLostAnswer, faultTimeout, faultConflict, faultForbidden, faultInvalid, faultTooMany, faultInternal,
}

const (
	// maxLag is how many versions a cache may be behind, and longestLag for how long.
	maxLag     = 5
	longestLag = 300 * time.Millisecond
	// longestWatch is how many chunks a watch lasts at most where watches are cut.
	longestWatch = 12
)

// fault is one thing that goes wrong in a run: kind happens to the number-th write, counted from 1.
type fault struct {
	kind   faultKind
	number int
}

func (f fault) String() string { return fmt.Sprintf("%s %d", f.kind, f.number) }

// faults is the network between an operator and the API server. A run may have several processes one after another, each
// with a connection of its own; writes are counted over all of them.
type faults struct {
	mu      sync.Mutex
	planned []fault
	written int
	// statuses are the numbers of the writes to a status.
	statuses []int
	// died is called when the process must end.
	died func()
	last time.Time
	told map[string]int
}

func newFaults(planned ...fault) *faults {
	return &faults{planned: planned, last: time.Now(), told: map[string]int{}}
}

// late says whether the operator sees changes late.
func (f *faults) late() bool {
	return slices.ContainsFunc(f.planned, func(f fault) bool { return f.kind == faultStale || f.kind == faultCutWatch })
}

// announced is how often each event was told, by reason and message.
func (f *faults) announced() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.told)
}

// listener counts what a process tells before the recorder makes a series of what is told again.
type listener struct {
	events.EventRecorder
	process *process
}

// durations differ from run to run.
var durations = regexp.MustCompile(`\b(\d+(\.\d+)?(ms|µs|s|m))+\b`)

// announcement names an event in all runs alike.
func announcement(reason, message string) string {
	return reason + ": " + durations.ReplaceAllString(message, "DURATION")
}

func (l listener) Eventf(regarding, related runtime.Object, kind, reason, action, note string, values ...any) {
	if l.process.isDead() {
		return
	}
	f := l.process.faults
	f.mu.Lock()
	f.told[announcement(reason, fmt.Sprintf(note, values...))]++
	f.mu.Unlock()
	l.EventRecorder.Eventf(regarding, related, kind, reason, action, note, values...)
}

// writes is how many there were, and idle how long ago the last one was.
func (f *faults) writes() (count int, idle time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.written, time.Since(f.last)
}

// statusWrites are the numbers of the writes to a status.
func (f *faults) statusWrites() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.statuses)
}

// next counts a write and says what happens to it.
func (f *faults) next(path string) faultKind {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.written++
	if strings.HasSuffix(path, "/status") {
		f.statuses = append(f.statuses, f.written)
	}
	f.last = time.Now()
	for _, planned := range f.planned {
		if planned.number == f.written && planned.kind != faultStale && planned.kind != faultCutWatch {
			return planned.kind
		}
	}
	return faultNone
}

// process is one run of the operator; once it is dead nothing of it passes any more.
type process struct {
	faults *faults
	mu     sync.Mutex
	random *rand.Rand
	dead   bool
}

func newProcess(faults *faults, seed, number uint64) *process {
	return &process{faults: faults, random: rand.New(rand.NewPCG(seed, number))}
}

func (p *process) intN(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.random.IntN(n)
}

var errDead = errors.New("the process is dead")

// die ends the process as a SIGKILL does: nothing of it reaches the API server from now on.
func (p *process) die() {
	p.mu.Lock()
	p.dead = true
	p.mu.Unlock()
	p.faults.died()
}

func (p *process) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// connect puts the process between a client and the API server.
func (p *process) connect(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) { return p.roundTrip(next, request) })
}

// roundTrip lets a request pass, or not.
func (p *process) roundTrip(next http.RoundTripper, request *http.Request) (*http.Response, error) {
	if p.isDead() {
		return nil, errDead
	}
	if request.Method == http.MethodGet {
		response, err := next.RoundTrip(request)
		if err == nil && request.URL.Query().Get("watch") != "" {
			response.Body = p.disturbed(response.Body)
		}
		return response, err
	}
	if strings.HasSuffix(request.URL.Path, "/events") {
		return next.RoundTrip(request)
	}
	if strings.HasSuffix(request.URL.Path, "/selfsubjectaccessreviews") { // no write: whether Secrets may be read, which they may not
		return refusal(request, http.StatusForbidden, "Forbidden", "not asked"), nil
	}
	switch kind := p.faults.next(request.URL.Path); kind {
	case faultDieBefore:
		p.die()
		return nil, errDead
	case faultDieAfter:
		send(next, request)
		p.die()
		return nil, errDead
	case faultLostAnswer:
		send(next, request)
		return nil, fmt.Errorf("read: %w", errTimeout)
	case faultTimeout:
		return nil, fmt.Errorf("dial: %w", errTimeout)
	case faultConflict:
		return refusal(request, http.StatusConflict, "Conflict", "the object has been modified; please apply your changes to the latest version and try again"), nil
	case faultForbidden:
		return refusal(request, http.StatusForbidden, "Forbidden", "exceeded quota: team, requested: pods=1, used: pods=10, limited: pods=10"), nil
	case faultInvalid:
		return refusal(request, http.StatusUnprocessableEntity, "Invalid", "ValidatingAdmissionPolicy 'team' with binding 'team' denied request: not on Fridays"), nil
	case faultTooMany:
		return refusal(request, http.StatusTooManyRequests, "TooManyRequests", "too many requests, please try again later"), nil
	case faultInternal:
		return refusal(request, http.StatusInternalServerError, "InternalError", "etcdserver: request timed out"), nil
	}
	return next.RoundTrip(request)
}

// send lets a request take effect and drops its answer.
func send(next http.RoundTripper, request *http.Request) {
	if response, err := next.RoundTrip(request); err == nil {
		response.Body.Close()
	}
}

var errTimeout error = timeoutError{}

type timeoutError struct{}

func (timeoutError) Error() string   { return "i/o timeout" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

// disturbed is a watch's stream as the planned faults let the operator see it.
func (p *process) disturbed(body io.ReadCloser) io.ReadCloser {
	for _, planned := range p.faults.planned {
		switch planned.kind {
		case faultStale:
			return newLateStream(body, p.intN)
		case faultCutWatch:
			return &cutStream{ReadCloser: body, left: 1 + p.intN(longestWatch)}
		}
	}
	return body
}

// cutStream ends after some chunks, the last of which is lost.
type cutStream struct {
	io.ReadCloser
	left int
}

func (c *cutStream) Read(buffer []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n, err := c.ReadCloser.Read(buffer)
	if c.left--; c.left == 0 {
		return 0, io.EOF
	}
	return n, err
}

// lateStream hands chunks on in their order, each after a while, and never more than maxLag chunks late.
type lateStream struct {
	body   io.ReadCloser
	intN   func(int) int
	chunks chan []byte
	rest   bytes.Buffer
	closed chan struct{}
	once   sync.Once
	err    error
}

func newLateStream(body io.ReadCloser, intN func(int) int) *lateStream {
	l := &lateStream{body: body, intN: intN, chunks: make(chan []byte, maxLag), closed: make(chan struct{})}
	go l.fill()
	return l
}

func (l *lateStream) fill() {
	defer close(l.chunks)
	for {
		buffer := make([]byte, 1<<16)
		n, err := l.body.Read(buffer)
		if n > 0 {
			select {
			case l.chunks <- buffer[:n]:
			case <-l.closed:
				return
			}
		}
		if err != nil {
			l.err = err
			return
		}
	}
}

func (l *lateStream) Read(buffer []byte) (int, error) {
	if l.rest.Len() == 0 {
		chunk, open := <-l.chunks
		if !open {
			return 0, l.err
		}
		// A full queue is as late as it may be.
		if len(l.chunks) < maxLag {
			select {
			case <-time.After(time.Duration(l.intN(int(longestLag)))):
			case <-l.closed:
				return 0, io.EOF
			}
		}
		l.rest.Write(chunk)
	}
	return l.rest.Read(buffer)
}

func (l *lateStream) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.body.Close()
}
