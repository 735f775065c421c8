// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Mutate asks how many faults the tests would notice. It changes one thing at a time in the source of a package – a
// comparison, an operator, a condition, a number, a statement left out, a value that is returned – through an overlay of the
// compiler, so that no file is touched, and runs the tests that serve the package. A change that they do not notice is
// printed: a test is missing, the code is not needed, or the change changes nothing. Those of the last kind are listed with
// their reasons in equivalents.txt, are tried all the same, and are counted apart.
//
// Which changes are tried follows from the seed and from each change's own code. What does not compile does not count. A
// package whose tests notice a change that changes nothing, or that notice nothing at all, is an error.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

//go:embed equivalents.txt
var reviewed string

type settings struct {
	root, seed, state string
	packages          []target
	changes, parallel int
	only              *regexp.Regexp
	pause             time.Duration
}

func main() {
	var s settings
	flag.StringVar(&s.root, "root", ".", "root of the module")
	flag.StringVar(&s.seed, "seed", "1", "decides which changes are tried")
	flag.StringVar(&s.state, "state", "", "file that keeps what is done, so that the same command goes on where it was cut off")
	flag.IntVar(&s.changes, "changes", 110, "how many changes to try in each package")
	flag.IntVar(&s.parallel, "parallel", 1, "how many changes to try at a time")
	flag.DurationVar(&s.pause, "pause", 10*time.Second, "how long tests may take besides ten times as long as unchanged")
	names := flag.String("packages", "", "packages to change, separated by spaces; all if empty")
	only := flag.String("run", "", "try only changes whose names match this regular expression")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := s.parse(*names, *only)
	if err == nil {
		err = s.all(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func (s *settings) parse(names, only string) error {
	var err error
	if s.root, err = filepath.Abs(s.root); err != nil {
		return err
	}
	if s.packages, err = selected(strings.Fields(names)); err != nil {
		return err
	}
	s.only, err = regexp.Compile(only)
	return err
}

// all tries the changes of every package, and prints what became of them.
func (s *settings) all(ctx context.Context) (err error) {
	reasons, err := equivalents(reviewed)
	if err != nil {
		return fmt.Errorf("equivalents.txt: %w", err)
	}
	done, err := openState(s.state)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done.close()) }()
	var reports []*report
	for _, t := range s.packages {
		r, err := s.one(ctx, t, reasons, done)
		if err != nil {
			return fmt.Errorf("%s: %w", t.pkg, err)
		}
		r.write(os.Stdout)
		reports = append(reports, r)
	}
	return summary(os.Stdout, reports)
}
