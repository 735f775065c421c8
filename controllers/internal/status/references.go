// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"fmt"
	"slices"
	"strings"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// referenced covers the ConfigMaps and Secrets whose data the pods take.
var referenced = chain{
	{no, gone(build.ReferenceConfigMap, v1alpha1.ReasonMissingConfigMap)},
	{no, gone(build.ReferenceSecret, v1alpha1.ReasonMissingSecret)},
	{yes, notFollowed},
	{unknown, secretsUnreadable},
	{yes, followed},
}

// gone tells of what pods need to start and does not exist.
func gone(kind build.ReferenceKind, reason string) predicate {
	return func(s Situation) (string, string, bool) {
		names := s.namesOf(func(r build.Referenced) bool { return r.Kind == kind && r.Known && r.Digest == "" && !r.Optional })
		return reason, fmt.Sprintf("%s missing: pods that need it cannot start until it exists", those(names)), len(names) > 0
	}
}

func notFollowed(s Situation) (string, string, bool) {
	return v1alpha1.ReasonNotFollowed, "rollout.followData is false: a change of their data replaces no pods",
		len(s.References) > 0 && !build.FollowsReferences(&s.Service.Spec)
}

func secretsUnreadable(s Situation) (string, string, bool) {
	names := s.namesOf(func(r build.Referenced) bool { return !r.Known })
	return v1alpha1.ReasonSecretsUnreadable, fmt.Sprintf("the operator may not read Secrets: a change of %s replaces no pods until the next rollout; "+
		"config/secret-references grants it", listed(names)), len(names) > 0
}

func followed(s Situation) (string, string, bool) {
	return v1alpha1.ReasonFollowed, "a change of the data of " + listed(s.namesOf(func(build.Referenced) bool { return true })) + " replaces the pods", len(s.References) > 0
}

// namesOf the references that are of interest, with their kinds.
func (s Situation) namesOf(interests func(build.Referenced) bool) []string {
	var names []string
	for _, r := range s.References {
		if interests(r) {
			names = append(names, string(r.Kind)+" "+r.Name)
		}
	}
	return names
}

// maxListed names are written out.
const maxListed = 5

func listed(names []string) string {
	if more := len(names) - maxListed; more > 0 {
		names = append(slices.Clone(names[:maxListed]), fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

func those(names []string) string {
	verb := "is"
	if len(names) > 1 {
		verb = "are"
	}
	return listed(names) + " " + verb
}
