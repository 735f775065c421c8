// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command bundle writes the operator as a bundle for the Operator Lifecycle Manager: a ClusterServiceVersion, the objects beside it, and the
// bundle's metadata. Everything comes from the manifest of an installation (install.yaml) and the samples, so that nothing of an object is
// written twice; an object that has no place in a bundle is an error.
//
// The tests check what Operator Framework's scorecard checks; those with the build tag olm also ask its own validators (make test-bundle).
package main
