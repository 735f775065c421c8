// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"errors"
	"fmt"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// HandOff is what became of the keys by which pods share their queue.
type HandOff struct {
	// Written is what the status says of the Secret.
	Written *v1alpha1.HandOffStatus
	// Err is why it is not what it should be.
	Err error
}

// ErrForeignSecret is the answer where a Secret that the operator did not make has the name.
var ErrForeignSecret = errors.New("a Secret of this name exists that the operator did not make")

// queueShared says whether the pods have what they need to share their queue. Whether they do is for their metrics to say.
var queueShared = chain{
	{no, ifOnToolkit(unwanted)},
	{unknown, ifOnToolkit(stopped)},
	{unknown, ifOnToolkit(givenBack)},
	{no, ifOnToolkit(foreignSecret)},
	{no, ifOnToolkit(keyNotWritten)},
	{no, ifOnToolkit(olderTemplate)},
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
	return v1alpha1.ReasonShared, "a request that would wait may run in another pod that is free; pods know each other by the key in Secret " + s.HandOff.Written.Secret, true
}
