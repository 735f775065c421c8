// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package journey goes the way of somebody who tries the operator: by the chart and the plugin, on a real cluster, with real pods under load.
// hack/journey.sh runs it.
package journey
