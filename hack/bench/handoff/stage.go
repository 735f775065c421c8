// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/bench/internal/bed"
)

// Ways in which requests come to the pods, by their names in the report.
const (
	byChance = "by chance"
	overFew  = "over a few connections"
	lightly  = "lightly"
	oneSlow  = "by chance, one pod slow"
	overGRPC = "gRPC over a few connections"
)

// way in which requests come to the pods.
type way struct {
	name  string
	load  float64
	flags []string
	// slowPod says that one of the pods takes slowFactor times as long.
	slowPod bool
}

// stage is two services that differ in spec.handOff alone, and what is done to them.
type stage struct {
	// prefix of their names.
	prefix string
	// path of the requests.
	path   string
	change func(*v1alpha1.GoServiceSpec)
	ways   []way
	// grows says that a pod is added at the end.
	grows bool
}

// connections that reach a quarter of the pods at most.
func (s settings) few() []string { return []string{"-connections", strconv.Itoa(s.pods / 4)} }

func (s settings) ways() []way {
	var all []way
	for _, load := range s.loads {
		all = append(all, way{name: byChance, load: load, flags: []string{"-fresh"}})
	}
	return append(all,
		s.pinnedWay(),
		way{name: lightly, load: s.light, flags: []string{"-http2", "-connections", strconv.Itoa(4 * s.pods)}},
		way{name: oneSlow, load: s.slowPod, flags: []string{"-fresh"}, slowPod: true},
	)
}

func (s settings) pinnedWay() way {
	return way{name: overFew, load: s.pinned, flags: append([]string{"-http2"}, s.few()...)}
}

func (s settings) stages() []stage {
	return []stage{
		{
			path: "/work?sleep=" + s.work.String(), ways: s.ways(), grows: true,
			change: func(spec *v1alpha1.GoServiceSpec) {
				spec.EnvFrom = []v1alpha1.EnvFromSource{{ConfigMapRef: &v1alpha1.EnvSource{Name: faultsName}}}
			},
		},
		{
			prefix: "grpc-", path: "/goservice.rpc.ping.v1.PingService/Ping",
			ways: []way{{name: overGRPC, load: s.pinned, flags: append([]string{"-grpc"}, s.few()...)}},
			change: func(spec *v1alpha1.GoServiceSpec) {
				spec.Image, spec.Env = s.grpc, []v1alpha1.EnvVar{{Name: "WAIT", Value: s.work.String()}}
			},
		},
	}
}

// begin a stage: its services are there, and those of the last one are gone.
func (t *trial) begin(ctx context.Context, st stage) (err error) {
	bed.Step(t.progress, "services %swith and %swithout of %d pods in namespace %s", st.prefix, st.prefix, t.pods, t.Namespace)
	if t.with, err = t.deploy(ctx, st, "with", v1alpha1.HandOffAutomatic); err != nil {
		return err
	}
	t.without, err = t.deploy(ctx, st, "without", v1alpha1.HandOffDisabled)
	return err
}

// end a stage, so that the next one has the machine for itself.
func (t *trial) end(ctx context.Context) error {
	for _, one := range []*service{t.with, t.without} {
		if err := t.Undeploy(ctx, one.name, one.selector); err != nil {
			return err
		}
	}
	return nil
}

// measureAll ways of a stage, in rounds; with and without take turns.
func (t *trial) measureAll(ctx context.Context, st stage) ([]row, error) {
	rows := make([]row, len(st.ways))
	for round := range t.rounds {
		for i, w := range st.ways {
			rows[i].way = w
			order := []*service{t.without, t.with}
			if (round+i)%2 == 1 {
				slices.Reverse(order)
			}
			for _, one := range order {
				f, err := t.measure(ctx, one, w)
				if err != nil {
					return nil, fmt.Errorf("%s, %s at %g: %w", one.name, w.name, w.load, err)
				}
				bed.Step(t.progress, "%-12s %s at %.0f%%: %s", one.name, w.name, 100*w.load, f)
				if one == t.with {
					rows[i].with = append(rows[i].with, f)
				} else {
					rows[i].without = append(rows[i].without, f)
				}
			}
		}
	}
	return rows, nil
}
