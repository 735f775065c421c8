// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package livesettings

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settleTime gathers the events of one change: a swap by the kubelet makes several, a plain write at least two.
	settleTime = 2 * time.Millisecond
	// watchedPoll is the safety net under a working watch.
	watchedPoll = 10 * time.Second
	// unwatchedPoll replaces a watch that cannot be had: no directory yet, or no inotify instances left on the node.
	unwatchedPoll = time.Second
)

// Watcher keeps a Registry on the content of a file. A file that is missing, unreadable or invalid is rejected, and the
// last good document stays in force.
//
// It watches the file's directory and not the file: a mounted ConfigMap is updated by an atomic swap of the symbolic link
// ..data, after which a watch on the file itself would be dead.
type Watcher struct {
	// Path of the file.
	Path string
	// Registry to apply documents to.
	Registry *Registry
	// Changed, if set, is called after each new outcome with what is in force then.
	Changed func(Report)
	// Degraded, if set, is called when the directory cannot be watched and the file is polled each second instead.
	Degraded func(error)

	seen    [sha256.Size]byte
	failure string
}

// Load reads the file once and applies or rejects it. The same content, and the same failure to read, are acted on once.
// Load must not run at the same time as Run.
func (w *Watcher) Load() {
	data, err := w.read()
	if err != nil {
		if err.Error() != w.failure {
			w.failure, w.seen = err.Error(), [sha256.Size]byte{}
			w.reject(err)
		}
		return
	}
	sum := sha256.Sum256(data)
	if sum == w.seen && w.failure == "" {
		return
	}
	w.seen, w.failure = sum, ""
	document, err := Parse(data)
	if err != nil {
		w.reject(err)
		return
	}
	failedBefore := w.Registry.Report().Error != ""
	changed, err := w.Registry.Apply(document)
	if err != nil {
		w.reject(err)
		return
	}
	if (changed || failedBefore) && w.Changed != nil {
		w.Changed(w.Registry.Report())
	}
}

func (w *Watcher) reject(err error) {
	w.Registry.Reject(err)
	if w.Changed != nil {
		w.Changed(w.Registry.Report())
	}
}

func (w *Watcher) read() ([]byte, error) {
	file, err := os.Open(w.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("live settings file %s does not exist; revision %s stays in force", w.Path, w.Registry.Report().Revision)
	}
	if err != nil {
		return nil, fmt.Errorf("live settings file: %w", err)
	}
	defer file.Close()
	// One byte more than allowed, so that Parse sees that it is too long.
	data, err := io.ReadAll(io.LimitReader(file, MaxDocumentBytes+1))
	if err != nil {
		return nil, fmt.Errorf("live settings file: %w", err)
	}
	return data, nil
}

// Run follows the file until ctx ends. It loads the file first, so that no change is missed between a Load and the watch.
func (w *Watcher) Run(ctx context.Context) {
	watch := &directoryWatch{directory: filepath.Dir(w.Path), degraded: w.Degraded}
	defer watch.close()
	w.follow(ctx, watch)
}

func (w *Watcher) follow(ctx context.Context, watch *directoryWatch) {
	poll := time.NewTimer(0) // the first poll adds the watch and loads the file
	defer poll.Stop()
	var settled <-chan time.Time // set from the first event of a change until it is read
	settle := func() {
		if settled == nil {
			settled = time.After(settleTime)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-watch.events:
			if watch.lost(event) {
				poll.Reset(0)
			}
			settle()
		case err := <-watch.errors:
			// An overflow of the event queue is the usual one: what was missed is found by reading.
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				watch.fail(err)
			}
			settle()
		case <-settled:
			settled = nil
			w.Load()
		case <-poll.C:
			poll.Reset(watch.ensure())
			w.Load()
		}
	}
}

// directoryWatch is an fsnotify watch on one directory that may be lost and come back.
type directoryWatch struct {
	directory string
	watcher   *fsnotify.Watcher
	events    chan fsnotify.Event
	errors    chan error
	added     bool
	failure   string
	degraded  func(error)
}

// ensure adds the watch where it is missing and returns when to look again.
func (d *directoryWatch) ensure() time.Duration {
	if err := d.add(); err != nil {
		d.fail(err)
		return unwatchedPoll
	}
	d.failure = ""
	return watchedPoll
}

func (d *directoryWatch) add() error {
	if d.added {
		return nil
	}
	if d.watcher == nil {
		watcher, err := fsnotify.NewWatcher()
		if err != nil {
			return err
		}
		d.watcher, d.events, d.errors = watcher, watcher.Events, watcher.Errors
	}
	if err := d.watcher.Add(d.directory); err != nil {
		return err
	}
	d.added = true
	return nil
}

// lost reports whether the event says that the directory itself is gone.
func (d *directoryWatch) lost(event fsnotify.Event) bool {
	if event.Name != d.directory || !event.Has(fsnotify.Remove|fsnotify.Rename) {
		return false
	}
	if event.Has(fsnotify.Rename) {
		_ = d.watcher.Remove(d.directory) // the watch would follow the directory to its new name
	}
	d.added = false
	return true
}

func (d *directoryWatch) fail(err error) {
	if d.degraded != nil && d.failure != err.Error() {
		d.failure = err.Error()
		d.degraded(fmt.Errorf("watching %s: %w", d.directory, err))
	}
}

func (d *directoryWatch) close() {
	if d.watcher != nil {
		_ = d.watcher.Close()
	}
}
