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

	"goservice.dev/operator/controllers/internal/fair"
	"goservice.dev/operator/controllers/internal/podhttp"
)

const (
	// firstPause between two questions; it grows by pauseGrow up to maxPause while a kubelet refreshes. Once a pod has been
	// given up on, pauses double up to idlePause where it answers, up to fair.MaxPause where it does not.
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

	// waited for its turn, which is not the pod's fault; unanswered questions since the last answer.
	waited      time.Duration
	unanswered  int
	nudges      int
	nextNudge   time.Time
	nudgeFailed error
}

// pursue nudges and asks one pod until it runs the revision or ctx ends.
func (t *Tracker) pursue(ctx context.Context, p pursuit) {
	started := time.Now()
	for pause := firstPause; ; {
		answer, err := t.ask(ctx, &p)
		if ctx.Err() != nil {
			return
		}
		if err == nil && answer.Revision == p.revision {
			t.confirmed(p.name, p.service, p.state)
			return
		}
		if p.unanswered++; err == nil {
			p.unanswered = 0
			// A pod that refused a document is nudged as well: what it refused may have been an earlier one.
			err = t.nudge(ctx, &p)
		}
		late := p.late(time.Since(started))
		t.note(&p, answer, err, late)
		select {
		case <-ctx.Done():
			return
		case <-p.state.wake: // it may answer now
			pause, p.unanswered = firstPause, 0
			continue
		case <-time.After(pause):
		}
		pause = p.next(pause, late)
	}
}

// late says that the pod has had its time. Who answers has it without the waits for a turn; who was silent for an earlier
// revision, too, has had it already.
func (p *pursuit) late(elapsed time.Duration) bool {
	switch {
	case p.unanswered > 0 && p.state.silent.Load():
		return true
	case p.unanswered > 1:
		return elapsed >= patience
	}
	return elapsed-p.waited >= patience
}

// next pause after one.
func (p *pursuit) next(pause time.Duration, late bool) time.Duration {
	switch {
	case !late:
		return min(time.Duration(float64(pause)*pauseGrow), maxPause)
	case p.unanswered > 0:
		return min(max(2*pause, maxPause), fair.MaxPause)
	}
	return min(max(2*pause, maxPause), idlePause)
}

// nudge annotates the pod if that is due. What keeps it from doing so is told until it succeeds.
func (t *Tracker) nudge(ctx context.Context, p *pursuit) error {
	if p.nudges == maxNudges || time.Now().Before(p.nextNudge) {
		return p.nudgeFailed
	}
	value := annotation(p.revision, p.nudges)
	if p.pod.Annotation != value {
		if err := t.write(ctx, p, value); err != nil {
			p.nextNudge = time.Now().Add(renudgeAfter << p.nudges)
			p.nudgeFailed = &nudgeError{err}
			return p.nudgeFailed
		}
	}
	p.nextNudge = time.Now().Add(renudgeAfter << p.nudges)
	p.nudges++
	p.nudgeFailed = nil
	return nil
}

// write a nudge when it is the turn of its service and its namespace: the API server is everybody's.
func (t *Tracker) write(ctx context.Context, p *pursuit, value string) error {
	began := time.Now()
	if err := p.service.nudges.Wait(ctx); err != nil {
		return err
	}
	release, _, err := t.options.NudgeSlots.Acquire(ctx, p.name.Namespace)
	if err != nil {
		return err
	}
	defer release()
	if err := t.nudges.Wait(ctx); err != nil {
		return err
	}
	p.waited += time.Since(began)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return t.options.Nudge(ctx, p.pod, value)
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

func (t *Tracker) ask(ctx context.Context, p *pursuit) (Answer, error) {
	if p.pod.IP == "" {
		return Answer{}, errors.New("has no address yet")
	}
	silent := p.state.silent.Load() || p.unanswered > 1
	release, waited, err := t.options.Slots.Acquire(ctx, fair.Group(p.name.Namespace, silent))
	p.waited += waited
	if err != nil {
		return Answer{}, err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return t.options.Ask(ctx, p.pod)
}

func (t *Tracker) confirmed(name types.NamespacedName, s *service, state *podState) {
	t.mu.Lock()
	state.confirmed, state.reason, state.rejected, state.givenUp = true, "", false, false
	state.silent.Store(false)
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
func (t *Tracker) note(p *pursuit, answer Answer, err error, late bool) {
	reason, rejected := "still runs revision "+answer.Revision, false
	switch {
	case err != nil:
		reason = podhttp.Clip(describe(err)) // it may quote what the pod answered
	case answer.Refused != "":
		reason, rejected = "rejects the live settings: "+answer.Refused, true
	case answer.Revision == "":
		reason = "runs its built-in values and has not read its live settings yet"
	}
	t.mu.Lock()
	state := p.state
	news := late && (!state.givenUp || state.reason != reason)
	state.reason, state.rejected, state.givenUp = reason, rejected, late
	state.silent.Store(late && p.unanswered > 0)
	t.mu.Unlock()
	if news {
		t.options.Changed(p.name)
	}
}

// troubles are what errors mean to a person, the first match counts.
var troubles = []struct{ marker, meaning string }{
	{"connection refused", "does not listen on port 9100: is the image built on the toolkit?"},
	{"deadline exceeded", "does not answer on port 9100 within a second: is a NetworkPolicy blocking the operator?"},
	{"Client.Timeout", "does not answer on port 9100 within a second: is a NetworkPolicy blocking the operator?"},
	{"no route to host", "cannot be reached on port 9100 from the operator"},
	{"HTTP status 404", "answers port 9100 but does not report live settings: is the image built on the toolkit?"},
	{"could not find the requested resource", "answers port 9100 but does not report live settings: is the image built on the toolkit?"},
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
		return "cannot be queried: " + inner
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
