// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"bytes"
	"slices"
	"testing"
	"time"
)

// short is a step that is over soon.
func short() Shape {
	return Shape{Name: "short", Seconds: warmUp + 180, Rate: func(at float64) float64 {
		if at >= warmUp+30 {
			return 800
		}
		return 200
	}}

}

// noted is what a run's requests and pods were, by chance alone.
type noted struct {
	arrived []int
	starts  []time.Duration // of the pods that were created, in their order
	cpu     float64         // of all requests that arrived and would arrive, at the end
}

func noting(c Contender, seed uint64) noted {
	w := newWorld(Default(), short(), seed)
	w.setPool(Pool{16, 16, 50 * time.Millisecond})
	w.start(c)
	starts := map[int]time.Duration{}
	w.every(0.001, 0.001, func() {
		for _, p := range w.pods {
			if p.number >= 2 && p.ready && starts[p.number] == 0 {
				starts[p.number] = p.ReadyAt().Sub(p.Created()).Round(time.Microsecond)
			}
		}
	})
	w.run()
	n := noted{cpu: w.cpuTime()}
	for _, s := range w.seconds {
		n.arrived = append(n.arrived, s.Arrived)
	}
	for number := 2; starts[number] > 0; number++ {
		n.starts = append(n.starts, starts[number])
	}
	return n
}

// Whatever an autoscaler decides, the same seed brings the same requests and pods that take as long to start.
func TestContendersSeeTheSameRequests(t *testing.T) {
	first := noting(HPAContender(30, 300), 7)
	if len(first.starts) < 4 {
		t.Fatalf("only %d pods started", len(first.starts))
	}
	for _, c := range []Contender{KnativeContender(60, ActivatorAlways, 0), KnativeContender(60, ActivatorNever, 0), Operator(), Clairvoyant(70)} {
		other := noting(c, 7)
		if !slices.Equal(other.arrived, first.arrived) {
			t.Errorf("%s got other arrivals", c.Name)
		}
		if other.cpu != first.cpu {
			t.Errorf("%s got other costs", c.Name)
		}
		if n := min(len(other.starts), len(first.starts)); n < 1 || !slices.Equal(other.starts[:n], first.starts[:n]) {
			t.Errorf("%s: pods took %v to start, and %v elsewhere", c.Name, other.starts, first.starts)
		}
	}
	if other := noting(HPAContender(50, 300), 8); slices.Equal(other.arrived, first.arrived) || other.cpu == first.cpu || other.starts[0] == first.starts[0] {
		t.Error("another seed brings the same requests or pods")
	}
}

func TestSeeds(t *testing.T) {
	const texts = "var reason, unit, bound = \"too many\", `5s`, \"99.9\"\n"
	code := map[string][]byte{
		"a.go": []byte("package a\n\n// F adds.\nfunc F(a int) int { return a + 1 }\n\nvar reason, unit, bound = \"too many\", `5s`, \"99.9\"\n"),
		"b.go": []byte("package a\n"),
	}
	digest := func(change func(code map[string][]byte)) [32]byte {
		files := map[string][]byte{}
		for name, text := range code {
			files[name] = text
		}
		change(files)
		d, err := Digest(files)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	unchanged := digest(func(map[string][]byte) {})
	for name, text := range map[string]string{
		"a comment":    "package a\n\n// F adds one.\nfunc F(a int) int { return a + 1 }\n" + texts,
		"no comment":   "package a\nfunc F(a int) int { return a + 1 }\n" + texts,
		"what is said": "package a\n\nfunc F(a int) int { return a + 1 }\n\nvar reason, unit, bound = \"more than 7 pods\", `5s`, \"99.9\"\n",
		"line breaks":  "package a\n\nfunc F(a int) int {\n\treturn a +\n\t\t1\n}\n" + texts,
	} {
		if digest(func(files map[string][]byte) { files["a.go"] = []byte(text) }) != unchanged {
			t.Errorf("%s changes the digest", name)
		}
	}
	for name, change := range map[string]func(files map[string][]byte){
		"a number": func(files map[string][]byte) {
			files["a.go"] = []byte("package a\nfunc F(a int) int { return a + 2 }\n" + texts)
		},
		"an operator": func(files map[string][]byte) {
			files["a.go"] = []byte("package a\nfunc F(a int) int { return a - 1 }\n" + texts)
		},
		"a unit": func(files map[string][]byte) {
			files["a.go"] = bytes.Replace(files["a.go"], []byte("5s"), []byte("5m"), 1)
		},
		"a bound": func(files map[string][]byte) {
			files["a.go"] = bytes.Replace(files["a.go"], []byte("99.9"), []byte("99"), 1)
		},
		"a file": func(files map[string][]byte) { delete(files, "b.go") },
		"a name": func(files map[string][]byte) { files["c.go"] = files["b.go"]; delete(files, "b.go") },
	} {
		if digest(change) == unchanged {
			t.Errorf("%s does not change the digest", name)
		}
	}
	if _, err := Digest(map[string][]byte{"a.go": []byte("package a\nvar s = \"open\n")}); err == nil {
		t.Error("a source that is none has a digest")
	}
	published, others := PublishedSeeds(unchanged, 50), PublishedSeeds(digest(func(files map[string][]byte) { delete(files, "b.go") }), 50)
	all := slices.Concat(DevelopmentSeeds(50), published, others, HeldOutSeeds(1, 50), HeldOutSeeds(-1, 50))
	slices.Sort(all)
	if n := len(slices.Compact(all)); n != 250 {
		t.Errorf("%d different seeds of 250", n)
	}
	if !slices.Equal(DevelopmentSeeds(3), []uint64{1, 2, 3}) {
		t.Errorf("development seeds %v", DevelopmentSeeds(3))
	}
	if !slices.Equal(PublishedSeeds(unchanged, 50)[:7], PublishedSeeds(unchanged, 7)) {
		t.Error("more seeds are other seeds")
	}
}

func TestShapes(t *testing.T) {
	const base = 100.0
	for name, c := range map[string]struct {
		shape Shape
		rates map[float64]float64 // by the time after the warm-up
		ends  float64
	}{
		"step":       {step(base, usual, 1), map[float64]float64{-1: 100, 119: 100, 120: 400, 719: 400, 720: 100}, 1200},
		"ramp":       {ramp(base, usual, 1), map[float64]float64{-1: 100, 120: 100, 270: 250, 420: 400, 720: 400, 870: 250, 1020: 100, 1199: 100}, 1200},
		"spike":      {spike(base, usual, 1), map[float64]float64{-1: 100, 299: 100, 300: 500, 329: 500, 330: 100}, 1200},
		"day":        {diurnal(base, usual, 1), map[float64]float64{-1: 100, 0: 100, 225: 250, 450: 400, 675: 250, 900: 100, 1350: 400}, 1800},
		"dependency": {dependency(base, usual), map[float64]float64{-1: 300, 400: 300, 1199: 300}, 1200},
	} {
		if c.shape.Name != name || c.shape.Seconds != warmUp+c.ends {
			t.Errorf("%s: name %q, %v s", name, c.shape.Name, c.shape.Seconds)
		}
		for at, want := range c.rates {
			near(t, name, c.shape.Rate(warmUp+at), want, 1e-9)
		}
	}
	for at, want := range map[float64]float64{-1: 1, 299: 1, 300: 3, 599: 3, 600: 1} {
		near(t, "how slow the dependency is", dependency(base, usual).slower(warmUp+at), want, 1e-9)
	}
	// Bursts of three times the rate take a fifth of the time: 15 s of 75 on average.
	high, stretches, last := 0, 0, 100.0
	for seed := range uint64(40) {
		shape := bursty(base, usual, seed)
		near(t, "rate before the bursts", shape.Rate(warmUp-1), base, 1e-9)
		for at := 0; at < 1200; at++ {
			rate := shape.Rate(warmUp + float64(at))
			if rate != 100 && rate != 300 {
				t.Fatalf("rate %v", rate)
			}
			if rate == 300 {
				high++
				if last == 100 {
					stretches++
				}
			}
			last = rate
		}
	}
	near(t, "share of bursts", float64(high)/(40*1200), 0.2, 0.15)
	near(t, "length of a burst", float64(high)/float64(stretches), 15, 0.15)
	if peak := spike(base, usual, 1).peak(); peak != 500 {
		t.Errorf("peak %v", peak)
	}
}
