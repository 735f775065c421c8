// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package alerts holds no code but tests: they run the rules that the operator makes, its own rules and the queries of the
// dashboards in Prometheus's own rule engine, over simulated traffic and simulated time, and over what a running service serves. It
// is a module of its own, so that the operator does not depend on Prometheus.
//
// The rules are the golden files in testdata, which the tests of controllers/internal/build keep equal to what is built. The list of the
// operator's metrics is one, too, which a test of controllers keeps equal to what a manager serves.
package alerts
