// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// Undeploying leaves nothing behind, and deploying again works: this is the last test in the order of the files, and the
// cluster stays as it was found.
func TestUndeployLeavesNothing(t *testing.T) {
	g := gomega.NewWithT(t)
	ctx := context.Background()
	hack := func(confirm string, arguments ...string) (string, error) {
		command := exec.CommandContext(ctx, "../deploy.sh", arguments...)
		command.Env = append(os.Environ(), "CONFIRM="+confirm)
		output, err := command.CombinedOutput()
		return string(output), err
	}
	service := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "in-the-way"}}
	g.Expect(cluster.client.Create(ctx, service)).To(gomega.Succeed())
	output, err := hack("", "undeploy")
	g.Expect(err).To(gomega.HaveOccurred(), "it must not delete GoServices that nobody gave up")
	g.Expect(output).To(gomega.ContainSubstring("CONFIRM=delete-services"))
	g.Expect(cluster.client.Get(ctx, client.ObjectKeyFromObject(service), service)).To(gomega.Succeed())
	output, err = hack("delete-services", "undeploy")
	g.Expect(err).NotTo(gomega.HaveOccurred(), output)

	var namespace corev1.Namespace
	err = cluster.client.Get(ctx, client.ObjectKey{Name: operatorNamespace}, &namespace)
	g.Expect(apierrors.IsNotFound(err)).To(gomega.BeTrue(), "namespace %s: %v", operatorNamespace, err)
	definition := &metav1.PartialObjectMetadata{}
	definition.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	err = cluster.client.Get(ctx, client.ObjectKey{Name: "goservices.goservice.dev"}, definition)
	g.Expect(apierrors.IsNotFound(err)).To(gomega.BeTrue(), "the CRD: %v", err)
	var roles rbacv1.ClusterRoleList
	g.Expect(cluster.client.List(ctx, &roles)).To(gomega.Succeed())
	var bindings rbacv1.ClusterRoleBindingList
	g.Expect(cluster.client.List(ctx, &bindings)).To(gomega.Succeed())
	for i := range roles.Items {
		g.Expect(roles.Items[i].Name).NotTo(gomega.HavePrefix("goservice-"))
	}
	for i := range bindings.Items {
		g.Expect(bindings.Items[i].Name).NotTo(gomega.HavePrefix("goservice-"))
	}

	output, err = hack("", "deploy")
	g.Expect(err).NotTo(gomega.HaveOccurred(), output)
}
