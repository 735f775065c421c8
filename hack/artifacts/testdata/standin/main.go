// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Standin is compiled instead of the programs of a release where a test needs only their form.
package main

import "golang.org/x/mod/semver"

var version string // by the linker

func main() { println(version, semver.Canonical("v1")) }
