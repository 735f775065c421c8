// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// reported is a report of so many changes that were noticed and that survived.
func reported(pkg string, noticedOnes, survivors int) *report {
	r := &report{target: target{pkg: pkg}}
	for i := range noticedOnes + survivors {
		one := trial{&change{file: pkg + "/f.go", key: pkg + " f: " + strings.Repeat("x", i+1)}, noticed}
		if i >= noticedOnes {
			one.outcome = survived
		}
		r.tried = append(r.tried, one)
	}
	return r
}

func resultLine(t *testing.T, reports ...*report) (string, error) {
	t.Helper()
	var out strings.Builder
	err := summary(&out, reports)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	return lines[len(lines)-1], err
}

func TestTheResultLine(t *testing.T) {
	cases := map[string]struct {
		reports []*report
		want    string
	}{
		"the simulator has a goal of its own": {
			[]*report{reported("a", 9, 1), reported("b", 8, 2), reported(simulator, 1, 9)},
			"RESULT mutate mutants=30 killed_pct=60.0 worst_package=b worst_pct=80.0 sim_pct=10.0",
		},
		"not all packages": {[]*report{reported("a", 2, 1)}, "RESULT mutate mutants=3 killed_pct=66.7 worst_package=a worst_pct=66.7 sim_pct=not-run"},
		"only the simulator": {
			[]*report{reported(simulator, 3, 1)}, "RESULT mutate mutants=4 killed_pct=75.0 worst_package=none worst_pct=100.0 sim_pct=75.0",
		},
		"all noticed": {[]*report{reported("a", 2, 0)}, "RESULT mutate mutants=2 killed_pct=100.0 worst_package=a worst_pct=100.0 sim_pct=not-run"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got, err := resultLine(t, c.reports...); got != c.want || err != nil {
				t.Errorf("error %v, result\n%s, want\n%s", err, got, c.want)
			}
		})
	}
}

func TestAPackageBelowItsGoalIsAnError(t *testing.T) {
	good, poor := reported("good", 85, 15), reported("poor", 84, 16)
	good.goal, poor.goal = 85, 85
	if _, err := resultLine(t, good); err != nil {
		t.Error(err)
	}
	if _, err := resultLine(t, good, poor); err == nil || err.Error() != "poor: the tests notice 84.0 %, the goal is 85 %" {
		t.Error(err)
	}
}

func TestEquivalentsAreCountedApartAndShown(t *testing.T) {
	r := reported("a", 3, 2)
	r.equivalents = map[string]string{r.tried[3].key: "It is the same."}
	got, err := resultLine(t, r)
	if want := "RESULT mutate mutants=4 killed_pct=75.0 worst_package=a worst_pct=75.0 sim_pct=not-run"; got != want || err != nil {
		t.Errorf("error %v, result\n%s, want\n%s", err, got, want)
	}
	var out strings.Builder
	r.write(&out)
	for _, want := range []string{"75.0 % of 4 noticed", "1 survived, 1 change nothing", "changes nothing: It is the same.", "a/f.go:0 survived"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	// Listed ones that are noticed, or no longer possible, make the list wrong.
	r.equivalents[r.tried[0].key] = "No."
	if _, err := resultLine(t, r); err == nil {
		t.Error("a listed change that was noticed is no error")
	}
	delete(r.equivalents, r.tried[0].key)
	r.outdated = []string{"a g: x => y"}
	if _, err := resultLine(t, r); err == nil {
		t.Error("a listed change that is not possible is no error")
	}
}

func TestTheListOfEquivalents(t *testing.T) {
	got, err := equivalents("# For readers.\n\np f: a => b\n    It is the same.\np g: c => d\n\tSo is this.\n")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"p f: a => b": "It is the same.", "p g: c => d": "So is this."}, got); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	for text, want := range map[string]string{
		"a\n":               `"a" has no reason`,
		"a\nb\n  c\n":       `"a" has no reason`,
		"  a\n":             `the reason "a" belongs to no change`,
		"a\n  b\na\n  b\n":  `"a" is listed twice`,
		"a\n  b\n  c\nd\n ": `the reason "c" belongs to no change`,
	} {
		if _, err := equivalents(text); err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
	if _, err := equivalents(reviewed); err != nil {
		t.Errorf("equivalents.txt: %v", err)
	}
}

func TestARunGoesOnWhereItWasCutOff(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	first, err := openState(file)
	if err != nil {
		t.Fatal(err)
	}
	for key, result := range map[string]outcome{"p f: a => b": noticed, "p f: c => d": survived} {
		if err := first.keep("1", key, result); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// The last line was cut off: what it says is found anew.
	if err := os.WriteFile(file, append(content, "1 noticed p f: long"...), 0o600); err != nil {
		t.Fatal(err)
	}
	second, err := openState(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.keep("1", "p f: longer", survived); err != nil {
		t.Fatal(err)
	}
	if err := second.close(); err != nil {
		t.Fatal(err)
	}
	third, err := openState(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := third.close(); err != nil {
			t.Error(err)
		}
	})
	for key, want := range map[string]outcome{"p f: a => b": noticed, "p f: c => d": survived, "p f: longer": survived} {
		if got, known := third.of("1", key); got != want || !known {
			t.Errorf("%s is %q", key, got)
		}
	}
	if got, known := third.of("2", "p f: a => b"); known {
		t.Errorf("of other tests: %q", got)
	}
}

func TestPackagesAreSelectedByName(t *testing.T) {
	all, err := selected(nil)
	if err != nil || len(all) != len(targets) {
		t.Errorf("%d packages, error %v", len(all), err)
	}
	some, err := selected([]string{"workload/pool"})
	if err != nil || len(some) != 1 || some[0].pkg != "workload/pool" {
		t.Errorf("%v, error %v", some, err)
	}
	if _, err := selected([]string{"workload"}); err == nil {
		t.Error("an unknown package was selected")
	}
	for _, one := range targets {
		if changes, err := changesOf(filepath.Join("..", ".."), one.pkg); err != nil || len(changes) < 50 {
			t.Errorf("%s: %d changes, error %v", one.pkg, len(changes), err)
		}
	}
}
