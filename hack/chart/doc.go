// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command chart writes the templates of the Helm chart, config/charts/goservice-operator, from what kustomize makes of config/. Nothing of
// an object is written twice: config/ says what the operator needs, edits.go which parts of that a value replaces, and everything else is
// copied as it is. What has no counterpart in config/ is written by hand in the chart's folder: Chart.yaml, values.yaml and its schema,
// _helpers.tpl, and NOTES.txt.
//
// The tests compare what Helm 3 and Helm 4 render with kustomize's output; those with the build tag cluster install it with both
// (make test-chart). The module is one of its own for the libraries that they need.
package main
