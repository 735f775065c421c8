// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package follow

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// pair of files that are read one after another; the second may be missing.
type pair struct {
	t             *testing.T
	first, second string
	files         *Files[string]
	used, told    []string
}

const every = 10 * time.Second

func open(t *testing.T) *pair {
	t.Helper()
	folder := t.TempDir()
	p := &pair{t: t, first: filepath.Join(folder, "first"), second: filepath.Join(folder, "second")}
	p.write(p.first, "a")
	files, err := Open(Config[string]{
		Every: every, Load: p.load, Use: func(value string) { p.used = append(p.used, value) },
		Failed: func(err error) { p.told = append(p.told, err.Error()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	p.files = files
	return p
}

func (p *pair) load(r *Reader) (string, error) {
	first, err := r.Read(p.first)
	if err != nil {
		return "", errors.New("no first file")
	}
	second, _ := r.Read(p.second)
	if string(first) == "bad" {
		return "", errors.New("bad")
	}
	return fmt.Sprintf("%s+%s", first, second), nil
}

func (p *pair) write(path, content string) {
	p.t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pair) expect(want string, told ...string) {
	p.t.Helper()
	if got := p.files.Current(); got != want || !slices.Equal(p.told, told) {
		p.t.Errorf("%q, told %q; want %q, told %q", got, p.told, want, told)
	}
}

func TestFilesAreLookedAtNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t)
		p.write(p.first, "b")
		time.Sleep(every - 1)
		p.expect("a+")
		time.Sleep(time.Nanosecond)
		p.expect("b+")
		p.write(p.second, "c")
		p.expect("b+")
		p.files.Look()
		p.expect("b+c")
		if err := os.Remove(p.second); err != nil {
			t.Fatal(err)
		}
		time.Sleep(every)
		p.expect("b+")
		if want := []string{"a+", "b+", "b+c", "b+"}; !slices.Equal(p.used, want) {
			t.Errorf("used %q, want %q", p.used, want)
		}
	})
}

// What was there before stays, and each kind of trouble is told once.
func TestFilesThatCannotBeUsedChangeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t)
		for range 3 {
			p.write(p.first, "bad")
			time.Sleep(every)
			p.expect("a+", "bad")
		}
		if err := os.Remove(p.first); err != nil {
			t.Fatal(err)
		}
		time.Sleep(every)
		p.expect("a+", "bad", "no first file")
		p.write(p.first, "a") // as it was
		time.Sleep(every)
		p.expect("a+", "bad", "no first file")
		if !slices.Equal(p.used, []string{"a+"}) {
			t.Errorf("used %q", p.used)
		}
		p.write(p.first, "bad")
		time.Sleep(every)
		p.expect("a+", "bad", "no first file", "bad")
	})
}

// Content that moves from one file to the other is a change.
func TestTheSameBytesInOtherFilesAreAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t)
		p.write(p.first, "")
		p.write(p.second, "a")
		time.Sleep(every)
		p.expect("+a")
	})
}

func TestFilesThatCannotBeUsedAtFirstFail(t *testing.T) {
	if _, err := Open(Config[int]{Load: func(r *Reader) (int, error) { _, err := r.Read("none"); return 0, err }}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
