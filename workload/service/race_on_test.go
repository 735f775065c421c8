// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build race

package service_test

// slowness of a program that the race detector watches.
const slowness = 20
