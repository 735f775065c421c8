// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/status"
)

// gateways reads the listeners of the Gateways that services name, for the URL in their status. A Gateway is read again when the
// route, or what its controller says of it, has changed: there are as many reads as there is news, and no cache of Gateways, which
// have no label of the operator's.
type gateways struct {
	live client.Reader

	mu   sync.Mutex
	read map[client.ObjectKey]listenersRead
}

type listenersRead struct {
	route     types.UID
	version   string // of the route
	listeners []status.Listener
}

// of the Gateway that the route of a service is attached to; none where there is no route yet, or where the Gateway cannot be
// read: the status then shows the usual form of the URL.
func (g *gateways) of(ctx context.Context, service *v1alpha1.GoService, exposed client.Object) []status.Listener {
	route, is := exposed.(*unstructured.Unstructured)
	if !is {
		return nil
	}
	name := client.ObjectKeyFromObject(service)
	g.mu.Lock()
	known := g.read[name]
	g.mu.Unlock()
	if known.route == route.GetUID() && known.version == route.GetResourceVersion() {
		return known.listeners
	}
	listeners, err := g.listeners(ctx, service)
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err) && !meta.IsNoMatchError(err) {
		return nil // it is read again with the next reconcile
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.read == nil {
		g.read = map[client.ObjectKey]listenersRead{}
	}
	g.read[name] = listenersRead{route.GetUID(), route.GetResourceVersion(), listeners}
	return listeners
}

func (g *gateways) listeners(ctx context.Context, service *v1alpha1.GoService) ([]status.Listener, error) {
	target := service.Spec.Expose.Gateway
	gateway := &unstructured.Unstructured{}
	gateway.SetGroupVersionKind(build.GatewayKind)
	key := client.ObjectKey{Namespace: service.Namespace, Name: string(target.Name)}
	if target.Namespace != "" {
		key.Namespace = string(target.Namespace)
	}
	if err := g.live.Get(ctx, key, gateway); err != nil {
		return nil, err
	}
	var content struct {
		Spec struct {
			Listeners []status.Listener `json:"listeners"`
		} `json:"spec"`
	}
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(gateway.Object, &content)
	return content.Spec.Listeners, err
}

func (g *gateways) forget(name client.ObjectKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.read, name)
}
