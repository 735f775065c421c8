// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// The wait is the second number of each thread's file. Threads that have ended have none. Where another one cannot be read, nothing is known:
// the part of it that was there before would count as waited for now when it can be read again.
func TestTheWaitOfThreadsIsRead(t *testing.T) {
	good := map[string]string{"1": "100 20 3\n", "2": "18446744073709551615 400 18446744073709551615\n"}
	for name, c := range map[string]struct {
		more    map[string]string
		ended   string
		sum     time.Duration
		threads int
	}{
		"all":               {sum: 420, threads: 2},
		"one that waits":    {more: map[string]string{"3": "0 1000000000 1\n"}, sum: 420 + time.Second, threads: 3},
		"one that is new":   {more: map[string]string{"3": "0 0 0\n"}, sum: 420, threads: 3},
		"one that ended":    {ended: "3", sum: 420, threads: 2},
		"nothing in a file": {more: map[string]string{"3": ""}},
		"no number":         {more: map[string]string{"3": "1 x 2\n"}},
		"one number":        {more: map[string]string{"3": "7"}},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			files := maps.Clone(good)
			maps.Copy(files, c.more)
			for thread, content := range files {
				if err := os.MkdirAll(filepath.Join(folder, thread), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(folder, thread, "schedstat"), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if c.ended != "" {
				if err := os.Mkdir(filepath.Join(folder, c.ended), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if sum, threads := waitOfThreads(folder); sum != c.sum || threads != c.threads {
				t.Errorf("%d threads waited for %s, want %d for %s", threads, sum, c.threads, c.sum)
			}
		})
	}
	if sum, threads := waitOfThreads(filepath.Join(t.TempDir(), "none")); sum != 0 || threads != 0 {
		t.Errorf("%d threads waited for %s in a folder that is not there", threads, sum)
	}
}

// A file that is there and cannot be opened, as where the process has as many files as it may have, makes the whole reading worthless.
func TestTheWaitOfThreadsIsNotKnownWithoutOneOfThem(t *testing.T) {
	folder := t.TempDir()
	for _, thread := range []string{"1", "2"} {
		if err := os.Mkdir(filepath.Join(folder, thread), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "1", "schedstat"), []byte("1 2 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("schedstat", filepath.Join(folder, "2", "schedstat")); err != nil { // cannot be opened by anybody
		t.Fatal(err)
	}
	if sum, threads := waitOfThreads(folder); sum != 0 || threads != 0 {
		t.Errorf("%d threads waited for %s, want none to be known", threads, sum)
	}
}

// Threads come and go while they are read: those that are there count, wherever those that have ended were listed.
func TestTheWaitOfThreadsBesideThoseThatEnded(t *testing.T) {
	folder := t.TempDir()
	for i := range 40 {
		thread := filepath.Join(folder, strconv.Itoa(i))
		if err := os.Mkdir(thread, 0o700); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			continue
		}
		if err := os.WriteFile(filepath.Join(thread, "schedstat"), []byte("1 3 5\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if sum, threads := waitOfThreads(folder); sum != 60 || threads != 20 {
		t.Errorf("%d threads waited for %s, want 20 for 60ns", threads, sum)
	}
}

// What is no file with numbers, or no folder with threads, tells nothing.
func TestTheWaitOfWhatIsNoThread(t *testing.T) {
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "1", "schedstat"), 0o700); err != nil {
		t.Fatal(err)
	}
	if sum, threads := waitOfThreads(folder); sum != 0 || threads != 0 {
		t.Errorf("%d threads waited for %s by a folder", threads, sum)
	}
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, []byte("1 2 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if sum, threads := waitOfThreads(file); sum != 0 || threads != 0 {
		t.Errorf("%d threads waited for %s in a file", threads, sum)
	}
}

// Threads are read all the time, so nothing may stay open.
func TestNothingStaysOpen(t *testing.T) {
	open := func() int {
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "1"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "1", "schedstat"), []byte("1 2 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := open()
	for range 100 {
		waitOfThreads(folder)
	}
	if after := open(); after > before+50 {
		t.Errorf("%d files are open, %d were", after, before)
	}
}

func BenchmarkStalledThreads(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		waitOfThreads(threadsFolder)
	}
}
