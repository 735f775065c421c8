// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package confirm

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
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

	nudges    int
	nextNudge time.Time
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
		if err == nil && answer.Refused == "" {
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

// nudge annotates the pod if that is due.
func (t *Tracker) nudge(ctx context.Context, p *pursuit) error {
	if p.nudges == maxNudges || time.Now().Before(p.nextNudge) {
		return nil
	}
	value := annotation(p.revision, p.nudges)
	p.nextNudge = time.Now().Add(renudgeAfter << p.nudges)
	p.nudges++
	if p.pod.Annotation == value {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := t.options.Nudge(ctx, p.pod, value); err != nil {
		return fmt.Errorf("cannot be annotated: %w", err)
	}
	return nil
}

// annotation differs for each nudge: only a change of the pod makes its kubelet act.
func annotation(revision string, nudges int) string {
	if nudges == 0 {
		return revision
	}
	return fmt.Sprintf("%s.%d", revision, nudges)
}

func (t *Tracker) ask(ctx context.Context, pod Pod) (Answer, error) {
	if pod.IP == "" {
		return Answer{}, fmt.Errorf("has no address yet")
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
		reason = describe(err)
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

// describe shortens what network errors say: addresses and ports would make every message a new one.
func describe(err error) string {
	text := err.Error()
	for marker, reason := range map[string]string{
		"connection refused":        "nothing listens on port 9100: is the image built on the toolkit?",
		"deadline exceeded":         "does not answer on port 9100 within a second: does a NetworkPolicy keep the operator out?",
		"Client.Timeout":            "does not answer on port 9100 within a second: does a NetworkPolicy keep the operator out?",
		"no route to host":          "cannot be reached on port 9100 from the operator",
		"HTTP status 404":           "answers port 9100 but knows no /tuning: is the image built on the toolkit?",
		"error trying to reach ser": "cannot be reached on port 9100 through the API server",
	} {
		if strings.Contains(text, marker) {
			return reason
		}
	}
	return text
}
