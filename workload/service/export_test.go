// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

// Unlink ends all links with other pods at once, as the end of the process does.
func (s *Service) Unlink() { s.endSharing() }

// FailuresHere is the share of requests that failed in this pod, as its neighbors judge it.
func (s *Service) FailuresHere() float64 { return s.broker.Failures() }
