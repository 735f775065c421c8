// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// state is what has been measured so far, kept in a file where there is one: under which conditions in its first line, and an
// outcome in each other.
type state struct {
	path     string
	outcomes []outcome
}

// conditions are what outcomes must have in common to be compared: the settings, what was deployed, and the program that measured.
func (s settings) conditions(d deployed) string {
	return fmt.Sprintf("%s; %g/s x %g, %s of computing, p%g within %s, %s then %s, %dm CPU, at most %d pods", d, s.rate, s.factor, s.work, s.percentile,
		s.threshold, s.warm, s.hold, s.milliCPU, s.most)
}

// openState reads what is there already.
func openState(s settings, d deployed) (*state, error) {
	st := &state{path: s.state}
	if s.state == "" {
		return st, nil
	}
	content, err := os.ReadFile(s.state)
	if errors.Is(err, fs.ErrNotExist) {
		return st, st.append(s.conditions(d))
	}
	if err != nil {
		return nil, err
	}
	lines := json.NewDecoder(bytes.NewReader(content))
	var conditions string
	if err := lines.Decode(&conditions); err != nil || conditions != s.conditions(d) {
		return nil, fmt.Errorf("%s is of a run under other conditions (%s; now %s): remove it, or give another file", s.state, conditions, s.conditions(d))
	}
	for lines.More() {
		var o outcome
		if err := lines.Decode(&o); err != nil {
			return nil, fmt.Errorf("reading %s: %w", s.state, err)
		}
		st.outcomes = append(st.outcomes, o)
	}
	return st, nil
}

// selected are the outcomes that the settings ask for; the file may hold others, too.
func (st *state) selected(s settings) []outcome {
	return slices.DeleteFunc(slices.Clone(st.outcomes), func(o outcome) bool {
		return o.Run >= s.runs || !slices.ContainsFunc(s.shapes, func(h shape) bool { return h.name == o.Shape }) ||
			!slices.ContainsFunc(s.contenders, func(c contender) bool { return c.name == o.Contender })
	})
}

func (st *state) has(shape, contender string, run int) bool {
	return slices.ContainsFunc(st.outcomes, func(o outcome) bool {
		return o.Shape == shape && o.Contender == contender && o.Run == run
	})
}

// pool that the operator had fitted when the load first began to rise; nil before that.
func (st *state) pool() *pool {
	for i := range st.outcomes {
		if st.outcomes[i].Contender == ours {
			return &st.outcomes[i].Pool
		}
	}
	return nil
}

func (st *state) add(o outcome) error {
	st.outcomes = append(st.outcomes, o)
	if st.path == "" {
		return nil
	}
	return st.append(o)
}

// append a line to the file.
func (st *state) append(line any) error {
	encoded, err := json.Marshal(line)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(st.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(encoded, '\n'))
	return errors.Join(err, file.Close())
}
