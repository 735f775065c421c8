// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package policy holds no code but tests: they run kube-score, with its optional checks, over the operator's manifests, its Helm chart, and what the
// operator makes for GoServices, and compare what it says with the answers in docs/policy-check.md. It is a module of its own because kube-score does
// not compile with the versions of Kubernetes' modules that the operator and Helm use.
package policy
