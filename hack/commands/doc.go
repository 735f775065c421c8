// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package commands finds the command lines that the documentation shows. Its tests hold each of them to the program that it names, run those for
// which an API server is enough, and know which test runs each other one, or why none does. It is a module of its own, so that nobody gets kubectl's
// libraries who does not test the documentation.
package commands
