// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/hack/bench/internal/bed"
	"goservice.dev/operator/hack/bench/internal/child"
	"goservice.dev/operator/hack/load/loadgen"
	"goservice.dev/operator/workload/livesettings"
)

// situation is an overload in which ways to bound what runs at once are compared, all in the same small server.
type situation struct {
	name, key string
	cpu, wait time.Duration
	// slower is how many times as long the wait takes from the middle on; neighbor has somebody else compute on the same processor from
	// the beginning on. Only what comes after that counts.
	slower   int
	neighbor bool
	// processors that Go believes the server to have, if that is not the one that it gets: as on a full node, without a CPU limit.
	processors int
}

var situations = []situation{
	{name: "5 ms of computing", key: "computing", cpu: 5 * time.Millisecond},
	{name: "3 ms of computing, 20 ms of waiting", key: "mixed", cpu: 3 * time.Millisecond, wait: 20 * time.Millisecond},
	{name: "2 ms of computing, 10 ms of waiting that becomes 50 ms", key: "slower", cpu: 2 * time.Millisecond, wait: 10 * time.Millisecond, slower: 5},
	{name: "5 ms of computing beside a noisy neighbor", key: "neighbor", cpu: 5 * time.Millisecond, neighbor: true},
	{name: "5 ms of computing, on a node of 16 processors of which others leave one", key: "crowded", cpu: 5 * time.Millisecond, processors: 16},
}

const (
	// settling is what a way has to find its size, at the beginning and after a change.
	settling = 2 * time.Second
	// criticalShare of the requests is critical.
	criticalShare = 0.2
)

const (
	// fixedSizes are tried to find the best one.
	fixedSizes = "1,2,3,5,8,12,18,28,42"
	// allRivals are the ways of other libraries. CoDel's lock is told the best size, and failsafe-go's limiters begin with it.
	allRivals = "failsafe-adaptive,failsafe-priority,codel,kratos-bbr"
)

// comparing is what the comparison of ways is limited to.
type comparing struct {
	situations []situation
	sizes      []int
	rivals     []string
}

// comparingOf reads the flags.
func comparingOf(names, sizes, others string) (c comparing, err error) {
	if names != "" {
		if c.situations, err = bed.Pick("ways", names, situations, func(one situation) string { return one.key }); err != nil {
			return c, err
		}
	}
	for text := range strings.SplitSeq(sizes, ",") {
		size, err := strconv.Atoi(text)
		if err != nil || size < 1 || size > livesettings.MaxWorkers {
			return c, fmt.Errorf("-sizes: %q must be a number from 1 to %d", text, livesettings.MaxWorkers)
		}
		c.sizes = append(c.sizes, size)
	}
	if others != "" {
		c.rivals, err = bed.Pick("rivals", others, strings.Split(allRivals, ","), func(one string) string { return one })
	}
	return c, err
}

// comparison of the ways in a situation: goodput in requests per second, and the share of critical requests that were good.
type comparison struct {
	situation situation
	capacity  float64
	planned   float64
	critical  float64
	best      float64
	bestSize  int
	rivals    map[string][2]float64
}

// compare all ways in all situations and print a table, and a line for machines.
func (b *bench) compare(ctx context.Context, progress, out io.Writer) error {
	binary := filepath.Join(b.folder, "contender")
	if _, err := child.Build(ctx, filepath.Join(b.settings.root, "hack", "bench"), "./overload/contender", binary); err != nil {
		return err
	}
	results := make([]comparison, 0, len(b.settings.ways.situations))
	for _, s := range b.settings.ways.situations {
		fmt.Fprintf(progress, "ways: %s\n", s.name)
		c, err := b.compareIn(ctx, binary, s, progress)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Fprintf(progress, "  as planned %.1f of %.1f/s, the best with %d workers\n", c.planned, c.best, c.bestSize)
		results = append(results, c)
	}
	return writeWays(out, results)
}

func (b *bench) compareIn(ctx context.Context, binary string, s situation, progress io.Writer) (c comparison, err error) {
	c = comparison{situation: s, rivals: map[string][2]float64{}}
	if s.neighbor {
		ports, err := child.FreePorts(ctx, 1)
		if err != nil {
			return c, err
		}
		neighbor, err := b.contender(ctx, binary, ports[0], nil, "-burn", "1")
		if err != nil {
			return c, err
		}
		defer neighbor.Stop()
	}
	run := func(arguments ...string) (goodput, critical float64, err error) {
		ports, err := child.FreePorts(ctx, 1)
		if err != nil {
			return 0, 0, err
		}
		server, err := b.contender(ctx, binary, ports[0], s.environment(), arguments...)
		if err != nil {
			return 0, 0, err
		}
		defer server.Stop()
		url := fmt.Sprintf("http://127.0.0.1:%d/work?cpu=%s", ports[0], s.cpu)
		if c.capacity == 0 {
			k := kind{cpu: s.cpu, wait: s.wait}
			c.capacity, err = b.capacity(ctx, fmt.Sprintf("%s&sleep=%s", url, s.wait), k.clients())
			return 0, 0, err
		}
		return b.floodShares(ctx, url, s, b.settings.factor*c.capacity)
	}
	if _, _, err = run("-way", "none"); err != nil {
		return c, err
	}
	spec := declared(b.settings.target)
	p := plan.Compute(spec, plan.Observed{})
	pooled := func(document livesettings.Document) (goodput, critical float64, err error) {
		encoded, err := json.Marshal(document)
		if err != nil {
			return 0, 0, err
		}
		file := filepath.Join(b.folder, livesettings.FileName)
		if err := os.WriteFile(file, encoded, 0o600); err != nil {
			return 0, 0, err
		}
		return run("-way", "pool", "-document", file)
	}
	for _, size := range b.settings.ways.sizes {
		document := open()
		document.Pool = fixedPool(size, livesettings.MaxQueueDepth, p.QueueTimeout.Value)
		goodput, critical, err := pooled(document)
		if err != nil {
			return c, err
		}
		fmt.Fprintf(progress, "  %d workers: %.1f/s, %.2f %% of the critical ones\n", size, goodput, 100*critical)
		if goodput > c.best {
			c.best, c.bestSize = goodput, size
		}
	}
	if c.planned, c.critical, err = pooled(documentOf(p, spec)); err != nil {
		return c, err
	}
	for _, way := range b.settings.ways.rivals {
		goodput, critical, err := run("-way", way, "-wait", p.QueueTimeout.Value.String(), "-places", fmt.Sprint(c.bestSize),
			"-machine", fmt.Sprint(b.machine))
		if err != nil {
			return c, err
		}
		c.rivals[way] = [2]float64{goodput, critical}
	}
	return c, nil
}

func (b *bench) contender(ctx context.Context, binary string, port int, environment []string, arguments ...string) (*child.Process, error) {
	address := fmt.Sprintf("127.0.0.1:%d", port)
	return child.Start(ctx, child.Command{
		Path: binary, Processor: b.processor, Ready: "http://" + address + "/readyz", Environment: environment,
		Arguments: append([]string{"-address", address}, arguments...),
	})
}

// environment of the server.
func (s situation) environment() []string {
	if s.processors == 0 {
		return nil
	}
	return []string{fmt.Sprintf("GOMAXPROCS=%d", s.processors)}
}

// floodShares offers that many requests per second, a fifth of them critical, and counts what is good once the way has had time.
func (b *bench) floodShares(ctx context.Context, url string, s situation, rate float64) (goodput, critical float64, err error) {
	flood := func(sleep, lasts time.Duration) (good, important, importantGood int64, err error) {
		var floods sync.WaitGroup
		var counted [3]atomic.Int64
		start := time.Now()
		for _, isCritical := range []bool{false, true} {
			part, target := 1-criticalShare, fmt.Sprintf("%s&sleep=%s", url, sleep)
			if isCritical {
				part, target = criticalShare, target+"&critical"
			}
			generator, err := loadgen.New(loadgen.Config{
				URL: target, Rate: part * rate, Duration: lasts, Poisson: true, Timeout: clientTimeout, Connections: 256, Outstanding: 8_000,
				Observe: func(o loadgen.Outcome) {
					if o.Due.Sub(start) < settling {
						return
					}
					isGood := o.Accepted() && o.Took <= b.settings.target
					if isGood {
						counted[0].Add(1)
					}
					if isCritical {
						counted[1].Add(1)
						if isGood {
							counted[2].Add(1)
						}
					}
				},
			})
			if err != nil {
				return 0, 0, 0, err
			}
			floods.Go(func() { generator.Run(ctx) })
		}
		floods.Wait()
		return counted[0].Load(), counted[1].Load(), counted[2].Load(), ctx.Err()
	}
	sleep := s.wait
	if s.slower > 0 {
		if _, _, _, err := flood(sleep, settling); err != nil {
			return 0, 0, err
		}
		sleep *= time.Duration(s.slower)
	}
	good, important, importantGood, err := flood(sleep, b.settings.duration/2+settling)
	return float64(good) / (b.settings.duration / 2).Seconds(), float64(importantGood) / float64(max(important, 1)), err
}

func writeWays(out io.Writer, results []comparison) error {
	var line strings.Builder
	for _, c := range results {
		fmt.Fprintf(out, "\n%s, a fifth of the requests critical; capacity %.0f requests per second\n\n", c.situation.name, c.capacity)
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(table, "goodput/s\tof the best fixed pool\tcritical in time\t  \t")
		row := func(goodput, critical float64, name string) {
			fmt.Fprintf(table, "%.1f\t%.1f %%\t%.2f %%\t  \t%s\n", goodput, 100*goodput/max(c.best, 1), 100*critical, name)
		}
		row(c.planned, c.critical, "as planned, sizes itself")
		fmt.Fprintf(table, "%.1f\t100 %%\t\t  \tthe best fixed pool: %d workers\n", c.best, c.bestSize)
		for _, way := range slices.Sorted(maps.Keys(c.rivals)) {
			row(c.rivals[way][0], c.rivals[way][1], way)
		}
		if err := table.Flush(); err != nil {
			return err
		}
		fmt.Fprintf(&line, " %[1]s_planned_goodput_pct=%.1[2]f %[1]s_critical_pct=%.2[3]f %[1]s_best_workers=%[4]d", c.situation.key, 100*c.planned/max(c.best, 1),
			100*c.critical, c.bestSize)
	}
	_, err := fmt.Fprintf(out, "\nRESULT bench-overload-ways%s\n", line.String())
	return err
}
