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
	// renudgeAfter the last nudge without effect, a nudge is taken as lost.
	renudgeAfter = 1500 * time.Millisecond
	// askTimeout of one question.
	askTimeout = time.Second
)

// pursue nudges and asks one pod until it runs the revision or ctx ends.
func (t *Tracker) pursue(ctx context.Context, name types.NamespacedName, s *service, state *podState, revision string) {
	pod := state.pod
	started := time.Now()
	var nudged time.Time
	nudges := 0
	for pause := firstPause; ; {
		answer, err := t.ask(ctx, pod)
		if ctx.Err() != nil {
			return
		}
		if err == nil && answer.Revision == revision {
			t.confirmed(name, s, state)
			return
		}
		if err == nil && (nudges == 0 || time.Since(nudged) >= renudgeAfter) {
			if nudgeErr := t.nudge(ctx, pod, annotation(revision, nudges)); nudgeErr != nil {
				err = fmt.Errorf("cannot be annotated: %w", nudgeErr)
			}
			nudges++
			nudged = time.Now()
		}
		lateness := time.Since(started) >= patience
		t.note(name, state, answer, err, lateness)
		limit := maxPause
		if lateness {
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

func (t *Tracker) nudge(ctx context.Context, pod Pod, value string) error {
	if pod.Annotation == value {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return t.options.Nudge(ctx, pod, value)
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
