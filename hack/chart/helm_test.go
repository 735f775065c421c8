// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"log/slog"
	"testing"

	action3 "helm.sh/helm/v3/pkg/action"
	loader3 "helm.sh/helm/v3/pkg/chart/loader"
	chartutil3 "helm.sh/helm/v3/pkg/chartutil"
	action4 "helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	loader4 "helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/kube"
	release4 "helm.sh/helm/v4/pkg/release/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
)

const (
	configFolder = "../../config"
	chartFolder  = "../../config/charts/goservice-operator"
	kubernetes   = "v1.30.0" // the oldest that the chart admits
)

type values = map[string]any

// request is what a person types after helm.
type request struct {
	chart, release, namespace     string
	values                        values
	takeOwnership, forceConflicts bool
}

// helm is a major version of Helm. cluster is nil for what needs none.
type helm interface {
	lint(chart string, values values) []error
	template(request) (manifest, notes string, err error)
	install(genericclioptions.RESTClientGetter, request) error
	upgrade(genericclioptions.RESTClientGetter, request) error
	rollback(cluster genericclioptions.RESTClientGetter, namespace, release string, revision int) error
	uninstall(cluster genericclioptions.RESTClientGetter, namespace, release string) error
}

// withEachHelm runs a test with every major version that people use.
func withEachHelm(t *testing.T, test func(t *testing.T, helm helm)) {
	t.Run("helm3", func(t *testing.T) { test(t, helm3{}) })
	t.Run("helm4", func(t *testing.T) { test(t, helm4{}) })
}

type helm3 struct{}

func (helm3) lint(chart string, values values) []error {
	lint := action3.NewLint()
	lint.Strict = true
	lint.KubeVersion, _ = chartutil3.ParseKubeVersion(kubernetes)
	return lint.Run([]string{chart}, values).Errors
}

func (helm3) template(r request) (string, string, error) {
	chart, err := loader3.Load(r.chart)
	if err != nil {
		return "", "", err
	}
	install := action3.NewInstall(&action3.Configuration{Log: func(string, ...any) {}})
	install.ClientOnly, install.DryRun, install.Replace = true, true, true
	install.KubeVersion, _ = chartutil3.ParseKubeVersion(kubernetes)
	install.ReleaseName, install.Namespace = r.release, r.namespace
	release, err := install.Run(chart, r.values)
	if err != nil {
		return "", "", err
	}
	return release.Manifest, release.Info.Notes, nil
}

func (helm3) configuration(cluster genericclioptions.RESTClientGetter, namespace string) (*action3.Configuration, error) {
	configuration := new(action3.Configuration)
	return configuration, configuration.Init(cluster, namespace, "secret", func(string, ...any) {})
}

func (h helm3) install(cluster genericclioptions.RESTClientGetter, r request) error {
	configuration, err := h.configuration(cluster, r.namespace)
	if err != nil {
		return err
	}
	chart, err := loader3.Load(r.chart)
	if err != nil {
		return err
	}
	install := action3.NewInstall(configuration)
	install.ReleaseName, install.Namespace, install.CreateNamespace, install.TakeOwnership = r.release, r.namespace, true, r.takeOwnership
	_, err = install.Run(chart, r.values)
	return err
}

func (h helm3) upgrade(cluster genericclioptions.RESTClientGetter, r request) error {
	configuration, err := h.configuration(cluster, r.namespace)
	if err != nil {
		return err
	}
	chart, err := loader3.Load(r.chart)
	if err != nil {
		return err
	}
	upgrade := action3.NewUpgrade(configuration)
	upgrade.Namespace, upgrade.TakeOwnership = r.namespace, r.takeOwnership
	_, err = upgrade.Run(r.release, chart, r.values)
	return err
}

func (h helm3) rollback(cluster genericclioptions.RESTClientGetter, namespace, release string, revision int) error {
	configuration, err := h.configuration(cluster, namespace)
	if err != nil {
		return err
	}
	rollback := action3.NewRollback(configuration)
	rollback.Version = revision
	return rollback.Run(release)
}

func (h helm3) uninstall(cluster genericclioptions.RESTClientGetter, namespace, release string) error {
	configuration, err := h.configuration(cluster, namespace)
	if err != nil {
		return err
	}
	_, err = action3.NewUninstall(configuration).Run(release)
	return err
}

type helm4 struct{}

func (helm4) lint(chart string, values values) []error {
	lint := action4.NewLint()
	lint.Strict = true
	lint.KubeVersion, _ = common.ParseKubeVersion(kubernetes)
	return lint.Run([]string{chart}, values).Errors
}

func (helm4) template(r request) (string, string, error) {
	chart, err := loader4.Load(r.chart)
	if err != nil {
		return "", "", err
	}
	install := action4.NewInstall(action4.NewConfiguration(action4.ConfigurationSetLogger(slog.DiscardHandler)))
	install.DryRunStrategy, install.Replace = action4.DryRunClient, true
	install.KubeVersion, _ = common.ParseKubeVersion(kubernetes)
	install.ReleaseName, install.Namespace = r.release, r.namespace
	released, err := install.Run(chart, r.values)
	if err != nil {
		return "", "", err
	}
	release := released.(*release4.Release)
	return release.Manifest, release.Info.Notes, nil
}

func (helm4) configuration(cluster genericclioptions.RESTClientGetter, namespace string) (*action4.Configuration, error) {
	configuration := action4.NewConfiguration(action4.ConfigurationSetLogger(slog.DiscardHandler))
	return configuration, configuration.Init(cluster, namespace, "secret")
}

func (h helm4) install(cluster genericclioptions.RESTClientGetter, r request) error {
	configuration, err := h.configuration(cluster, r.namespace)
	if err != nil {
		return err
	}
	chart, err := loader4.Load(r.chart)
	if err != nil {
		return err
	}
	install := action4.NewInstall(configuration)
	install.WaitStrategy = kube.HookOnlyStrategy
	install.ReleaseName, install.Namespace, install.CreateNamespace = r.release, r.namespace, true
	install.TakeOwnership, install.ForceConflicts = r.takeOwnership, r.forceConflicts
	_, err = install.Run(chart, r.values)
	return err
}

func (h helm4) upgrade(cluster genericclioptions.RESTClientGetter, r request) error {
	configuration, err := h.configuration(cluster, r.namespace)
	if err != nil {
		return err
	}
	chart, err := loader4.Load(r.chart)
	if err != nil {
		return err
	}
	upgrade := action4.NewUpgrade(configuration)
	upgrade.WaitStrategy = kube.HookOnlyStrategy
	upgrade.Namespace, upgrade.TakeOwnership, upgrade.ForceConflicts = r.namespace, r.takeOwnership, r.forceConflicts
	_, err = upgrade.Run(r.release, chart, r.values)
	return err
}

func (h helm4) rollback(cluster genericclioptions.RESTClientGetter, namespace, release string, revision int) error {
	configuration, err := h.configuration(cluster, namespace)
	if err != nil {
		return err
	}
	rollback := action4.NewRollback(configuration)
	rollback.WaitStrategy, rollback.Version = kube.HookOnlyStrategy, revision
	return rollback.Run(release)
}

func (h helm4) uninstall(cluster genericclioptions.RESTClientGetter, namespace, release string) error {
	configuration, err := h.configuration(cluster, namespace)
	if err != nil {
		return err
	}
	uninstall := action4.NewUninstall(configuration)
	uninstall.WaitStrategy = kube.HookOnlyStrategy
	_, err = uninstall.Run(release)
	return err
}
