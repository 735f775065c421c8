// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command argocd writes config/argocd/argocd-cm.yaml, which tells Argo CD the health of a GoService and what can be done with one, from the Lua in
// config/argocd/resource_customizations. That folder has the layout of Argo CD's own, tests included. The tests here run the Lua as Argo CD does,
// over states that the operator writes. The module is one of its own for the libraries that they need.
package main
