// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import "goservice.dev/operator/api/v1alpha1"

// Recommended is what another plan, with what measurements say, would change of this one; nothing where they agree.
func (p Plan) Recommended(other Plan) *v1alpha1.RecommendedStatus {
	is, would := p.Status(), other.Status()
	floor := planned(other.ReplicaFloor, integer)
	recommended := &v1alpha1.RecommendedStatus{
		Replicas: differing(&is.Replicas, &would.Replicas), CPUTarget: differing(is.CPUTarget, would.CPUTarget),
		Workers: differing(is.Workers, would.Workers), GOGC: differing(is.GOGC, would.GOGC),
	}
	if other.ReplicaFloor.Value != p.ReplicaFloor.Value {
		recommended.ReplicaFloor = &floor
	}
	return recommended
}

func differing(is, would *v1alpha1.PlannedValue) *v1alpha1.PlannedValue {
	if would == nil || is != nil && is.Value == would.Value {
		return nil
	}
	return would
}
