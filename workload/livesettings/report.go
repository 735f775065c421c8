// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package livesettings

import (
	"runtime/debug"
	"time"
)

// Report is what a service answers on GET /live-settings. Fields may be added; readers ignore those that they do not know.
type Report struct {
	// Revision of the document in force, as the document says it; the document's digest where it says none.
	Revision string `json:"revision"`
	// Since when it is in force.
	Since time.Time `json:"since"`
	// Document in force, as it concerns this pod.
	Document Document `json:"document"`
	// Ignored are the fields of the document in force that this toolkit does not know; at most 16 names.
	Ignored []string `json:"ignored,omitempty"`
	// Unserved are the patterns of the document's routes that this service does not serve, in order and at most 16 of them.
	Unserved []string `json:"unserved,omitempty"`
	// Error says in at most 1,000 bytes why the newest file was refused; empty when the newest file is in force.
	Error string `json:"error,omitempty"`
	// Failed says in at most 1,000 bytes what panicked as it took over the document in force; empty when nothing did.
	Failed string `json:"failed,omitempty"`
	// Versions of the document that this toolkit reads.
	Versions []int `json:"versions"`
	// Toolkit is the version of this module that the service is built on.
	Toolkit string `json:"toolkit"`
}

const (
	maxError = 1000
	module   = "goservice.dev/operator/workload"
)

// toolkitVersion is that of the build information: of a dependency, or of the program itself.
func toolkitVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, dependency := range append(info.Deps, &info.Main) {
		if dependency.Path == module {
			return cut(dependency.Version, maxName)
		}
	}
	return ""
}
