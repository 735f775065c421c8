// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package sim is a discrete-event simulation of one service in a cluster: requests that queue for the cores of pods, pods that
// take time to start, and the autoscaler that is to be judged. The operator is simulated by its own code, plan and tuner, not
// by a model of it; that is why the package lives beside them, where Go lets it import both. The same seed gives the same
// result.
package sim
