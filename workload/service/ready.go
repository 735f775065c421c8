// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"errors"
	"fmt"
)

// ErrDraining is the error of Ready from the beginning of the drain on.
var ErrDraining = errors.New("draining")

// takeWhileReady lets this pod take requests of others, and lend them what it has of a limit, until it drains, and unless others may have been
// told that it is not ready: it is called whenever that may have changed.
func (s *Service) takeWhileReady() {
	s.taking.Lock() // the last one to decide has seen the latest state
	defer s.taking.Unlock()
	takes := s.state.Load() == stateReady
	for _, d := range s.dependencies {
		takes = takes && (d.optional || !d.lastingly())
	}
	s.broker.Take(takes)
}

// Ready is what /readyz answers, for protocols with health checks of their own: nil while the service wants traffic, else why it
// does not. It reads the last results of the dependencies' checks and runs none.
func (s *Service) Ready() error {
	switch s.state.Load() {
	case stateStarting:
		return errors.New("starting")
	case stateDraining:
		return ErrDraining
	}
	for _, d := range s.dependencies {
		if !d.optional && d.failing() {
			return fmt.Errorf("not ready: %s", d.line())
		}
	}
	return nil
}
