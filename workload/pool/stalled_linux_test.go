// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The wait is the second number of each thread's file. Where there is no such file, or something else in it, nothing is known.
func TestTheWaitOfThreadsIsRead(t *testing.T) {
	folder := t.TempDir()
	for thread, content := range map[string]string{"1": "100 20 3\n", "2": "18446744073709551615 400 18446744073709551615\n", "3": "", "4": "1 x 2\n", "5": "7"} {
		if err := os.MkdirAll(filepath.Join(folder, thread), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, thread, "schedstat"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "6"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := waitedFor(folder); got != 420*time.Nanosecond {
		t.Errorf("waited for %s, want 420ns", got)
	}
	if got := waitedFor(filepath.Join(folder, "none")); got != 0 {
		t.Errorf("waited for %s in a folder that is not there", got)
	}
}

func BenchmarkStalledThreads(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		waitedFor(threadsFolder)
	}
}
