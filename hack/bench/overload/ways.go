// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
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
	// learning is that of the rivals which need more: failsafe-go's limiters change theirs once in a second and warm up for ten of those, and
	// Kratos' BBR begins when a mean of the processors' use, with a decay of 0.95 each half second, is above 80 %. From an idle
	// machine of two processors of which the server keeps one busy, that takes 10 to 13 s.
	learning = 14 * time.Second
	// criticalShare of the requests is critical.
	criticalShare = 0.2
	// turns that the plan and the best fixed pool take.
	turns = 3
)

const (
	// fixedSizes are tried to find the best one.
	fixedSizes = "1,2,3,5,8,12,18,28,42"
	// allRivals are the ways of other libraries. CoDel's lock is told the best size, and failsafe-go's limiters begin with it. The usual ones
	// leave out the limiter that knows no priorities.
	allRivals   = "failsafe-adaptive,failsafe-priority,codel,kratos-bbr"
	usualRivals = "failsafe-priority,codel,kratos-bbr"
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
	slices.Sort(c.sizes) // the search ends where more is worse
	switch others {
	case "":
	case "all":
		c.rivals = strings.Split(allRivals, ",")
	default:
		c.rivals, err = bed.Pick("rivals", others, strings.Split(allRivals, ","), func(one string) string { return one })
	}
	return c, err
}

// settlingOf a rival.
func settlingOf(rival string) time.Duration {
	if rival == "codel" {
		return settling
	}
	return learning
}

// goodness of a way: goodput in requests per second, the share of critical requests that were good, and of all that were turned away.
type goodness struct{ goodput, critical, refused float64 }

// turn is the operator's plan and the best fixed pool, one right after the other.
type turn struct{ planned, best goodness }

// comparison of the ways in a situation.
type comparison struct {
	situation situation
	capacity  float64
	bestSize  int
	turns     []turn
	rivals    map[string]goodness
}

// percents of the best fixed pool's goodput that the plan's is, a turn each, in order.
func (c comparison) percents() []float64 {
	percents := make([]float64, 0, len(c.turns))
	for _, t := range c.turns {
		percents = append(percents, 100*t.planned.goodput/max(t.best.goodput, 1))
	}
	slices.Sort(percents)
	return percents
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
		c := contest{bench: b, binary: binary, progress: progress, comparison: comparison{situation: s, rivals: map[string]goodness{}}}
		if err := c.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		results = append(results, c.comparison)
	}
	return writeWays(out, results)
}

// contest is a comparison while it is made.
type contest struct {
	*bench
	comparison
	binary   string
	progress io.Writer
}

func (c *contest) run(ctx context.Context) error {
	if c.situation.neighbor {
		ports, err := child.FreePorts(ctx, 1)
		if err != nil {
			return err
		}
		neighbor, err := c.contender(ctx, c.binary, ports[0], nil, "-burn", "1")
		if err != nil {
			return err
		}
		defer neighbor.Stop()
	}
	if _, err := c.try(ctx, settling, "-way", "none"); err != nil {
		return err
	}
	spec := declared(c.settings.target)
	p := plan.Compute(spec, plan.Observed{})
	fixed := func(size int) (goodness, error) {
		document := open()
		document.Pool = fixedPool(size, livesettings.MaxQueueDepth, p.QueueTimeout.Value)
		return c.pooled(ctx, document)
	}
	if err := c.search(fixed); err != nil {
		return err
	}
	err := c.takeTurns(
		func() (goodness, error) { return c.pooled(ctx, documentOf(p, spec)) },
		func() (goodness, error) { return fixed(c.bestSize) })
	if err != nil {
		return err
	}
	for _, way := range c.settings.ways.rivals {
		c.rivals[way], err = c.try(ctx, settlingOf(way), "-way", way, "-wait", p.QueueTimeout.Value.String(), "-places", fmt.Sprint(c.bestSize),
			"-machine", fmt.Sprint(c.machine))
		if err != nil {
			return err
		}
	}
	return nil
}

// search the best fixed pool. More workers than two sizes in a row with which less than half of the best was good are not tried.
func (c *contest) search(fixed func(size int) (goodness, error)) error {
	best, poor := 0., 0
	for _, size := range c.settings.ways.sizes {
		g, err := fixed(size)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.progress, "  %d workers: %.1f/s, %.2f %% of the critical ones\n", size, g.goodput, 100*g.critical)
		if g.goodput > best {
			best, c.bestSize = g.goodput, size
		}
		if poor++; g.goodput >= best/2 {
			poor = 0
		}
		if poor == 2 {
			break
		}
	}
	if c.bestSize == 0 {
		return fmt.Errorf("no request was good with any of %v workers", c.settings.ways.sizes)
	}
	return nil
}

// takeTurns measures the plan and the best fixed pool again, since what was the best of many measurements was also lucky: one right after
// the other, so that both have the same machine, and each first in its turn.
func (c *contest) takeTurns(planned, best func() (goodness, error)) error {
	for i := range turns {
		var t turn
		first, second := func() (err error) { t.planned, err = planned(); return err }, func() (err error) { t.best, err = best(); return err }
		if i%2 == 1 {
			first, second = second, first
		}
		if err := first(); err != nil {
			return err
		}
		if err := second(); err != nil {
			return err
		}
		fmt.Fprintf(c.progress, "  as planned %.1f/s, %d workers %.1f/s\n", t.planned.goodput, c.bestSize, t.best.goodput)
		c.turns = append(c.turns, t)
	}
	return nil
}

// pooled measures the toolkit's own pool with these live settings.
func (c *contest) pooled(ctx context.Context, document livesettings.Document) (goodness, error) {
	encoded, err := json.Marshal(document)
	if err != nil {
		return goodness{}, err
	}
	file := filepath.Join(c.folder, livesettings.FileName)
	if err := os.WriteFile(file, encoded, 0o600); err != nil {
		return goodness{}, err
	}
	return c.try(ctx, settling, "-way", "pool", "-document", file)
}

// try a way that may take so long to settle. The first one, which is none, finds the capacity.
func (c *contest) try(ctx context.Context, settles time.Duration, arguments ...string) (goodness, error) {
	ports, err := child.FreePorts(ctx, 1)
	if err != nil {
		return goodness{}, err
	}
	s := c.situation
	server, err := c.contender(ctx, c.binary, ports[0], s.environment(), arguments...)
	if err != nil {
		return goodness{}, err
	}
	defer server.Stop()
	url := fmt.Sprintf("http://127.0.0.1:%d/work?cpu=%s", ports[0], s.cpu)
	if c.comparison.capacity == 0 {
		k := kind{cpu: s.cpu, wait: s.wait}
		c.comparison.capacity, err = c.bench.capacity(ctx, fmt.Sprintf("%s&sleep=%s", url, s.wait), k.clients())
		return goodness{}, err
	}
	return c.floodShares(ctx, url, s, c.settings.factor*c.comparison.capacity, settles)
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

// tallied requests of a flood.
type tallied struct{ all, good, refused, critical, criticalGood atomic.Int64 }

func (t *tallied) count(o loadgen.Outcome, within time.Duration, isCritical bool) {
	t.all.Add(1)
	good := int64(0)
	if o.Accepted() && o.Took <= within {
		good = 1
	}
	t.good.Add(good)
	if o.Status == http.StatusServiceUnavailable {
		t.refused.Add(1)
	}
	if isCritical {
		t.critical.Add(1)
		t.criticalGood.Add(good)
	}
}

// floodShares offers that many requests per second, a fifth of them critical, and counts what is good once the way has settled.
func (b *bench) floodShares(ctx context.Context, url string, s situation, rate float64, settles time.Duration) (goodness, error) {
	flood := func(sleep, lasts time.Duration) (*tallied, error) {
		var floods sync.WaitGroup
		var counted tallied
		start := time.Now()
		for _, isCritical := range []bool{false, true} {
			part, target := 1-criticalShare, fmt.Sprintf("%s&sleep=%s", url, sleep)
			if isCritical {
				part, target = criticalShare, target+"&critical"
			}
			generator, err := loadgen.New(loadgen.Config{
				URL: target, Rate: part * rate, Duration: lasts, Poisson: true, Timeout: clientTimeout, Connections: 256, Outstanding: 8_000,
				Observe: func(o loadgen.Outcome) {
					if o.Due.Sub(start) >= settles {
						counted.count(o, b.settings.target, isCritical)
					}
				},
			})
			if err != nil {
				return nil, err
			}
			floods.Go(func() { generator.Run(ctx) })
		}
		floods.Wait()
		return &counted, ctx.Err()
	}
	sleep := s.wait
	if s.slower > 0 {
		if _, err := flood(sleep, settles); err != nil {
			return goodness{}, err
		}
		sleep *= time.Duration(s.slower)
	}
	counted, err := flood(sleep, b.settings.duration/2+settles)
	if err != nil {
		return goodness{}, err
	}
	share := func(part, of *atomic.Int64) float64 { return float64(part.Load()) / float64(max(of.Load(), 1)) }
	return goodness{
		goodput:  float64(counted.good.Load()) / (b.settings.duration / 2).Seconds(),
		critical: share(&counted.criticalGood, &counted.critical), refused: share(&counted.refused, &counted.all),
	}, nil
}

func writeWays(out io.Writer, results []comparison) error {
	var line strings.Builder
	for _, c := range results {
		fmt.Fprintf(out, "\n%s, a fifth of the requests critical; capacity %.0f requests per second\n\n", c.situation.name, c.capacity)
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(table, "goodput/s\tof the best fixed pool\tcritical in time\tturned away\t  \t")
		percents := c.percents()
		best := median(c.turns, func(t turn) float64 { return t.best.goodput })
		critical := 100 * median(c.turns, func(t turn) float64 { return t.planned.critical })
		fmt.Fprintf(table, "%.1f\t%.1f %%\t%.2f %%\t%.0f %%\t  \tas planned, sizes itself (from %.1f to %.1f %%)\n",
			median(c.turns, func(t turn) float64 { return t.planned.goodput }), middle(percents), critical,
			100*median(c.turns, func(t turn) float64 { return t.planned.refused }), percents[0], percents[len(percents)-1])
		fmt.Fprintf(table, "%.1f\t100 %%\t%.2f %%\t%.0f %%\t  \tthe best fixed pool: %d workers\n",
			best, 100*median(c.turns, func(t turn) float64 { return t.best.critical }), 100*median(c.turns, func(t turn) float64 { return t.best.refused }), c.bestSize)
		for _, way := range slices.Sorted(maps.Keys(c.rivals)) {
			g := c.rivals[way]
			fmt.Fprintf(table, "%.1f\t%.1f %%\t%.2f %%\t%.0f %%\t  \t%s\n", g.goodput, 100*g.goodput/max(best, 1), 100*g.critical, 100*g.refused, way)
		}
		if err := table.Flush(); err != nil {
			return err
		}
		fmt.Fprintf(&line, " %[1]s_planned_goodput_pct=%.1[2]f %[1]s_planned_lowest_pct=%.1[3]f %[1]s_critical_pct=%.2[4]f %[1]s_best_workers=%[5]d",
			c.situation.key, middle(percents), percents[0], critical, c.bestSize)
	}
	_, err := fmt.Fprintf(out, "\nRESULT bench-overload-ways%s\n", line.String())
	return err
}
