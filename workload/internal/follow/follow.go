// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package follow keeps what was made of files that may be replaced at any time, such as those of a mounted Secret. Whoever uses it
// looks at them now and then: there is no goroutine, and no watch to lose.
package follow

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Reader reads files and notes what was in them. Times would not do: the files of a mounted Secret are links whose targets are
// replaced, possibly by older ones.
type Reader struct{ sum hash.Hash }

// Read a file. That it cannot be read is noted, too.
func (r *Reader) Read(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	fmt.Fprintf(r.sum, "%q %d %v\n", path, len(content), err) // no two sets of files have the same sum
	r.sum.Write(content)
	return content, err
}

// Files are those that a value is made of. The last value that could be made stays in force.
type Files[T any] struct {
	config Config[T]

	current atomic.Pointer[T]
	next    atomic.Int64 // when to look again, Unix time in nanoseconds

	mu      sync.Mutex
	sum     [sha256.Size]byte
	refused string
}

// Config of Files.
type Config[T any] struct {
	// Every is how often the files are looked at, at most: when Current is called.
	Every time.Duration
	// Load makes a value of what it reads through the Reader.
	Load func(*Reader) (T, error)
	// Use, if set, is told of each value that comes into force, also of the first. One call ends before the next begins.
	Use func(T)
	// Failed, if set, is told when changed files cannot be used: once for the same files and error.
	Failed func(error)
}

// Open makes the first value, or fails with the error of Load.
func Open[T any](config Config[T]) (*Files[T], error) {
	f := &Files[T]{config: config}
	f.mu.Lock()
	defer f.mu.Unlock()
	value, sum, err := f.read()
	if err != nil {
		return nil, err
	}
	f.next.Store(time.Now().Add(config.Every).UnixNano())
	f.use(value, sum)
	return f, nil
}

// Current value.
func (f *Files[T]) Current() T {
	due, now := f.next.Load(), time.Now()
	if now.UnixNano() >= due && f.next.CompareAndSwap(due, now.Add(f.config.Every).UnixNano()) {
		f.Look()
	}
	return *f.current.Load()
}

// Look at the files at once.
func (f *Files[T]) Look() {
	f.mu.Lock()
	defer f.mu.Unlock()
	value, sum, err := f.read()
	if err != nil {
		if refused := string(sum[:]) + err.Error(); refused != f.refused {
			f.refused = refused
			if f.config.Failed != nil {
				f.config.Failed(err)
			}
		}
		return
	}
	f.refused = ""
	if sum != f.sum {
		f.use(value, sum)
	}
}

// use a value from now on. The lock is held.
func (f *Files[T]) use(value T, sum [sha256.Size]byte) {
	f.sum = sum
	f.current.Store(&value)
	if f.config.Use != nil {
		f.config.Use(value)
	}
}

func (f *Files[T]) read() (value T, sum [sha256.Size]byte, err error) {
	r := &Reader{sum: sha256.New()}
	value, err = f.config.Load(r)
	r.sum.Sum(sum[:0])
	return value, sum, err
}
