// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rivals

import (
	"runtime/debug"

	"goservice.dev/operator/controllers/sim"
)

// Own lets the autoscalers' own code decide for those contenders that the simulator has a model for; names, settings, balancing and
// what proxies cost stay as they are.
func Own(contenders []sim.Contender) []sim.Contender {
	var own []sim.Contender
	for _, c := range contenders {
		model := c.Autoscaler
		c.Autoscaler = func(s sim.Service) sim.Autoscaler {
			switch m := model(s).(type) {
			case *sim.HPA:
				return NewKubernetes(m)
			case *sim.KPA:
				return NewKnative(m)
			default:
				return m
			}
		}
		own = append(own, c)
	}
	return own
}

// Versions of the rivals, for people.
func Versions() string {
	versions := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			versions[m.Path] = m.Version
		}
	}
	return "rivals decide by their own code: Kubernetes " + versions["k8s.io/kubernetes"] + ", Knative " + versions["knative.dev/serving"]
}
