// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package livesettings

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/google/go-cmp/cmp"
)

// followed is a Watcher on a directory whose events the test makes, under simulated time.
type followed struct {
	t       *testing.T
	path    string
	events  chan fsnotify.Event
	errors  chan error
	mu      sync.Mutex // over what the Watcher tells
	changes []string
	// degraded are errors with the time since the start at which they were told; told holds them, too.
	degraded []string
	told     chan string
	started  time.Time
}

func (f *followed) write(level string) {
	f.t.Helper()
	if err := os.WriteFile(f.path, []byte(`{"version":1,"logLevel":"`+level+`"}`), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *followed) elapsed() string { return time.Since(f.started).String() }

// following calls test while a Watcher follows a file whose level is debug at first.
func following(t *testing.T, test func(f *followed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &followed{
			t: t, path: filepath.Join(t.TempDir(), FileName), started: time.Now(),
			events: make(chan fsnotify.Event), errors: make(chan error), told: make(chan string, 16),
		}
		registry, err := NewRegistry(Document{Version: Version}, "")
		if err != nil {
			t.Fatal(err)
		}
		w := &Watcher{
			Path: f.path, Registry: registry,
			Changed: func(r Report) {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.changes = append(f.changes, f.elapsed()+" "+r.Document.LogLevel)
			},
		}
		watch := &directoryWatch{
			directory: filepath.Dir(f.path), added: true, events: f.events, errors: f.errors,
			degraded: func(err error) {
				text := f.elapsed() + " " + err.Error()
				f.mu.Lock()
				defer f.mu.Unlock()
				f.degraded = append(f.degraded, text)
				f.told <- text
			},
		}
		defer watch.close()
		f.write("debug")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.follow(ctx, watch)
		}()
		test(f)
		cancel()
		<-done
	})
}

func (f *followed) expect(changes ...string) {
	f.t.Helper()
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	if diff := cmp.Diff(changes, f.changes); diff != "" {
		f.t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestTheEventsOfOneChangeCauseOneRead(t *testing.T) {
	following(t, func(f *followed) {
		f.expect("0s debug")
		f.events <- fsnotify.Event{Name: f.path, Op: fsnotify.Create}
		time.Sleep(settleTime / 2)
		f.events <- fsnotify.Event{Name: f.path, Op: fsnotify.Write}
		f.write("warn")
		time.Sleep(settleTime / 2)
		f.expect("0s debug", "2ms warn")
		f.write("error")
		f.events <- fsnotify.Event{Name: f.path, Op: fsnotify.Write}
		time.Sleep(settleTime)
		f.expect("0s debug", "2ms warn", "4ms error")
	})
}

func TestAMissedEventIsFoundByReadingNowAndThen(t *testing.T) {
	following(t, func(f *followed) {
		f.expect("0s debug")
		f.write("warn")
		time.Sleep(watchedPoll - 1)
		f.expect("0s debug")
		time.Sleep(time.Nanosecond)
		f.expect("0s debug", "10s warn")
		f.write("error")
		time.Sleep(watchedPoll)
		f.expect("0s debug", "10s warn", "20s error")
	})
}

func TestErrorsOfAWatchAreToldOnceAndFollowedByARead(t *testing.T) {
	following(t, func(f *followed) {
		synctest.Wait()
		directory := filepath.Dir(f.path)
		f.write("warn")
		f.errors <- fsnotify.ErrEventOverflow // what was missed is found by reading: nobody has to know
		time.Sleep(settleTime)
		synctest.Wait()
		f.write("error")
		f.errors <- errors.New("broken")
		time.Sleep(settleTime)
		synctest.Wait()
		f.errors <- errors.New("broken")
		f.errors <- errors.New("still broken")
		f.expect("0s debug", "2ms warn", "4ms error")
		time.Sleep(watchedPoll) // a watch that works is trusted again
		f.errors <- errors.New("still broken")
		synctest.Wait()
		want := []string{
			"2ms watching " + directory + ": broken", "4ms watching " + directory + ": still broken",
			"10.004s watching " + directory + ": still broken",
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if diff := cmp.Diff(want, f.degraded); diff != "" {
			t.Errorf("errors (-want +got):\n%s", diff)
		}
	})
}

// A directory that is gone is looked for at once, not at the next poll of a watch that works.
func TestALostDirectoryIsLookedForAtOnce(t *testing.T) {
	following(t, func(f *followed) {
		f.expect("0s debug")
		directory := filepath.Dir(f.path)
		if err := os.RemoveAll(directory); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		f.events <- fsnotify.Event{Name: directory, Op: fsnotify.Remove}
		// From here on there is a watch of the real kind, with which simulated time stands still.
		if got, want := <-f.told, "1s watching "+directory+": no such file or directory"; got != want {
			t.Errorf("error %q, want %q", got, want)
		}
	})
}

func TestWhatLosesAWatch(t *testing.T) {
	directory := t.TempDir()
	cases := map[string]struct {
		event fsnotify.Event
		lost  bool
	}{
		"the directory is removed":       {fsnotify.Event{Name: directory, Op: fsnotify.Remove}, true},
		"the directory is renamed":       {fsnotify.Event{Name: directory, Op: fsnotify.Rename}, true},
		"the directory's mode changes":   {fsnotify.Event{Name: directory, Op: fsnotify.Chmod}, false},
		"a file in it is removed":        {fsnotify.Event{Name: filepath.Join(directory, FileName), Op: fsnotify.Remove}, false},
		"a file in it is renamed":        {fsnotify.Event{Name: filepath.Join(directory, FileName), Op: fsnotify.Rename}, false},
		"a link in it is made, as usual": {fsnotify.Event{Name: filepath.Join(directory, "..data"), Op: fsnotify.Create}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			watch := &directoryWatch{directory: directory}
			defer watch.close()
			if pause := watch.ensure(); pause != watchedPoll || !watch.added {
				t.Fatalf("the watch is not added; next look in %s", pause)
			}
			if lost := watch.lost(c.event); lost != c.lost || watch.added == c.lost {
				t.Errorf("lost %t, added %t; want %t", lost, watch.added, c.lost)
			}
			// A directory that was renamed is not watched under its new name.
			if watched := len(watch.watcher.WatchList()) == 1; watched == c.event.Has(fsnotify.Rename) && c.lost {
				t.Errorf("still watched: %t", watched)
			}
		})
	}
}

func TestAWatchThatCannotBeHad(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "later")
	var told []string
	watch := &directoryWatch{directory: directory, degraded: func(err error) { told = append(told, err.Error()) }}
	for range 3 {
		if pause := watch.ensure(); pause != unwatchedPoll || watch.added {
			t.Errorf("without the directory: next look in %s, added %t", pause, watch.added)
		}
	}
	if len(told) != 1 || !strings.HasPrefix(told[0], "watching "+directory+": ") {
		t.Errorf("told %q, want one error", told)
	}
	if err := os.Mkdir(directory, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if pause := watch.ensure(); pause != watchedPoll || !watch.added {
			t.Errorf("with the directory: next look in %s, added %t", pause, watch.added)
		}
	}
	if list := watch.watcher.WatchList(); len(list) != 1 || list[0] != directory {
		t.Errorf("watched are %q", list)
	}
	watch.close()
	if err := watch.watcher.Add(directory); !errors.Is(err, fsnotify.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
	(&directoryWatch{}).close() // nothing to close yet
}

func TestFilesThatCannotBeRead(t *testing.T) {
	directory := t.TempDir()
	file := filepath.Join(directory, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		directory:                     "live settings file: read " + directory + ": is a directory",
		filepath.Join(file, "inside"): "live settings file: open " + filepath.Join(file, "inside") + ": not a directory",
	} {
		registry, err := NewRegistry(Document{Version: Version}, "")
		if err != nil {
			t.Fatal(err)
		}
		(&Watcher{Path: path, Registry: registry}).Load()
		if got := registry.Report().Error; got != want {
			t.Errorf("error %q, want %q", got, want)
		}
	}
}

func TestTextsAreCutToWholeCharacters(t *testing.T) {
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{{"", 5, ""}, {"abcde", 5, "abcde"}, {"abcdef", 5, "ab…"}, {"aéé", 5, "aéé"}, {"aééa", 5, "a…"}, {"ééé", 5, "é…"}, {"abcd", 3, "…"}} {
		if got := cut(c.text, c.limit); got != c.want {
			t.Errorf("%q in %d bytes: %q, want %q", c.text, c.limit, got, c.want)
		}
	}
}
