// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Packaging measures what a release hands out, as its users meet it: how long the plugin takes to start, beside kubectl, and how long helm install
// --wait takes until it returns, and whether what it then says is true. hack/bench-package.sh builds what it measures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"goservice.dev/operator/hack/bench/internal/child"
)

type settings struct {
	installation
	plugin, helms string
	starts        int
	// What was made twice, how many files these are, and whether they were the same bits.
	what         string
	artefacts    int
	reproducible bool
	// console is the RESULT line of its test.
	console string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "packaging:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string, out io.Writer) error {
	s, err := parse(arguments)
	if err != nil {
		return err
	}
	plugin, kubectl, err := compareStarts(ctx, s.starts, []string{s.plugin, "--version"}, []string{s.kubectl, "version", "--client"})
	if err != nil {
		return err
	}
	size, err := os.Stat(s.plugin)
	if err != nil {
		return err
	}
	var installs []installed
	for _, helm := range strings.Split(s.helms, ",") {
		found, err := s.try(ctx, helm)
		if err != nil {
			return err
		}
		installs = append(installs, found)
	}
	return write(out, s, plugin, kubectl, size.Size(), installs)
}

func parse(arguments []string) (*settings, error) {
	s := &settings{}
	flags := flag.NewFlagSet("packaging", flag.ContinueOnError)
	flags.StringVar(&s.plugin, "plugin", "", "the released plugin of this platform")
	flags.StringVar(&s.kubectl, "kubectl", "", "kubectl, which starts as often")
	flags.StringVar(&s.helms, "helm", "", "programs of Helm, separated by commas; each installs")
	flags.StringVar(&s.chart, "chart", "", "the released chart")
	flags.StringVar(&s.tag, "tag", "", "tag of the images on the nodes")
	flags.StringVar(&s.sample, "sample", "", "manifest of the GoService that is applied right after")
	flags.IntVar(&s.starts, "starts", 40, "how often each program starts, 20 at least")
	flags.IntVar(&s.artefacts, "artefacts", 0, "files that were made twice")
	flags.BoolVar(&s.reproducible, "reproducible", false, "whether they were the same bits")
	flags.StringVar(&s.what, "what", "", "which files these are")
	flags.StringVar(&s.console, "console", "", "the RESULT line of the console's test")
	if err := flags.Parse(arguments); err != nil {
		return nil, err
	}
	var problems []error
	flags.VisitAll(func(f *flag.Flag) {
		if f.Value.String() == "" {
			problems = append(problems, fmt.Errorf("-%s is needed: %s", f.Name, f.Usage))
		}
	})
	if s.starts < 20 {
		problems = append(problems, fmt.Errorf("-starts is %d, and must be 20 at least: a median of fewer says little", s.starts))
	}
	if _, err := consoleFigures(s.console); err != nil && s.console != "" {
		problems = append(problems, err)
	}
	return s, errors.Join(problems...)
}

// consoleSize is what the test of the console has measured.
type consoleSize struct{ kilobytes, paintMilliseconds float64 }

// consoleFigures of a line such as RESULT console kb=107 paint_ms=252 services=1000.
func consoleFigures(line string) (c consoleSize, err error) {
	var services int
	if _, err := fmt.Sscanf(line, "RESULT console kb=%g paint_ms=%g services=%d", &c.kilobytes, &c.paintMilliseconds, &services); err != nil {
		return c, fmt.Errorf("-console %q: must be as RESULT console kb=… paint_ms=… services=…: %w", line, err)
	}
	return c, nil
}

func write(out io.Writer, s *settings, plugin, kubectl starts, size int64, installs []installed) error {
	console, err := consoleFigures(s.console)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s, %s/%s, load average %s\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, child.LoadAverage())
	fmt.Fprintf(out, "made twice: %s; the same bits: %t\n\n", s.what, s.reproducible)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "start, median of %d\tp95\t  \t\n", s.starts)
	for _, row := range []struct {
		name string
		took starts
	}{{filepath.Base(s.plugin) + " --version", plugin}, {"kubectl version --client", kubectl}} {
		fmt.Fprintf(table, "%.0f ms\t%.0f ms\t  \t%s\n", milliseconds(row.took.median), milliseconds(row.took.p95), row.name)
	}
	fmt.Fprint(table, "\nreturned after\toperators ready then\tGoService Ready after\t  \t\n")
	slowest := time.Duration(0)
	for _, i := range installs {
		slowest = max(slowest, i.returned)
		fmt.Fprintf(table, "%.1f s\t%s\t%.1f s\t  \thelm install --wait, Helm %s\n", i.returned.Seconds(), i.ready, i.service.Seconds(), i.version)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\nRESULT package reproducible=%t artefacts=%d helm_ready_s=%.1f plugin_start_ms=%.0f plugin_mb=%.1f console_kb=%.0f console_paint_ms=%.0f\n",
		s.reproducible, s.artefacts, slowest.Seconds(), milliseconds(plugin.median), float64(size)/1e6,
		console.kilobytes, console.paintMilliseconds)
	return err
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
