// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// group is so many places of a client.
type group struct {
	n int
	Claim
}

// rank is a queue whose places have names: those of route, client and number.
type rank struct {
	queue

	names map[*waiter]string
}

func newRank(groups ...group) *rank {
	r := &rank{names: map[*waiter]string{nil: "nobody"}}
	for _, g := range groups {
		for i := range g.n {
			w := &waiter{movable: g.Movable}
			r.names[w] = fmt.Sprint(g.Route, g.Client, i+1)
			r.push(w, r.spotOf(g.Claim))
		}
	}
	return r
}

func (r *rank) spotOf(c Claim) spot { return r.lines[c.Priority.class()].spot(c.key()) }

// of is a group of normal priority.
func of(n int, route, client string) group { return group{n, Claim{Route: route, Client: client}} }

// each has one place for each of ten, and more for one of them.
func each(name func(i int) Claim, more, places int) (all []group) {
	for i := range 10 {
		n := 1
		if i == more {
			n = places
		}
		all = append(all, group{n, name(i)})
	}
	return all
}

func clientsOf(i int) Claim { return Claim{Route: "A", Client: fmt.Sprint("c", i, ".")} }
func routesOf(i int) Claim  { return Claim{Route: fmt.Sprint("r", i, ".")} }

func TestWhoMakesRoom(t *testing.T) {
	sheddable := func(n int, route, client string) group {
		return group{n, Claim{Priority: Sheddable, Route: route, Client: client}}
	}
	patient := func(n int, route, client string) group {
		return group{n, Claim{Route: route, Client: client, Patient: true}}
	}
	for name, c := range map[string]struct {
		waiting []group
		request Claim
		want    string
	}{
		"as few as for the request":          {[]group{of(1, "A", "x")}, Claim{Route: "A", Client: "y"}, "nobody"},
		"one more":                           {[]group{of(2, "A", "x")}, Claim{Route: "A", Client: "y"}, "Ax2"},
		"as many as there would be":          {[]group{of(2, "A", "x"), of(1, "A", "y")}, Claim{Route: "A", Client: "y"}, "nobody"},
		"one more than there would be":       {[]group{of(3, "A", "x"), of(1, "A", "y")}, Claim{Route: "A", Client: "y"}, "Ax3"},
		"two clients with as many":           {[]group{of(3, "A", "x"), of(3, "A", "y")}, Claim{Route: "A", Client: "z"}, "Ay3"},
		"two clients, one with more":         {[]group{of(4, "A", "x"), of(3, "A", "y")}, Claim{Route: "A", Client: "z"}, "Ax4"},
		"two routes with as greedy clients":  {[]group{of(3, "A", "x"), of(3, "B", "y")}, Claim{Route: "C", Client: "z"}, "Ax3"},
		"two routes, one with a greedier":    {[]group{of(3, "A", "x"), of(4, "B", "y")}, Claim{Route: "C", Client: "z"}, "By4"},
		"a route with one place more":        {[]group{of(1, "A", "x"), of(1, "A", "y")}, Claim{Route: "B"}, "Ay1"},
		"a route with as many":               {[]group{of(1, "A", "x"), of(1, "A", "y"), of(1, "B", "x")}, Claim{Route: "B", Client: "z"}, "nobody"},
		"a route with one more":              {[]group{of(1, "A", "x"), of(1, "A", "y"), of(1, "A", "z"), of(1, "B", "x")}, Claim{Route: "B", Client: "z"}, "Az1"},
		"two routes with as many":            {[]group{of(1, "A", "x"), of(1, "B", "x"), of(1, "A", "y"), of(1, "B", "y")}, Claim{Route: "C"}, "Ay1"},
		"two routes, one with more":          {[]group{of(1, "A", "x"), of(1, "B", "x"), of(1, "B", "y"), of(1, "A", "y"), of(1, "B", "z")}, Claim{Route: "C"}, "Bz1"},
		"its own route":                      {[]group{of(1, "A", "x"), of(1, "A", "y"), of(1, "A", "z")}, Claim{Route: "A"}, "nobody"},
		"patient callers":                    {[]group{patient(5, "A", "x")}, Claim{Route: "B"}, "nobody"},
		"a caller beside patient ones":       {[]group{of(1, "A", "y"), patient(5, "A", "x")}, Claim{Route: "B"}, "Ay1"},
		"less important patient callers":     {[]group{patient(5, "A", "x"), patient(5, "B", "y")}, Claim{Priority: Critical}, "nobody"},
		"less important beside patient ones": {[]group{patient(5, "A", "x"), of(1, "B", "y")}, Claim{Priority: Critical}, "By1"},
		"the least important":                {[]group{of(9, "A", "x"), sheddable(2, "B", "y")}, Claim{Priority: Critical}, "By2"},
		"less important than normal":         {[]group{of(9, "A", "x"), sheddable(1, "B", "y")}, Claim{Client: "z"}, "By1"},
		"nobody more important":              {[]group{of(9, "A", "x"), sheddable(1, "B", "y")}, Claim{Priority: Sheddable}, "nobody"},
		"the eighth client":                  {each(clientsOf, 7, 3), Claim{Route: "A"}, "Ac7.3"},
		"the ninth, which is not looked at":  {each(clientsOf, 8, 3), Claim{Route: "A"}, "nobody"},
		"the last client":                    {each(clientsOf, 9, 3), Claim{Route: "A"}, "Ac9.3"},
		"the eighth route":                   {each(routesOf, 7, 3), Claim{Route: "B"}, "r7.3"},
		"the ninth route":                    {each(routesOf, 8, 3), Claim{Route: "B"}, "nobody"},
	} {
		r := newRank(c.waiting...)
		if got := r.names[r.victim(c.request.Priority.class(), r.spotOf(c.request))]; got != c.want {
			t.Errorf("%s: %s makes room, want %s", name, got, c.want)
		}
	}
}

// Who may move is looked for among the first eight routes, clients and places; whose turn it is comes first.
func TestWhoMoves(t *testing.T) {
	stays := group{1, Claim{Priority: Critical, Client: "stays"}}
	moves := func(priority Priority, route, client string) group {
		return group{1, Claim{Priority: priority, Route: route, Client: client, Movable: true}}
	}
	among := func(n int, name func(i int) Claim) (all []group) {
		all = append(all, stays)
		for i := range n {
			all = append(all, group{1, name(i)})
		}
		last := name(n)
		return append(all, moves(Normal, last.Route, last.Client))
	}
	for name, c := range map[string]struct {
		waiting []group
		grants  uint
		want    string
	}{
		"nobody waits":       {want: "nobody"},
		"nobody may":         {waiting: []group{stays, of(1, "A", "x")}, want: "nobody"},
		"the eighth place":   {waiting: []group{stays, of(7, "A", "x"), moves(Normal, "A", "x")}, want: "Ax1"},
		"the ninth place":    {waiting: []group{stays, of(8, "A", "x"), moves(Normal, "A", "x")}, want: "nobody"},
		"the eighth client":  {waiting: among(7, clientsOf), want: "Ac7.1"},
		"the ninth client":   {waiting: among(8, clientsOf), want: "nobody"},
		"the eighth route":   {waiting: among(7, routesOf), want: "r7.1"},
		"the ninth route":    {waiting: among(8, routesOf), want: "nobody"},
		"the more important": {waiting: []group{stays, moves(Sheddable, "A", "x"), moves(Normal, "B", "x")}, want: "Bx1"},
		"the one whose turn it is": {
			waiting: []group{stays, moves(Sheddable, "A", "x"), moves(Normal, "B", "x")}, grants: 7, want: "Ax1",
		},
	} {
		r := newRank(c.waiting...)
		r.grants = c.grants
		if got := r.names[r.firstMovable()]; got != c.want {
			t.Errorf("%s: %s moves, want %s", name, got, c.want)
		}
	}
}

// The number of hand-overs that come before a request is exact where all turns before its own are taken.
func TestHowManyTurnsComeBeforeARequest(t *testing.T) {
	for name, c := range map[string]struct {
		waiting []group
		request Claim
		want    int
	}{
		"one turn of a route with six clients": {
			[]group{of(1, "B", "1"), of(1, "B", "2"), of(1, "B", "3"), of(1, "B", "4"), of(1, "B", "5"), of(1, "B", "6")}, Claim{Route: "A"}, 5,
		},
		"two turns of its own route with seven clients": {
			[]group{of(9, "B", "x"), of(1, "A", "1"), of(1, "A", "2"), of(1, "A", "3"), of(1, "A", "4"), of(1, "A", "5"), of(1, "A", "6")},
			Claim{Route: "A"}, 9,
		},
		"the third of three clients": {
			[]group{of(5, "A", "y"), of(5, "A", "z"), of(2, "A", "x")}, Claim{Route: "A", Client: "x"}, 9,
		},
		"the third of three clients, beside another route": {
			[]group{of(9, "B", "y"), of(5, "A", "y"), of(5, "A", "z"), of(2, "A", "x")}, Claim{Route: "A", Client: "x"}, 12,
		},
		"its second, beside two routes": {
			[]group{of(9, "B", "y"), of(9, "C", "y"), of(1, "A", "x")}, Claim{Route: "A", Client: "x"}, 6,
		},
		"no more than there are": {
			[]group{of(1, "B", "y"), of(1, "A", "y"), of(3, "A", "x")}, Claim{Route: "A", Client: "x"}, 6,
		},
	} {
		r := newRank(c.waiting...)
		expected := r.spotOf(c.request).before()
		one := &waiter{}
		r.push(one, r.spotOf(c.request))
		turns := 1
		for ; r.first() != one; turns++ {
			r.granted(r.first())
		}
		if expected != c.want || turns != c.want {
			t.Errorf("%s: turn %d, expected as turn %d, want %d", name, turns, expected, c.want)
		}
	}
}

// Of 64 hand-overs, the eighth is for the least important line, and every sixteenth for the next one that is less important.
func TestWhichHandOversAreForLessImportantLines(t *testing.T) {
	count := func(n int, priority Priority) group {
		return group{n, Claim{Priority: priority, Route: priority.String()}}
	}
	for name, c := range map[string]struct {
		waiting []group
		want    map[int]string // which are not for the most important line
	}{
		"three lines": {
			[]group{count(100, Critical), count(100, Normal), count(100, Sheddable)},
			map[int]string{8: "sheddable1", 16: "normal1", 32: "normal2", 48: "normal3", 64: "normal4", 72: "sheddable2"},
		},
		"a line less": {
			[]group{count(100, Critical), count(100, Sheddable)},
			map[int]string{8: "sheddable1", 16: "sheddable2", 32: "sheddable3", 48: "sheddable4", 64: "sheddable5", 72: "sheddable6"},
		},
		"one in the next line": {
			[]group{count(100, Critical), count(1, Normal), count(100, Sheddable)},
			map[int]string{8: "sheddable1", 16: "normal1", 32: "sheddable2", 48: "sheddable3", 64: "sheddable4", 72: "sheddable5"},
		},
		"one line": {[]group{count(100, Sheddable)}, map[int]string{}},
	} {
		r := newRank(c.waiting...)
		got := map[int]string{}
		most := c.waiting[0].Priority.class()
		for turn := 1; turn <= 72; turn++ {
			w := r.first()
			if w.flow.line != &r.lines[most] {
				got[turn] = r.names[w]
			}
			r.granted(w)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// What is kept for clients and routes to come is bounded, and holds on to nothing.
func TestWhatIsKeptForLaterIsBoundedAndEmpty(t *testing.T) {
	r := newRank()
	kept := func(when string, want int) {
		t.Helper()
		n := 0
		for f := r.spare; f != nil; f = f.next {
			if *f != (flow{next: f.next}) {
				t.Fatalf("%s: %+v is kept", when, f)
			}
			n++
		}
		if n != want || r.spares != want {
			t.Errorf("%s: %d are kept, counted as %d, want %d", when, n, r.spares, want)
		}
	}
	all := make([]*waiter, 400)
	for i := range all {
		all[i] = &waiter{}
		r.push(all[i], r.spotOf(Claim{Route: fmt.Sprint(i % 50), Client: fmt.Sprint(i)}))
	}
	kept("with many in line", 0)
	for range 100 {
		r.granted(r.first())
	}
	for _, w := range all {
		if w.flow != nil {
			r.remove(w)
		}
	}
	kept("with nobody in line", 256)
	one := &waiter{}
	r.push(one, r.spotOf(Claim{Client: "x"}))
	kept("with one in line", 254)
	r.remove(one)
	kept("with nobody again", 256)
}
