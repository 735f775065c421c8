// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
)

// state keeps what became of each change in a file, so that a run which is cut off goes on from there.
type state struct {
	mu    sync.Mutex
	file  *os.File
	known map[string]outcome
}

// openState reads what a file holds, and appends to it from then on. Without a name nothing is kept.
func openState(name string) (*state, error) {
	s := &state{known: map[string]outcome{}}
	if name == "" {
		return s, nil
	}
	content, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	for line := range strings.Lines(string(content)) {
		// The end of a line that was cut off is missing, and so is what it says.
		if parts := strings.SplitN(line, " ", 3); len(parts) == 3 && strings.HasSuffix(line, "\n") {
			s.known[parts[0]+" "+strings.TrimSpace(parts[2])] = outcome(parts[1])
		}
	}
	s.file, err = os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil && len(content) > 0 && content[len(content)-1] != '\n' {
		_, err = s.file.WriteString("\n")
	}
	return s, err
}

func (s *state) of(inputs, key string) (outcome, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	result, known := s.known[inputs+" "+key]
	return result, known
}

func (s *state) keep(inputs, key string, result outcome) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[inputs+" "+key] = result
	if s.file == nil {
		return nil
	}
	_, err := fmt.Fprintf(s.file, "%s %s %s\n", inputs, result, key)
	return err
}

func (s *state) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
