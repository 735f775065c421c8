// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// HandOff is what became of the keys by which pods share their queue.
type HandOff struct {
	// Written is what the status says of the Secret.
	Written *v1alpha1.HandOffStatus
	// Err is why it is not what it should be.
	Err error
	// Moved is what sharing brings; nil until it is measured.
	Moved *Moved
	// LinksKnown is false while it is too soon to say whether pods are linked. Of Sharers, the pods that share their queue, Unlinked have had no
	// link for a minute although there are others.
	LinksKnown        bool
	Sharers, Unlinked int
	// MovesFail says that most of the requests that were to move lately were returned or broken.
	MovesFail bool
}

// Moved says what part of the requests ran in another pod lately, rounded down, and what that cost in time.
type Moved struct {
	Percent int32
	Hop     time.Duration
}

// ErrForeignSecret is the answer where a Secret that the operator did not make has the name.
var ErrForeignSecret = errors.New("a Secret of this name exists that the operator did not make")

// queueShared says whether the pods have what they need to share their queue and, where they are measured, whether they do.
var queueShared = chain{
	{no, ifOnToolkit(unwanted)},
	{unknown, ifOnToolkit(stopped)},
	{unknown, ifOnToolkit(givenBack)},
	{no, ifOnToolkit(foreignSecret)},
	{no, ifOnToolkit(keyNotWritten)},
	{no, ifOnToolkit(olderTemplate)},
	{no, ifOnToolkit(ifFollowed(unlinked))},
	{no, ifOnToolkit(ifFollowed(unlinkedBefore))},
	{no, ifOnToolkit(ifFollowed(movesFail))},
	{yes, ifOnToolkit(keyWritten)},
}

func unwanted(s Situation) (string, string, bool) {
	reason, message := build.NoHandOff(&s.Service.Spec)
	return reason, message, reason != ""
}

func foreignSecret(s Situation) (string, string, bool) {
	return v1alpha1.ReasonForeignSecret, fmt.Sprintf("Secret %s exists, and the operator did not make it: it is left as it is, and each pod has a queue of its own; "+
		"rename it, or set spec.handOff to Disabled", build.PeersSecretName(s.Service.Name)), errors.Is(s.HandOff.Err, ErrForeignSecret)
}

func keyNotWritten(s Situation) (string, string, bool) {
	if s.HandOff.Err == nil {
		return "", "", false
	}
	now := "each pod has a queue of its own"
	if s.HandOff.Written != nil {
		now = "pods keep the key that they have"
	}
	return v1alpha1.ReasonKeyNotWritten, oneLine(fmt.Sprintf("Secret %s with the key of the pods cannot be written, and %s; the operator retries: %v",
		build.PeersSecretName(s.Service.Name), now, s.HandOff.Err)), true
}

// olderTemplate applies where the pods' template is one that an operator from before rendered.
func olderTemplate(s Situation) (string, string, bool) {
	deployment := s.Observed.Deployment
	return v1alpha1.ReasonAwaitingRollout, "the pod template is older than this: pods share their queue after the next change of a Rolling field of the spec",
		deployment != nil && !build.HandsOff(&deployment.Spec.Template)
}

func keyWritten(s Situation) (string, string, bool) {
	if s.HandOff.Written == nil {
		return "", "", false
	}
	return v1alpha1.ReasonShared, s.moved() + "; pods know each other by the key in Secret " + s.HandOff.Written.Secret, true
}

// unlinked applies where pods say that they have nobody to share their queue with although there are others.
func unlinked(s Situation) (string, string, bool) {
	whose := "some pods have had no link to another pod of the service for a minute, so that their queues are"
	if s.HandOff.Unlinked == s.HandOff.Sharers {
		whose = "pods have had no link to each other for a minute, so that each one's queue is"
	}
	return v1alpha1.ReasonPeersUnreachable, fmt.Sprintf("%s not shared; allow port %d between the pods in NetworkPolicies, have a mesh leave it alone, "+
		"and see that Secret %s exists, or set spec.handOff to Disabled", whose, build.PeersPort, build.PeersSecretName(s.Service.Name)), s.HandOff.Unlinked > 0
}

// unlinkedBefore applies while it is too soon to say more, as after a start of the operator.
func unlinkedBefore(s Situation) (string, string, bool) {
	was := meta.FindStatusCondition(s.Service.Status.Conditions, v1alpha1.ConditionQueueShared)
	if was == nil || was.Reason != v1alpha1.ReasonPeersUnreachable || s.HandOff.LinksKnown {
		return "", "", false
	}
	return was.Reason, was.Message, true
}

// movesFail applies where pods are linked and yet most requests do not run elsewhere.
func movesFail(s Situation) (string, string, bool) {
	return v1alpha1.ReasonMovesFail, "most of the requests that were to move to another pod were returned or ended with the link, so that the plan takes each pod's queue " +
		"for its own; look for pods that restart or are throttled, and for packets that are lost between nodes (goservice_hand_off_requests_total by result)", s.HandOff.MovesFail
}

// movedStep is by how many points the part of the requests that moved has to change before it is told again.
const movedStep = 5

// handOff is what the status says of the shared queue.
func (s Situation) handOff() *v1alpha1.HandOffStatus {
	status := s.HandOff.Written.DeepCopy()
	if status == nil {
		return nil
	}
	status.MovedPercent, status.HopMicroseconds = nil, nil
	if s.Outcome == nil || s.Outcome.NoPrometheus { // what was once measured stays true of nothing
		return status
	}
	before, moved := s.Service.Status.HandOff, s.HandOff.Moved
	switch {
	case before != nil && before.MovedPercent != nil && (moved == nil || !moved.differs(before)):
		status.MovedPercent, status.HopMicroseconds = before.DeepCopy().MovedPercent, before.DeepCopy().HopMicroseconds
	case moved != nil:
		status.MovedPercent = new(moved.Percent)
		if moved.Percent > 0 {
			status.HopMicroseconds = new(moved.Hop.Microseconds())
		}
	}
	return status
}

// differs reports whether something else is to be told than before: no status is written because a figure moved a little.
func (m *Moved) differs(before *v1alpha1.HandOffStatus) bool {
	was := *before.MovedPercent
	if m.Percent == 0 || was == 0 {
		return m.Percent == 0 && was != 0 || m.Percent >= movedStep
	}
	if max(m.Percent-was, was-m.Percent) >= movedStep || before.HopMicroseconds == nil {
		return true
	}
	hop, wasHop := m.Hop.Microseconds(), *before.HopMicroseconds
	return hop > 2*wasHop || wasHop > 2*hop
}

// moved is what sharing the queue brings, as a sentence.
func (s Situation) moved() string {
	status := s.handOff()
	switch {
	case status.MovedPercent == nil:
		return "a request that would wait may run in another pod that is free"
	case *status.MovedPercent == 0:
		return "less than 1% of the requests had to run in another pod that was free"
	case status.HopMicroseconds == nil:
		return fmt.Sprintf("%d%% of the requests ran in another pod that was free", *status.MovedPercent)
	}
	return fmt.Sprintf("%d%% of the requests ran in another pod that was free, %s away", *status.MovedPercent, milliseconds(*status.HopMicroseconds))
}

// milliseconds without digits that say nothing.
func milliseconds(microseconds int64) string {
	ms := max(float64(microseconds)/1000, 0.01)
	if ms >= 1 {
		return strconv.FormatFloat(ms, 'f', 0, 64) + " ms"
	}
	return strconv.FormatFloat(ms, 'g', 1, 64) + " ms"
}
