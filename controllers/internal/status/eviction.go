// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"fmt"
	"strings"

	"goservice.dev/operator/api/v1alpha1"
)

// evictionBlocked tells of a second PodDisruptionBudget on the same pods.
var evictionBlocked = chain{
	{yes, twoBudgets},
}

func twoBudgets(s Situation) (string, string, bool) {
	names := s.Observed.OtherBudgets
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	return v1alpha1.ReasonMultipleBudgets, oneLine(fmt.Sprintf(
		"PodDisruptionBudget %s selects these pods, too, and the API server evicts no pod that two budgets select: "+
			"kubectl drain and node upgrades stop there; change its selector or delete it", strings.Join(quoted, ", "))), len(names) > 0
}
