// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	loader3 "helm.sh/helm/v3/pkg/chart/loader"
	chartutil3 "helm.sh/helm/v3/pkg/chartutil"
	engine3 "helm.sh/helm/v3/pkg/engine"
	lint3 "helm.sh/helm/v3/pkg/lint"
	support3 "helm.sh/helm/v3/pkg/lint/support"
	"helm.sh/helm/v4/pkg/chart/common"
	commonutil4 "helm.sh/helm/v4/pkg/chart/common/util"
	lint4 "helm.sh/helm/v4/pkg/chart/v2/lint"
	support4 "helm.sh/helm/v4/pkg/chart/v2/lint/support"
	loader4 "helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil4 "helm.sh/helm/v4/pkg/chart/v2/util"
	engine4 "helm.sh/helm/v4/pkg/engine"
)

const (
	configFolder = "../../config"
	chartFolder  = "../../config/charts/goservice-operator"
	kubernetes   = "v1.30.0" // the oldest that the chart admits
)

type values = map[string]any

// request is what a person types after helm.
type request struct {
	chart, release, namespace string
	values                    values
}

// helm is a major version of Helm: what it does without a cluster. Its parts are used here, and the commands as a whole in tests with the
// build tag cluster, because these compile for minutes.
type helm interface {
	// lint returns what is wrong for helm lint --strict.
	lint(chart string, values values) []error
	// template validates the values and renders, as helm template does.
	template(request) (manifest, notes string, err error)
}

// withEachHelm runs a test with every major version that people use.
func withEachHelm(t *testing.T, test func(t *testing.T, helm helm)) {
	t.Run("helm3", func(t *testing.T) { test(t, helm3{}) })
	t.Run("helm4", func(t *testing.T) { test(t, helm4{}) })
}

type helm3 struct{}

func (helm3) lint(chart string, values values) []error {
	version, err := chartutil3.ParseKubeVersion(kubernetes)
	if err != nil {
		return []error{err}
	}
	var found []error
	for _, message := range lint3.AllWithKubeVersion(chart, values, "default", version).Messages {
		if message.Severity >= support3.WarningSev {
			found = append(found, message.Err)
		}
	}
	return found
}

func (helm3) template(r request) (string, string, error) {
	chart, err := loader3.Load(r.chart)
	if err != nil {
		return "", "", err
	}
	if err := chartutil3.ProcessDependencies(chart, r.values); err != nil {
		return "", "", err
	}
	options := chartutil3.ReleaseOptions{Name: r.release, Namespace: r.namespace, Revision: 1, IsInstall: true}
	given, err := chartutil3.ToRenderValues(chart, r.values, options, chartutil3.DefaultCapabilities.Copy())
	if err != nil {
		return "", "", err
	}
	files, err := engine3.Render(chart, given)
	if err != nil {
		return "", "", err
	}
	manifest, notes := split(files)
	return manifest, notes, nil
}

type helm4 struct{}

func (helm4) lint(chart string, values values) []error {
	version, err := common.ParseKubeVersion(kubernetes)
	if err != nil {
		return []error{err}
	}
	var found []error
	for _, message := range lint4.RunAll(chart, values, "default", lint4.WithKubeVersion(version)).Messages {
		if message.Severity >= support4.WarningSev {
			found = append(found, message.Err)
		}
	}
	return found
}

func (helm4) template(r request) (string, string, error) {
	chart, err := loader4.Load(r.chart)
	if err != nil {
		return "", "", err
	}
	if err := chartutil4.ProcessDependencies(chart, r.values); err != nil {
		return "", "", err
	}
	options := common.ReleaseOptions{Name: r.release, Namespace: r.namespace, Revision: 1, IsInstall: true}
	given, err := commonutil4.ToRenderValues(chart, r.values, options, common.DefaultCapabilities.Copy())
	if err != nil {
		return "", "", err
	}
	files, err := engine4.Render(chart, given)
	if err != nil {
		return "", "", err
	}
	manifest, notes := split(files)
	return manifest, notes, nil
}

// split puts rendered files together, all but the notes.
func split(files map[string]string) (manifest, notes string) {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		switch {
		case path.Base(name) == "NOTES.txt":
			notes = files[name]
		case strings.TrimSpace(files[name]) != "":
			fmt.Fprintf(&text, "\n---\n%s", files[name])
		}
	}
	return text.String(), notes
}
