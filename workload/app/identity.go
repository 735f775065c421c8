// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package app

import "time"

// Identity says who answers.
type Identity struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
	Pod       string `json:"pod,omitempty"`
	Version   string `json:"version"`
	// Revision of the live values in force.
	Revision string `json:"revision"`
	// Uptime since the process's start, in whole seconds, as Go writes durations.
	Uptime string `json:"uptime"`
}

// WhoAmI tells a service's identity at this moment.
type WhoAmI struct {
	Name, Namespace, Pod, Version string
	Started                       time.Time
	// Revision reads the revision in force.
	Revision func() string
}

// Identify answers who and how old the service is.
func (w WhoAmI) Identify() Identity {
	return Identity{
		Name: w.Name, Namespace: w.Namespace, Pod: w.Pod, Version: w.Version,
		Revision: w.Revision(), Uptime: time.Since(w.Started).Truncate(time.Second).String(),
	}
}
