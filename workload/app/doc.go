// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package app holds the use cases of the bundled workload and the ports that they need. It is plain Go: no HTTP, no
// metrics, no adapter may enter, so that a use case is tested by calling it and kept whatever carries it.
package app
