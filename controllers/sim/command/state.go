// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"

	"goservice.dev/operator/controllers/sim"
)

// state keeps results in a file of one JSON object a line. Only what the same program found with the same service, loads and contenders
// counts; the file may hold more.
type state struct {
	mutex   sync.Mutex
	file    *os.File // nil: nothing is kept
	program string
	done    map[place]sim.Result
	failed  error
}

type place struct {
	scenario, contender string
	seed                uint64
}

type line struct {
	Program string
	Result  sim.Result
}

// openState reads what the file holds, and goes on at its end.
func openState(o options) (*state, error) {
	s := &state{done: map[place]sim.Result{}}
	if o.state == "" {
		return s, nil
	}
	var err error
	if s.program, err = program(o); err != nil {
		return nil, err
	}
	if s.file, err = os.OpenFile(o.state, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return nil, err
	}
	rows, end := bufio.NewReader(s.file), int64(0)
	for {
		text, err := rows.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break // what was cut off within a line is written again
		}
		var l line
		if err == nil {
			err = json.Unmarshal(text, &l)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s at byte %d: %w", o.state, end, err), s.file.Close())
		}
		end += int64(len(text))
		if l.Program == s.program {
			s.done[placeOf(l.Result)] = l.Result
		}
	}
	_, err = s.file.Seek(end, io.SeekStart)
	return s, errors.Join(err, s.file.Truncate(end))
}

// program identifies what simulates: the executable, what flags say of service and loads, and the traces themselves.
func program(o options) (string, error) {
	digest, err := HashProgram()
	if err != nil {
		return "", err
	}
	fmt.Fprintf(digest, "%+v %v %v\n", o.service, o.base, o.heldOut != "")
	if o.traces == "" {
		return fmt.Sprintf("%.8x", digest.Sum(nil)), nil
	}
	names, err := tracesOf(o)
	if err != nil {
		return "", err
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(digest, "%q %d\n", filepath.Base(name), len(text))
		digest.Write(text)
	}
	return fmt.Sprintf("%.8x", digest.Sum(nil)), nil
}

// HashProgram begins a hash with the running executable, and so with all code that measures, judges, and simulates in it. An error says
// that the executable cannot be read.
func HashProgram() (hash.Hash, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	begun := sha256.New()
	if _, err := io.Copy(begun, file); err != nil {
		return nil, fmt.Errorf("reading this program: %w", err)
	}
	return begun, nil
}

func placeOf(r sim.Result) place { return place{r.Scenario, r.Contender, r.Seed} }

func (s *state) find(scenario, contender string, seed uint64) (sim.Result, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	r, known := s.done[place{scenario, contender, seed}]
	return r, known
}

func (s *state) keep(r sim.Result) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if _, known := s.done[placeOf(r)]; known || s.file == nil {
		return
	}
	s.done[placeOf(r)] = r
	text, err := json.Marshal(line{s.program, r})
	if err == nil {
		_, err = s.file.Write(append(text, '\n'))
	}
	s.failed = errors.Join(s.failed, err)
}

// err is what went wrong while results were kept.
func (s *state) err() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.failed
}

func (s *state) close() {
	if s.file != nil {
		_ = s.file.Close() // each line is written as a whole
	}
}
