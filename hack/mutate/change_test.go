// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// possible lists the names of the changes in a file, without the package's.
func possible(t *testing.T, source string) []string {
	t.Helper()
	changes, err := changesIn("p", "p/p.go", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	number(changes)
	var names []string
	for _, c := range changes {
		names = append(names, strings.TrimPrefix(c.key, "p "))
		if _, err := parser.ParseFile(token.NewFileSet(), "p.go", c.content(), 0); err != nil {
			t.Errorf("%s is no Go: %v\n%s", c.key, err, c.content())
		}
	}
	return names
}

// What is not built here is not changed: no test could notice it.
func TestOnlyWhatIsBuiltIsChanged(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "p"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]string{
		"a.go": "package p\n\nfunc a() int { return 1 }\n", "a_plan9.go": "package p\n\nfunc b() int { return 1 }\n",
		"c.go": "//go:build never\n\npackage p\n\nfunc c() int { return 1 }\n", "a_test.go": "package p\n\nfunc d() int { return 1 }\n",
	} {
		if err := os.WriteFile(filepath.Join(root, "p", name), []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	changes, err := changesOf(root, "p")
	if err != nil || len(changes) == 0 {
		t.Fatalf("%d changes, %v", len(changes), err)
	}
	for _, c := range changes {
		if !strings.HasPrefix(c.key, "p a: ") {
			t.Errorf("%s is changed", c.key)
		}
	}
}

func TestOneThingIsChangedAtATime(t *testing.T) {
	const all = "f: return a, b, c, d, e, g, h => return value "
	cases := map[string]struct {
		code string
		want []string
	}{
		"comparisons": {"func f() { _ = a < b; _ = a == b; _ = a >= b }", []string{
			"f: a < b => a <= b", "f: a < b => a >= b", "f: a == b => a != b", "f: a >= b => a > b", "f: a >= b => a < b",
		}},
		"operators": {`func f() { _ = a + b; _ = a + "b"; _ = a && b; x *= y; s += "t" }`, []string{
			"f: a + b => a - b", "f: a && b => a || b", "f: x *= y => x /= y", "f: x *= y => (left out)", `f: s += "t" => (left out)`,
		}},
		"extremes": {"func f() { _ = min(a, b); _ = max(a, b); _ = min(a) }", []string{"f: min(a, b) => max(a, b)", "f: max(a, b) => min(a, b)"}},
		"conditions": {"func f() { if a { }; for b { }; for range c { }; switch { case d, e: default: }; _ = !g }", []string{
			"f: a => true || (a)", "f: a => false && (a)", "f: b => false && (b)", "f: d => true || (d)", "f: d => false && (d)",
			"f: e => true || (e)", "f: e => false && (e)", "f: !g => g",
		}},
		"a condition in several lines": {"func f() { if a && // why\n\tb {} }", []string{
			"f: a && // why b => true || (a && // why b)", "f: a && // why b => false && (a && // why b)", "f: a && // why b => a || // why b",
		}},
		"numbers": {"const (\n\tc = 0.5\n)\nvar v = 1\nfunc f() { g[0] = [2]int{3} }", []string{
			"c: 0.5 => (0.5*11/10+1)", "v: 1 => 2", "f: g[0] = [2]int{3} => (left out)", "f: 0 => 1", "f: 3 => (3*11/10+1)",
		}},
		"statements": {"func f() { g(); x = h(); x, _ = h(); x++; defer d(); go e(); c <- m; x := 1; _ = h() }", []string{
			"f: g() => (left out)", "f: x = h() => (left out)", "f: x, _ = h() => (left out)", "f: x++ => (left out)", "f: defer d() => (left out)",
			"f: go e() => (left out)", "f: c <- m => (left out)", "f: 1 => 2",
		}},
		"loops": {"func f() { for range n { continue; break } }", []string{"f: continue => break", "f: break => (left out)"}},
		"values returned": {"func f() (int, error, bool, *T, []T, string, T) { return a, b, c, d, e, g, h }", []string{
			all + "1: 0", all + "2: nil", all + "3: !(c)", all + "4: nil", all + "5: nil", all + `6: ""`, all + "7: *new(T)",
		}},
		"zero values returned": {`func f() (int, error, string, T) { return 0, nil, "", T{} }`, []string{"f: 0 => 1"}},
		"several of a type":    {"func f() (a, b int) { return c, d }", []string{"f: return c, d => return value 1: 0", "f: return c, d => return value 2: 0"}},
		"literals inside": {"func f() error { g := func() bool { return a }; return b }", []string{
			"f: return a => return value 1: !(a)", "f: return b => return value 1: nil",
		}},
		"methods":             {"func (t *T[K]) f() { g() }\nfunc (t T) f() { g() }", []string{"T.f: g() => (left out)", "T.f: g() => (left out) #2"}},
		"twice the same":      {"func f() { g(); g() }", []string{"f: g() => (left out)", "f: g() => (left out) #2"}},
		"what nobody can see": {"import \"m\"\ntype T [4]int\nfunc f() { _ = make([]int, 2, 3); _ = make(map[int]int, 4); var a [5]int }", []string{"f: 2 => (2*11/10+1)"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, possible(t, "package p\n"+c.code)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheDiffShowsWholeLines(t *testing.T) {
	changes, err := changesIn("p", "p/p.go", []byte("package p\n\nfunc f() {\n\tg(\n\t\ta)\n}\n\nvar n = 2"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"-\tg(\n-\t\ta)\n+\t\n", "-var n = 2\n+var n = (2*11/10+1)\n"}
	var got []string
	for _, c := range changes {
		got = append(got, c.diff())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("diffs (-want +got):\n%s", diff)
	}
	if changes[0].line != 4 || changes[1].line != 8 {
		t.Errorf("lines %d and %d, want 4 and 8", changes[0].line, changes[1].line)
	}
}

// What is tried, and under which name it is listed, must not depend on edits elsewhere.
func TestEditsElsewhereLeaveTheDrawAlone(t *testing.T) {
	keys := func(source, seed string) []string {
		changes, err := changesIn("p", "p/p.go", []byte("package p\n"+source))
		if err != nil {
			t.Fatal(err)
		}
		number(changes)
		var names []string
		for _, c := range drawn(changes, seed) {
			names = append(names, c.key)
		}
		return names
	}
	const code = "func f() { a(); b(); c(); d(); e() }\n"
	before := keys(code, "1")
	after := slices.DeleteFunc(keys("// Moved.\nfunc g() {\n\ta()\n}\n\n"+code, "1"), func(key string) bool { return strings.HasPrefix(key, "p g:") })
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the draw (-before +after):\n%s", diff)
	}
	if other := keys(code, "2"); slices.Equal(before, other) {
		t.Errorf("the draw of another seed is the same: %v", other)
	}
}
