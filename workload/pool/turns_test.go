// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRoutesTakeTurnsAndSoDoTheirClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, Config{Workers: 1, QueueDepth: 100})
		for range 5 {
			c.come(t, "A", Claim{Route: "A", Client: "peer"})
		}
		for range 2 {
			for _, client := range []string{"1", "2"} {
				c.come(t, "B"+client, Claim{Route: "B", Client: client})
			}
		}
		c.come(t, "C", Claim{Route: "C", Client: "peer"})
		consistent(t, c.p)
		c.release(11)
		if diff := cmp.Diff("A B1 B2 C A B1 B2 A A A", strings.Join(c.served, " ")); diff != "" {
			t.Error(diff)
		}
		consistent(t, c.p)
	})
}

// A flood of one route at four times the capacity, from the client that also sends the requests to another route, as all clients behind one
// load balancer are, or from so many that each of them sends little.
func TestAFloodOnOneRouteLeavesTheOthersServed(t *testing.T) {
	const (
		every = 5 * ms / 4
		long  = 5 * ms
		short = 100 * time.Microsecond
		count = 8000
	)
	for name, flood := range map[string]struct {
		client func(i int) string
		others int // requests of the flood for each to the other route
	}{
		"from the same client": {func(int) string { return "peer" }, 8},
		"from many clients":    {func(i int) string { return fmt.Sprint(i) }, 40},
	} {
		for _, depth := range []int{4, 4096} {
			config := Config{Workers: 1, QueueDepth: depth, QueueTimeout: 100 * ms}
			t.Run(fmt.Sprintf("%s, %d places", name, config.QueueDepth), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := New(config)
					random := rand.New(rand.NewPCG(1, 2))
					var mu sync.Mutex
					served, failed := map[string]int{}, map[string]int{}
					var requests sync.WaitGroup
					for i := range count {
						claim, takes := Claim{Route: "flooded", Client: flood.client(i)}, long
						if i%(flood.others+1) == 0 {
							claim, takes = Claim{Route: "other", Client: "peer"}, short
						}
						requests.Go(func() {
							err := p.AcquireFor(t.Context(), claim)
							if err == nil {
								time.Sleep(takes)
								p.Release()
							}
							mu.Lock()
							defer mu.Unlock()
							if err == nil {
								served[claim.Route]++
							} else {
								failed[claim.Route]++
							}
						})
						time.Sleep(time.Duration(random.ExpFloat64() * float64(every)))
					}
					requests.Wait()
					t.Logf("served %v, turned away %v", served, failed)
					if failed["other"] > 0 {
						t.Errorf("%d of %d requests to the other route were turned away", failed["other"], failed["other"]+served["other"])
					}
					if served["flooded"] < count/5 {
						t.Errorf("only %d requests to the flooded route were served", served["flooded"])
					}
				})
			})
		}
	}
}

// Who is alone at one route has no claim on half of the workers while many wait for another.
func TestAClientThatFloodsItsOwnRouteTakesLittleFromManyOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, Config{Workers: 1, QueueDepth: 1000})
		for i := range 120 {
			c.come(t, "greedy", Claim{Route: "A", Client: "greedy"})
			c.come(t, "many", Claim{Route: "B", Client: fmt.Sprint(i % 30)})
		}
		consistent(t, c.p)
		c.release(90)
		greedy := 0
		for _, name := range c.served {
			if name == "greedy" {
				greedy++
			}
		}
		if greedy != 90/(clientsPerTurn+1) {
			t.Errorf("the greedy client has %d of 90 hand-overs, want one for each %d of the others", greedy, clientsPerTurn)
		}
		consistent(t, c.p)
		c.release(240 - 90 + 1)
	})
}

// What is expected of a line is what comes, if nobody else does.
func TestTheExpectedTurnIsTheOneThatComes(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		var q queue
		line := &q.lines[Normal.class()]
		claim := func() key {
			return Claim{Route: fmt.Sprint(random.IntN(4)), Client: fmt.Sprint(random.IntN(12)), Patient: random.IntN(5) == 0}.key()
		}
		for range random.IntN(60) {
			q.push(&waiter{}, line.spot(claim()))
		}
		one, at := &waiter{}, line.spot(claim())
		expected, alone := at.before(), line.length == 0
		q.push(one, at)
		turns := 1
		for w := q.first(); w != one; w = q.first() {
			q.granted(w)
			turns++
		}
		if turns > expected || alone && turns != 1 {
			t.Fatalf("the turn came after %d hand-overs, expected after %d", turns, expected)
		}
	}
}

// A patient caller outlasts the queue's bounds, keeps its place, and takes none of the others.
func TestAPatientCallerWaitsUntilItIsServed(t *testing.T) {
	for name, config := range map[string]Config{
		"a queue that is full":         {Workers: 1},
		"a queue of a short wait":      {Workers: 1, QueueDepth: 1, QueueTimeout: ms},
		"a queue that foresees a wait": {Workers: 1, QueueDepth: 9, QueueTimeout: ms},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(t, config)
				c.come(t, "patient", Claim{Patient: true})
				for range 20 {
					c.come(t, "other", Claim{})
					c.come(t, "critical", Claim{Priority: Critical})
				}
				time.Sleep(time.Minute)
				consistent(t, c.p)
				if err := c.failed["patient"]; err != nil {
					t.Fatal(err)
				}
				if other := c.failed["other"]; other == nil {
					t.Error("nobody was turned away")
				}
				c.release(1)
				if len(c.served) != 1 || c.served[0] != "patient" {
					t.Errorf("served: %v", c.served)
				}
				c.release(1)
				consistent(t, c.p)
			})
		})
	}
}

func TestAPatientCallerWaitsNoLongerThanItsContextOrThePool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, Config{Workers: 1, QueueDepth: 1, QueueTimeout: ms})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.p.AcquireFor(ctx, Claim{Patient: true}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the deadline", err)
		}
		c.come(t, "patient", Claim{Patient: true})
		if err := c.p.Close(ended()); err == nil {
			t.Error("the pool is closed while a worker runs")
		}
		synctest.Wait()
		if err := c.failed["patient"]; !errors.Is(err, ErrClosed) {
			t.Errorf("%v, want that the pool is closed", err)
		}
		if err := c.p.AcquireFor(t.Context(), Claim{Patient: true}); !errors.Is(err, ErrClosed) {
			t.Errorf("%v, want that the pool is closed", err)
		}
		consistent(t, c.p)
		c.release(1)
	})
}

// Who was admitted before and waits again, however long, is one attempt to get a worker: the pool's size follows how many are let in.
func TestAPatientCallerIsOneAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, Config{Workers: 1, QueueDepth: 1, QueueTimeout: 10 * ms})
		c.come(t, "patient", Claim{Patient: true})
		time.Sleep(time.Minute)
		c.release(1)
		if seen := c.p.sizing.seen; seen.attempts != 1 || seen.grants != 1 {
			t.Errorf("%d attempts, %d of them successful", seen.attempts, seen.grants)
		}
		c.release(1)
	})
}
