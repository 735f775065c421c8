// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// predicate recognizes one situation. Where it applies it gives the reason and the message of a condition.
type predicate func(Situation) (reason, message string, applies bool)

// rule is the status that a condition has where a predicate applies.
type rule struct {
	status metav1.ConditionStatus
	when   predicate
}

const (
	yes     = metav1.ConditionTrue
	no      = metav1.ConditionFalse
	unknown = metav1.ConditionUnknown
)

// chain is a condition as a table: the first rule that applies speaks, and where none applies there is no such condition.
type chain []rule

// first is the condition, without its type, by the first rule that applies.
func (c chain) first(s Situation) (metav1.Condition, bool) {
	for _, r := range c {
		if reason, message, applies := r.when(s); applies {
			return metav1.Condition{Status: r.status, Reason: reason, Message: message}, true
		}
	}
	return metav1.Condition{}, false
}

// always ends a chain.
func always(reason, message string) predicate {
	return func(Situation) (string, string, bool) { return reason, message, true }
}

// unless applies where a chain does not come out True, and says the same.
func unless(c chain) predicate {
	return func(s Situation) (string, string, bool) {
		found, exists := c.first(s)
		return found.Reason, found.Message, exists && found.Status != yes
	}
}
