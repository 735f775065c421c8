// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package livesettings_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goservice.dev/operator/workload/livesettings"
)

// volume is a mounted ConfigMap as the kubelet writes it.
type volume struct {
	t         *testing.T
	directory string
	version   int
}

func newVolume(t *testing.T) *volume {
	t.Helper()
	return &volume{t: t, directory: filepath.Join(t.TempDir(), "live-settings")}
}

func (v *volume) file() string { return filepath.Join(v.directory, livesettings.FileName) }

func (v *volume) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

// swap writes a new version beside the old one and swaps the link ..data to it.
func (v *volume) swap(content string) {
	v.t.Helper()
	old := fmt.Sprintf("..%d", v.version)
	v.version++
	current := fmt.Sprintf("..%d", v.version)
	v.must(os.MkdirAll(filepath.Join(v.directory, current), 0o755))
	v.must(os.WriteFile(filepath.Join(v.directory, current, livesettings.FileName), []byte(content), 0o644))
	temporary := filepath.Join(v.directory, "..data_tmp")
	v.must(os.Symlink(current, temporary))
	v.must(os.Rename(temporary, filepath.Join(v.directory, "..data")))
	if _, err := os.Lstat(v.file()); err != nil {
		v.must(os.Symlink(filepath.Join("..data", livesettings.FileName), v.file()))
	}
	v.must(os.RemoveAll(filepath.Join(v.directory, old)))
}

func document(level string) string { return fmt.Sprintf(`{"version":1,"logLevel":%q}`, level) }

// follow runs a watcher until the test ends and hands out its outcomes.
func follow(t *testing.T, path string) (*livesettings.Registry, <-chan livesettings.Report) {
	t.Helper()
	registry := newRegistry(t)
	reports := make(chan livesettings.Report, 16)
	watcher := livesettings.Watcher{Path: path, Registry: registry, Changed: func(r livesettings.Report) { reports <- r }}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		watcher.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return registry, reports
}

func expect(t *testing.T, reports <-chan livesettings.Report, level, failure string) {
	t.Helper()
	report := <-reports
	if report.Document.LogLevel != level || !strings.Contains(report.Error, failure) || (failure == "") != (report.Error == "") {
		t.Fatalf("level %q and error %q, want level %q and error %q", report.Document.LogLevel, report.Error, level, failure)
	}
}

func TestWatcherFollowsSwaps(t *testing.T) {
	mounted := newVolume(t)
	mounted.swap(document("debug"))
	_, reports := follow(t, mounted.file())
	expect(t, reports, "debug", "")
	for _, level := range []string{"warn", "error", "info"} {
		mounted.swap(document(level))
		expect(t, reports, level, "")
	}
}

func TestWatcherKeepsTheLastGoodDocument(t *testing.T) {
	mounted := newVolume(t)
	mounted.swap(document("debug"))
	registry, reports := follow(t, mounted.file())
	expect(t, reports, "debug", "")
	mounted.swap(`{"version":1,"logLevel":"loud"}`)
	expect(t, reports, "debug", `logLevel`)
	mounted.swap(strings.Repeat(" ", livesettings.MaxDocumentBytes) + document("warn"))
	expect(t, reports, "debug", "bytes")
	mounted.swap(document("debug")) // what is in force already, but the error ends
	expect(t, reports, "debug", "")
	mounted.swap(document("warn"))
	expect(t, reports, "warn", "")
	if applied, rejected := registry.Counts(); applied != 2 || rejected != 2 {
		t.Errorf("%d applied and %d rejected, want 2 and 2", applied, rejected)
	}
}

func TestWatcherWaitsForItsDirectory(t *testing.T) {
	mounted := newVolume(t)
	_, reports := follow(t, mounted.file())
	expect(t, reports, "", "does not exist")
	mounted.swap(document("warn"))
	expect(t, reports, "warn", "")
}

func TestWatcherFollowsAPlainFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), livesettings.FileName)
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(path+".new", []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	write(document("debug"))
	_, reports := follow(t, path)
	expect(t, reports, "debug", "")
	write(document("error"))
	expect(t, reports, "error", "")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	expect(t, reports, "error", "does not exist")
	write(document("error"))
	expect(t, reports, "error", "")
}

func TestLoadActsOnTheSameContentOnce(t *testing.T) {
	mounted := newVolume(t)
	registry := newRegistry(t)
	changes := 0
	watcher := livesettings.Watcher{Path: mounted.file(), Registry: registry, Changed: func(livesettings.Report) { changes++ }}
	steps := []struct {
		content string
		changes int
	}{{"", 1}, {"", 1}, {`{`, 2}, {`{`, 2}, {document("warn"), 3}, {document("warn"), 3}, {" " + document("warn"), 3}}
	for i, step := range steps {
		if step.content != "" {
			mounted.swap(step.content)
		}
		watcher.Load()
		if changes != step.changes {
			t.Fatalf("step %d: %d changes, want %d", i, changes, step.changes)
		}
	}
}
