// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"cmp"

	"goservice.dev/operator/api/v1alpha1"
)

// Indicators says in which metrics a service counts its requests.
func Indicators(spec *v1alpha1.GoServiceSpec) v1alpha1.IndicatorsPreset {
	if o := spec.Observability; o != nil && o.Metrics != nil {
		return cmp.Or(o.Metrics.Indicators, v1alpha1.IndicatorsToolkit)
	}
	return v1alpha1.IndicatorsToolkit
}

// OnToolkit says whether the image is built on the toolkit, as the bundled one is: then it has live settings, a limiter, a pool, and
// an admin port.
func OnToolkit(spec *v1alpha1.GoServiceSpec) bool {
	return Indicators(spec) == v1alpha1.IndicatorsToolkit
}

// Measurable says whether the pods' metrics may be read.
func Measurable(spec *v1alpha1.GoServiceSpec) bool {
	o := spec.Observability
	return o == nil || o.Metrics == nil || o.Metrics.Enabled == nil || *o.Metrics.Enabled
}
