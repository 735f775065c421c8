//go:build cluster

// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
)

// patience is far longer than an API server takes.
const patience = 2 * time.Minute

func TestMain(m *testing.M) {
	ctrllog.SetLogger(logr.Discard()) // warnings of the API server
	code := m.Run()
	if started != nil {
		os.Remove(kubeconfig)
		if err := started.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stopping the API server:", err)
		}
	}
	os.Exit(code)
}

// started is the API server of all tests that need one, and kubeconfig the file that Helm finds it by.
var (
	started    *envtest.Environment
	kubeconfig string
)

var apiServer = sync.OnceValue(func() error {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return errors.New("set KUBEBUILDER_ASSETS to the folder of etcd and kube-apiserver, as in KUBEBUILDER_ASSETS=$(hack/cluster/envtest.sh) go test .")
	}
	environment := &envtest.Environment{ControlPlaneStartTimeout: patience}
	if _, err := environment.Start(); err != nil {
		return err
	}
	started = environment
	file, err := os.CreateTemp("", "kubeconfig-*")
	if err != nil {
		return err
	}
	if _, err := file.Write(environment.KubeConfig); err != nil {
		return err
	}
	kubeconfig = file.Name()
	return file.Close()
})

// cluster is a real API server without controllers or kubelets: objects are stored, validated, and deleted, but no pod runs.
type cluster struct {
	*testing.T
	client.Client
	helm      installer
	namespace string
}

var clusters int

// onACluster runs a test with every Helm, in a namespace of its own. Nothing of the chart is left for the next one.
func onACluster(t *testing.T, test func(c *cluster)) {
	withEachInstaller(t, func(t *testing.T, helm installer) {
		if err := apiServer(); err != nil {
			t.Fatal(err)
		}
		api, err := client.New(started.Config, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		clusters++
		c := &cluster{t, api, helm, fmt.Sprintf("test-%d", clusters)}
		t.Cleanup(c.clear)
		test(c)
	})
}

func (c *cluster) getter() genericclioptions.RESTClientGetter {
	flags := genericclioptions.NewConfigFlags(false)
	flags.KubeConfig, flags.Namespace = &kubeconfig, &c.namespace
	return flags
}

// request is one for the chart as it is checked in.
func (c *cluster) request(release string, values values) change {
	return change{request: request{chart: chartFolder, release: release, namespace: c.namespace, values: values}}
}

func (c *cluster) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *cluster) eventually(what string, condition func() bool) {
	c.Helper()
	err := wait.PollUntilContextTimeout(c.Context(), 20*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) { return condition(), nil })
	if err != nil {
		c.Fatalf("%s: %v", what, err)
	}
}

var (
	definitions = schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}
	services    = schema.GroupVersionKind{Group: "goservice.dev", Version: "v1alpha1", Kind: "GoService"}
	deployments = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
	secrets     = schema.GroupVersionKind{Version: "v1", Kind: "Secret"}
	namespaces  = schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}
)

// get returns nil if there is no such object.
func (c *cluster) get(kind schema.GroupVersionKind, namespace, name string) *unstructured.Unstructured {
	c.Helper()
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(kind)
	switch err := c.Get(c.Context(), client.ObjectKey{Namespace: namespace, Name: name}, o); {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		c.Fatal(err)
	}
	return o
}

func (c *cluster) definition() *unstructured.Unstructured {
	c.Helper()
	return c.get(definitions, "", "goservices.goservice.dev")
}

func (c *cluster) operator() *unstructured.Unstructured {
	c.Helper()
	return c.get(deployments, c.namespace, "goservice-controller-manager")
}

func service(namespace, name string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: object{"spec": object{"paused": true}}}
	o.SetGroupVersionKind(services)
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}

// serves waits until the API server serves GoServices whose spec.paused is kept, or dropped because its schema does not know it.
func (c *cluster) serves(kept bool) {
	c.Helper()
	c.eventually(fmt.Sprintf("spec.paused is kept: %v", kept), func() bool {
		o := service(c.namespace, "tried")
		if err := c.Create(c.Context(), o, client.DryRunAll); err != nil {
			return false // the definition is not established yet
		}
		_, is, _ := unstructured.NestedBool(o.Object, "spec", "paused")
		return is == kept
	})
}

// clear deletes what outlives a namespace.
func (c *cluster) clear() {
	ctx := context.WithoutCancel(c.Context()) // that of the test has ended
	for _, kind := range []schema.GroupVersionKind{
		definitions,
		{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRoleBinding"},
		{Group: "scheduling.k8s.io", Version: "v1", Kind: "PriorityClass"},
	} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind)
		err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
			if err := c.List(ctx, list, client.MatchingLabels{"app.kubernetes.io/name": "goservice-operator"}); err != nil {
				return false, err
			}
			for i := range list.Items {
				if err := c.Delete(ctx, &list.Items[i]); client.IgnoreNotFound(err) != nil {
					return false, err
				}
			}
			return len(list.Items) == 0, nil
		})
		if err != nil {
			c.Errorf("clearing %s: %v", kind.Kind, err)
		}
	}
}

// olderChart is a copy of the chart whose CRD lacks spec.paused, as a release before that field would have been.
func olderChart(t *testing.T) string {
	t.Helper()
	config, chart := filepath.Join(t.TempDir(), "config"), filepath.Join(t.TempDir(), "chart")
	if err := os.CopyFS(config, os.DirFS(configFolder)); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(chart, os.DirFS(chartFolder)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(config, "crd", "bases", "goservice.dev_goservices.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const field = "\n              paused:\n"
	before, after, found := strings.Cut(string(text), field)
	if !found || strings.Contains(after, field) {
		t.Fatal("spec.paused is not where this test looks for it")
	}
	for line := range strings.Lines(after) {
		if !strings.HasPrefix(line, "                ") {
			break
		}
		after = strings.TrimPrefix(after, line)
	}
	if err := os.WriteFile(path, []byte(before+"\n"+after), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write(config, chart); err != nil {
		t.Fatal(err)
	}
	return chart
}
