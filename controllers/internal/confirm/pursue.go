// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package confirm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/controllers/internal/podhttp"
)

const (
	// firstPause between two questions; it grows by pauseGrowth up to maxPause while a kubelet refreshes, and up to
	// idlePause once a pod has been given up on.
	firstPause = 40 * time.Millisecond
	pauseGrow  = 1.25
	maxPause   = 500 * time.Millisecond
	idlePause  = 15 * time.Second
	// patience is how long a pod may take before its state is reported as unknown.
	patience = 5 * time.Second
	// renudgeAfter the first nudge without effect it is taken as lost; each further one waits twice as long. The kubelet
	// acts within 0.2 s, unless the pod's change overtook the ConfigMap's on its way there.
	renudgeAfter = 400 * time.Millisecond
	// maxNudges bounds the writes for a pod whose kubelet does not act.
	maxNudges = 8
	// askTimeout of one question.
	askTimeout = time.Second
)

// pursuit is the way of one pod to one revision.
type pursuit struct {
	name     types.NamespacedName
	service  *service
	state    *podState
	pod      Pod
	revision string

	nudges      int
	nextNudge   time.Time
	nudgeFailed error
}

// pursue nudges and asks one pod until it runs the revision or ctx ends.
func (t *Tracker) pursue(ctx context.Context, p pursuit) {
	started := time.Now()
	for pause := firstPause; ; {
		answer, err := t.ask(ctx, p.pod)
		if ctx.Err() != nil {
			return
		}
		if err == nil && answer.Revision == p.revision {
			t.confirmed(p.name, p.service, p.state)
			return
		}
		if err == nil {
			// A pod that refused a document is nudged as well: what it refused may have been an earlier one.
			err = t.nudge(ctx, &p)
		}
		late := time.Since(started) >= patience
		t.note(p.name, p.state, answer, err, late)
		limit := maxPause
		if late {
			limit = idlePause
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(time.Duration(float64(pause)*pauseGrow), limit)
	}
}

// nudge annotates the pod if that is due. What keeps it from doing so is told until it succeeds.
func (t *Tracker) nudge(ctx context.Context, p *pursuit) error {
	if p.nudges == maxNudges || time.Now().Before(p.nextNudge) {
		return p.nudgeFailed
	}
	value := annotation(p.revision, p.nudges)
	p.nextNudge = time.Now().Add(renudgeAfter << p.nudges)
	if p.pod.Annotation != value {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if err := t.options.Nudge(ctx, p.pod, value); err != nil {
			p.nudgeFailed = &nudgeError{err}
			return p.nudgeFailed
		}
	}
	p.nudges++
	p.nudgeFailed = nil
	return nil
}

// nudgeError tells trouble with the API server from trouble with the pod.
type nudgeError struct{ err error }

func (e *nudgeError) Error() string { return "annotating the pod: " + e.err.Error() }
func (e *nudgeError) Unwrap() error { return e.err }

// annotation differs for each nudge: only a change of the pod makes its kubelet act.
func annotation(revision string, nudges int) string {
	if nudges == 0 {
		return revision
	}
	return fmt.Sprintf("%s.%d", revision, nudges)
}

func (t *Tracker) ask(ctx context.Context, pod Pod) (Answer, error) {
	if pod.IP == "" {
		return Answer{}, errors.New("has no address yet")
	}
	select {
	case t.slots <- struct{}{}:
		defer func() { <-t.slots }()
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return t.options.Ask(ctx, pod)
}

func (t *Tracker) confirmed(name types.NamespacedName, s *service, state *podState) {
	t.mu.Lock()
	state.confirmed, state.reason, state.rejected, state.givenUp = true, "", false, false
	before := s.confirmedAt
	t.settle(s)
	last := before.IsZero() && !s.confirmedAt.IsZero()
	pending := 0
	for _, other := range s.pods {
		if !other.confirmed {
			pending++
		}
	}
	t.mu.Unlock()
	if last || pending == 0 {
		t.options.Changed(name)
	}
}

// note keeps the reason for people and tells when it is time to report it.
func (t *Tracker) note(name types.NamespacedName, state *podState, answer Answer, err error, late bool) {
	reason, rejected := "still runs revision "+answer.Revision, false
	switch {
	case err != nil:
		reason = podhttp.Clip(describe(err)) // it may quote what the pod answered
	case answer.Refused != "":
		reason, rejected = "refuses the document: "+answer.Refused, true
	case answer.Revision == "":
		reason = "runs its built-in values and has not read a document yet"
	}
	t.mu.Lock()
	news := late && (!state.givenUp || state.reason != reason)
	state.reason, state.rejected, state.givenUp = reason, rejected, late
	t.mu.Unlock()
	if news {
		t.options.Changed(name)
	}
}

// troubles are what errors mean to a person, the first match counts.
var troubles = []struct{ marker, meaning string }{
	{"connection refused", "does not listen on port 9100: is the image built on the toolkit?"},
	{"deadline exceeded", "does not answer on port 9100 within a second: does a NetworkPolicy keep the operator out?"},
	{"Client.Timeout", "does not answer on port 9100 within a second: does a NetworkPolicy keep the operator out?"},
	{"no route to host", "cannot be reached on port 9100 from the operator"},
	{"HTTP status 404", "answers port 9100 but knows no /live-settings: is the image built on the toolkit?"},
	{"could not find the requested resource", "answers port 9100 but knows no /live-settings: is the image built on the toolkit?"},
	{"error trying to reach service", "cannot be reached on port 9100 through the API server"},
}

// describe shortens what network errors say: addresses and ports would make every message a new one.
func describe(err error) string {
	var annotating *nudgeError
	if errors.As(err, &annotating) {
		return "cannot be annotated: " + innermost(annotating.err)
	}
	text := err.Error()
	for _, trouble := range troubles {
		if strings.Contains(text, trouble.marker) {
			return trouble.meaning
		}
	}
	if inner := innermost(err); inner != text {
		return "cannot be asked: " + inner
	}
	return text
}

// innermost is what went wrong on the network, without where.
func innermost(err error) string {
	var operation *net.OpError
	var request *url.Error
	switch {
	case errors.As(err, &operation):
		return operation.Err.Error()
	case errors.As(err, &request):
		return request.Err.Error()
	}
	return err.Error()
}
