//go:build cluster

// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"log/slog"
	"testing"

	action3 "helm.sh/helm/v3/pkg/action"
	loader3 "helm.sh/helm/v3/pkg/chart/loader"
	action4 "helm.sh/helm/v4/pkg/action"
	loader4 "helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/kube"
	"k8s.io/cli-runtime/pkg/genericclioptions"
)

// change is a request with the flags of install and upgrade.
type change struct {
	request
	takeOwnership, forceConflicts bool
}

// installer is Helm with a cluster: the commands as a person runs them.
type installer interface {
	helm
	install(genericclioptions.RESTClientGetter, change) error
	upgrade(genericclioptions.RESTClientGetter, change) error
	rollback(cluster genericclioptions.RESTClientGetter, namespace, release string, revision int) error
	uninstall(cluster genericclioptions.RESTClientGetter, namespace, release string) error
}

func withEachInstaller(t *testing.T, test func(t *testing.T, helm installer)) {
	t.Run("helm3", func(t *testing.T) { test(t, installer3{}) })
	t.Run("helm4", func(t *testing.T) { test(t, installer4{}) })
}

type installer3 struct{ helm3 }

func (installer3) configuration(cluster genericclioptions.RESTClientGetter, namespace string) (*action3.Configuration, error) {
	configuration := new(action3.Configuration)
	return configuration, configuration.Init(cluster, namespace, "secret", func(string, ...any) {})
}

func (h installer3) install(cluster genericclioptions.RESTClientGetter, r change) error {
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

func (h installer3) upgrade(cluster genericclioptions.RESTClientGetter, r change) error {
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

func (h installer3) rollback(cluster genericclioptions.RESTClientGetter, namespace, release string, revision int) error {
	configuration, err := h.configuration(cluster, namespace)
	if err != nil {
		return err
	}
	rollback := action3.NewRollback(configuration)
	rollback.Version = revision
	return rollback.Run(release)
}

func (h installer3) uninstall(cluster genericclioptions.RESTClientGetter, namespace, release string) error {
	configuration, err := h.configuration(cluster, namespace)
	if err != nil {
		return err
	}
	_, err = action3.NewUninstall(configuration).Run(release)
	return err
}

type installer4 struct{ helm4 }

func (installer4) configuration(cluster genericclioptions.RESTClientGetter, namespace string) (*action4.Configuration, error) {
	configuration := action4.NewConfiguration(action4.ConfigurationSetLogger(slog.DiscardHandler))
	return configuration, configuration.Init(cluster, namespace, "secret")
}

func (h installer4) install(cluster genericclioptions.RESTClientGetter, r change) error {
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

func (h installer4) upgrade(cluster genericclioptions.RESTClientGetter, r change) error {
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

func (h installer4) rollback(cluster genericclioptions.RESTClientGetter, namespace, release string, revision int) error {
	configuration, err := h.configuration(cluster, namespace)
	if err != nil {
		return err
	}
	rollback := action4.NewRollback(configuration)
	rollback.WaitStrategy, rollback.Version = kube.HookOnlyStrategy, revision
	return rollback.Run(release)
}

func (h installer4) uninstall(cluster genericclioptions.RESTClientGetter, namespace, release string) error {
	configuration, err := h.configuration(cluster, namespace)
	if err != nil {
		return err
	}
	uninstall := action4.NewUninstall(configuration)
	uninstall.WaitStrategy = kube.HookOnlyStrategy
	_, err = uninstall.Run(release)
	return err
}
