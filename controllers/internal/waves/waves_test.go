// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package waves

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
)

func named(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "shop", Name: name}
}

func behind(name string, budget int64) Service {
	return Service{Name: named(name), Behind: true, Ready: true, BudgetLeft: budget}
}

func TestNext(t *testing.T) {
	unready, stalled, refused := behind("unready", FullBudget), behind("stalled", FullBudget), behind("refused", FullBudget)
	refused.Ready = false
	unready.Ready, stalled.Ready, stalled.Stalled = false, false, true
	rolling := Service{Name: named("rolling"), Upgraded: true}
	brokenUpgrade := Service{Name: named("broken"), Upgraded: true, Stalled: true}
	done := Service{Name: named("done"), Upgraded: true, Ready: true}
	for name, c := range map[string]struct {
		services []Service
		started  []string
		ago      time.Duration // that was
		want     []string
		halted   string
	}{
		"nobody is behind":                        {services: []Service{done}},
		"the worst error budget comes last":       {services: []Service{behind("a", -50), behind("b", 100), behind("c", 900)}, want: []string{"c", "b"}},
		"equal budgets go by name":                {services: []Service{behind("c", 5), behind("a", 5), behind("b", 5)}, want: []string{"a", "b"}},
		"who was started holds a place":           {services: []Service{behind("a", 5), behind("b", 4), behind("c", 3)}, started: []string{"a"}, want: []string{"b"}},
		"an upgraded one that is not ready, too":  {services: []Service{rolling, behind("a", 5), behind("b", 4)}, want: []string{"a"}},
		"one holds one place":                     {services: []Service{rolling, behind("a", 5), behind("b", 4)}, started: []string{"rolling"}, want: []string{"a"}},
		"more are under way than may be":          {services: []Service{behind("a", 5), behind("b", 4), behind("c", 3), behind("d", 2)}, started: []string{"a", "b", "c"}},
		"who is not ready waits":                  {services: []Service{unready, behind("a", 5)}, want: []string{"a"}},
		"a user's rollout that stalled is none":   {services: []Service{stalled, behind("a", 5)}, want: []string{"a"}},
		"an upgrade that stalled halts":           {services: []Service{behind("a", 5), brokenUpgrade}, halted: "broken"},
		"an upgrade that is not applied yet":      {services: []Service{behind("a", 5), behind("b", 4)}, started: []string{"a"}, ago: 5*time.Minute - 1, want: []string{"b"}},
		"an upgrade that cannot be applied halts": {services: []Service{behind("a", 5), refused}, started: []string{"refused"}, ago: 5 * time.Minute, halted: "refused"},
		"one that takes long to come up does not": {services: []Service{rolling, behind("a", 5)}, started: []string{"rolling"}, ago: time.Hour, want: []string{"a"}},
		"who was upgraded can be behind again":    {services: []Service{{Name: named("a"), Behind: true, Upgraded: true, Ready: true}}, want: []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			started := map[types.NamespacedName]time.Duration{}
			for _, s := range c.started {
				started[named(s)] = c.ago
			}
			var want Decision
			for _, s := range c.want {
				want.Start = append(want.Start, named(s))
			}
			if c.halted != "" {
				want.Halted = new(named(c.halted))
			}
			if diff := cmp.Diff(want, Next(c.services, started, 2)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Whatever the services do, no more than atOnce are under way, and in the end all of those that come up are upgraded.
func TestWavesEndAndAreNeverLargerThanAllowed(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		atOnce, services := 1+random.IntN(5), make([]Service, 1+random.IntN(40))
		for i := range services {
			services[i] = behind(fmt.Sprint(i), int64(random.IntN(2000)-1000))
		}
		started := map[types.NamespacedName]time.Duration{}
		for look := 0; ; look++ {
			for _, name := range Next(services, started, atOnce).Start {
				started[name] = 0
			}
			if len(started) > atOnce {
				t.Fatalf("%d of at most %d are under way", len(started), atOnce)
			}
			left := 0
			for i := range services {
				s := &services[i]
				_, isStarted := started[s.Name]
				switch {
				case isStarted && s.Behind:
					s.Behind, s.Upgraded, s.Ready = false, true, false
				case isStarted && random.IntN(2) == 0:
					s.Ready = true
					delete(started, s.Name)
				}
				if s.Behind || !s.Ready {
					left++
				}
			}
			if left == 0 {
				break
			}
			if look > 10_000 {
				t.Fatalf("%d services wait for ever", left)
			}
		}
	}
}
