// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/spf13/pflag"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	// Kubeconfigs that name an auth provider; those that run a program need no import.
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// cluster is a connection to the cluster of the kubeconfig.
type cluster struct {
	client.WithWatch
	config    *rest.Config
	namespace string
}

// kubeconfigFlags are those of kubectl, by client-go's own rules: k8s.io/cli-runtime has the same, and brings 20 MB of what only its other
// parts need.
func (a *app) kubeconfigFlags(flags *pflag.FlagSet) {
	flags.StringVar(&a.kubeconfig.ExplicitPath, clientcmd.RecommendedConfigPathFlag, "", "path of the kubeconfig file")
	names := clientcmd.RecommendedConfigOverrideFlags("")
	names.ContextOverrideFlags.Namespace.Description = "namespace of the GoService; without it, that of the context"
	clientcmd.BindOverrideFlags(a.overrides, flags, names)
}

// loader reads the kubeconfig by client-go's rules: --kubeconfig, $KUBECONFIG, ~/.kube/config, or what a pod is given.
func (a *app) loader() clientcmd.ClientConfig {
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(a.kubeconfig, a.overrides)
}

// connect reads the kubeconfig. It sends nothing.
func (a *app) connect() (*cluster, error) {
	loader := a.loader()
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, err
	}
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, err
	}
	config = rest.CopyConfig(config)
	config.UserAgent = "kubectl-gosvc/" + a.version()
	config.QPS, config.Burst = 50, 100
	scheme, mapper, err := kinds()
	if err != nil {
		return nil, err
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme, Mapper: mapper})
	if err != nil {
		return nil, err
	}
	return &cluster{WithWatch: c, config: config, namespace: namespace}, nil
}

// kinds that commands read and write. The mapper is fixed, so that no command begins with discovery.
func kinds() (*runtime.Scheme, meta.RESTMapper, error) {
	scheme := runtime.NewScheme()
	mapper := meta.NewDefaultRESTMapper(nil)
	for _, group := range []struct {
		add        func(*runtime.Scheme) error
		version    schema.GroupVersion
		namespaced []string
		global     []string
	}{
		{v1alpha1.AddToScheme, v1alpha1.GroupVersion, []string{"GoService"}, nil},
		{corev1.AddToScheme, corev1.SchemeGroupVersion, []string{"Pod", "Service", "Event"}, []string{"Namespace"}},
		{appsv1.AddToScheme, appsv1.SchemeGroupVersion, []string{"Deployment", "DaemonSet"}, nil},
		{autoscalingv2.AddToScheme, autoscalingv2.SchemeGroupVersion, []string{"HorizontalPodAutoscaler"}, nil},
		{policyv1.AddToScheme, policyv1.SchemeGroupVersion, []string{"PodDisruptionBudget"}, nil},
		{networkingv1.AddToScheme, networkingv1.SchemeGroupVersion, []string{"NetworkPolicy", "Ingress"}, nil},
		{coordinationv1.AddToScheme, coordinationv1.SchemeGroupVersion, []string{"Lease"}, nil},
		{authorizationv1.AddToScheme, authorizationv1.SchemeGroupVersion, nil, []string{"SelfSubjectAccessReview"}},
		{apiextensionsv1.AddToScheme, apiextensionsv1.SchemeGroupVersion, nil, []string{"CustomResourceDefinition"}},
	} {
		if err := group.add(scheme); err != nil {
			return nil, nil, err
		}
		for _, kind := range group.namespaced {
			mapper.Add(group.version.WithKind(kind), meta.RESTScopeNamespace)
		}
		for _, kind := range group.global {
			mapper.Add(group.version.WithKind(kind), meta.RESTScopeRoot)
		}
	}
	for _, kind := range gathered() { // read and annotated without types
		mapper.Add(kind, meta.RESTScopeNamespace)
	}
	return scheme, mapper, nil
}

// service reads a GoService. If there is none of the name, the error says which there are.
func (c *cluster) service(ctx context.Context, name string) (*v1alpha1.GoService, error) {
	var service v1alpha1.GoService
	err := c.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: name}, &service)
	if !apierrors.IsNotFound(err) || kindIsAbsent(err) {
		return &service, err
	}
	message := fmt.Sprintf("there is no GoService %q in namespace %q", name, c.namespace)
	var others v1alpha1.GoServiceList
	if listErr := c.List(ctx, &others, client.InNamespace(c.namespace), client.Limit(10)); listErr != nil || len(others.Items) == 0 {
		return nil, errors.New(message + "; kubectl gosvc top -A shows those of all namespaces, -n NAMESPACE selects one")
	}
	names := make([]string, len(others.Items))
	for i := range others.Items {
		names[i] = others.Items[i].Name
	}
	return nil, fmt.Errorf("%s, which has %s", message, strings.Join(names, ", "))
}

// kindIsAbsent says that the API server does not know the resource: not that an object is missing.
func kindIsAbsent(err error) bool {
	var status apierrors.APIStatus
	return meta.IsNoMatchError(err) ||
		errors.As(err, &status) && apierrors.IsNotFound(err) && (status.Status().Details == nil || status.Status().Details.Name == "")
}

// explained is an error with what to do about it.
func (a *app) explained(err error) error {
	switch {
	case clientcmd.IsEmptyConfig(err):
		return fmt.Errorf("%w; set KUBECONFIG or --kubeconfig, as for kubectl", err)
	case clientcmd.IsContextNotFound(err):
		return fmt.Errorf("%w; kubectl config get-contexts lists all", err)
	case kindIsAbsent(err):
		return fmt.Errorf("this cluster does not know the resource: %w; kubectl gosvc check says what is missing", err)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%w; kubectl gosvc check lists the permissions that you need", err)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("%w: the cluster does not accept your credentials; log in again, or select another context with --context", err)
	}
	_, noConnection := errors.AsType[*net.OpError](err)
	network, isNetwork := errors.AsType[net.Error](err) // what fails before anything is sent, such as a login, is one too
	if noConnection || isNetwork && network.Timeout() {
		return fmt.Errorf("the cluster does not answer: %w; check --context, the kubeconfig, and the network", err)
	}
	return err
}
