// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// module writes a module with a package p, and returns its root.
func module(t *testing.T, source, test string) string {
	t.Helper()
	root := t.TempDir()
	files := map[string]string{"go.mod": "module m\n\ngo 1.26\n", "p/p.go": "package p\n" + source}
	if test != "" {
		files["p/p_test.go"] = "package p\nimport \"testing\"\n" + test
	}
	for name, content := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const (
	double     = "func double(n int) int { return n + n }\nfunc unused() { double(1) }\nfunc wait(more bool) { for more && false { } }\n"
	doubleTest = "func TestDouble(t *testing.T) { wait(true); if double(3) != 6 { t.Fatal() } }\n"
)

func settingsFor(root string) *settings {
	return &settings{root: root, seed: "1", changes: 100, parallel: 2, only: regexp.MustCompile(""), pause: 2 * time.Second}
}

func outcomes(r *report) map[string]outcome {
	found := map[string]outcome{}
	for _, t := range r.tried {
		found[strings.TrimPrefix(t.key, "p ")] = t.outcome
	}
	return found
}

func TestWhatBecomesOfChanges(t *testing.T) {
	s := settingsFor(module(t, double, doubleTest))
	file := filepath.Join(t.TempDir(), "state")
	done, err := openState(file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.one(t.Context(), target{pkg: "p", goal: 85}, map[string]string{"p unused: 1 => 2": "Nobody calls it.", "p gone: a => b": "Gone.", "q f: a => b": "Another package's."}, done)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]outcome{
		"double: n + n => n - n": noticed, "double: return n + n => return value 1: 0": noticed,
		"unused: double(1) => (left out)": survived, "unused: 1 => 2": survived,
		// The loop that never ends any more is ended.
		"wait: more && false => more || false":            timedOut,
		"wait: more && false => false && (more && false)": survived,
	}
	if diff := cmp.Diff(want, outcomes(r)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(counts{noticed: 3, timedOut: 1, survived: 2, equivalent: 1}, r.count(), cmp.AllowUnexported(counts{})); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"p gone: a => b"}, r.outdated); diff != "" {
		t.Errorf("outdated (-want +got):\n%s", diff)
	}
	if err := done.close(); err != nil {
		t.Fatal(err)
	}

	// The same command again finds all that in the file: it would fail now if it asked the tests. With another test it does.
	again, err := openState(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := again.close(); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("PATH", filepath.Dir(goCommand(t)))
	r, err = s.one(t.Context(), target{pkg: "p"}, nil, again)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, outcomes(r)); diff != "" {
		t.Errorf("outcomes from the file (-want +got):\n%s", diff)
	}
	if err := os.WriteFile(filepath.Join(s.root, "p", "p_test.go"), []byte("package p\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.one(t.Context(), target{pkg: "p"}, nil, again); err == nil {
		t.Error("outcomes of other tests were taken from the file")
	}
}

// goCommand is the path of a folder's go command that has nothing beside it.
func goCommand(t *testing.T) string {
	t.Helper()
	var found string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if path := filepath.Join(dir, "go"); found == "" {
			if _, err := os.Stat(path); err == nil {
				found = path
			}
		}
	}
	link := filepath.Join(t.TempDir(), "go")
	if err := os.Symlink(found, link); err != nil {
		t.Fatal(err)
	}
	return link
}

// Tests that cannot be believed are not asked.
func TestTestsThatCannotBeBelieved(t *testing.T) {
	cases := map[string]struct{ test, want string }{
		"they fail anyway":    {"func TestDouble(t *testing.T) { t.Fatal(\"no\") }", "a change that changes nothing in p is noticed"},
		"they do not compile": {"func TestDouble(t *testing.T) { no }", "a change that changes nothing in p is broken"},
		"there are none":      {"", "p has no tests"},
		"they fail now and then": {"func TestDouble(t *testing.T) { f, err := os.OpenFile(\"count\", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); if err != nil { t.Fatal(err) };" +
			" f.WriteString(\".\"); if i, _ := f.Stat(); i.Size() > 3 { t.Fatal() } }", "a change that changes nothing in p is noticed"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			test := c.test
			if strings.Contains(test, "os.") {
				test = "import \"os\"\n" + test
			}
			s := settingsFor(module(t, "func double(n int) int { return n }\nfunc unused() { double(1); double(2) }\n", test))
			s.parallel = 1
			done, err := openState("")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.one(t.Context(), target{pkg: "p"}, nil, done); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestOtherPackagesTestsServeToo(t *testing.T) {
	root := module(t, "func Double(n int) int { return n + n }\n", "func TestNothing(t *testing.T) { Double(0) }\n")
	if err := os.MkdirAll(filepath.Join(root, "q"), 0o700); err != nil {
		t.Fatal(err)
	}
	test := "package q\nimport (\"m/p\"; \"testing\")\nfunc TestDouble(t *testing.T) { if p.Double(3) != 6 { t.Fatal() } }\n"
	if err := os.WriteFile(filepath.Join(root, "q", "q_test.go"), []byte(test), 0o600); err != nil {
		t.Fatal(err)
	}
	s := settingsFor(root)
	for _, c := range []struct {
		also []string
		want outcome
	}{{nil, survived}, {[]string{"q"}, noticed}} {
		done, err := openState("")
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.one(t.Context(), target{pkg: "p", also: c.also}, nil, done)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]outcome{c.want}, slices.Compact(slices.Collect(maps.Values(outcomes(r))))); diff != "" {
			t.Errorf("with %v (-want +got):\n%s", c.also, diff)
		}
	}
}

// What does not compile gives its place to another change.
func TestOnlyWhatCompilesCounts(t *testing.T) {
	s := settingsFor(module(t, "func double(n int) int { return n + n }\nfunc text(s string) string { return s + s }\n", "func TestDouble(t *testing.T) { if double(3) != 6 { t.Fatal() } }\n"))
	s.changes = 3
	done, err := openState("")
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.one(t.Context(), target{pkg: "p"}, nil, done)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]outcome{
		"double: n + n => n - n": noticed, "double: return n + n => return value 1: 0": noticed, `text: return s + s => return value 1: ""`: survived,
	}
	if diff := cmp.Diff(want, outcomes(r)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}
