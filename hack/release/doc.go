// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package release tries what a release hands out, before there is one: the images' binaries from the context that Docker gets,
// and the modules as a module proxy serves them. It holds tests only, and is a module of its own for what these need.
package release
