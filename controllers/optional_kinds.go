// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/observe"
)

// +kubebuilder:rbac:groups=apiextensions.k8s.io,resources=customresourcedefinitions,verbs=get;list;watch

// definitionKind is that of CustomResourceDefinitions.
var definitionKind = schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}

// optionalKinds follows the CustomResourceDefinitions of kinds that may come and go while the operator runs. When one is
// served it is watched and every GoService is reconciled; when it is removed its watch ends. It runs on the standby as on
// the leader.
type optionalKinds struct {
	cache     cache.Cache
	live      client.Reader
	discovery discovery.DiscoveryInterface
	owner     controller.Controller
	handler   handler.EventHandler
	reconcile chan<- event.GenericEvent

	mu     sync.RWMutex
	served map[schema.GroupVersionKind]bool
	// classicHistograms says that ServiceMonitors have that field.
	classicHistograms bool
}

func (o *optionalKinds) knowsClassicHistograms() bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.classicHistograms
}

// present is a copy of what is served at the moment.
func (o *optionalKinds) present() map[schema.GroupVersionKind]bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	result := make(map[schema.GroupVersionKind]bool, len(o.served))
	for kind, served := range o.served {
		result[kind] = served
	}
	return result
}

// setup registers the controller that follows definitions, and the watches of kinds that are served from the start, so
// that the first reconcile after a restart sees the same world as the last one before it.
func (o *optionalKinds) setup(ctx context.Context, mgr manager.Manager, skipNameValidation bool) error {
	for _, kind := range build.Kinds() {
		if !kind.Optional {
			continue
		}
		served, err := o.isServed(kind.GroupVersionKind)
		if err != nil {
			return err
		}
		if _, err := o.note(ctx, kind.GroupVersionKind, served); err != nil {
			return err
		}
	}
	// A standby follows, too: when it takes over it must not wait for the cache of a kind that has gone.
	return ctrl.NewControllerManagedBy(mgr).
		Named("optional-kinds").
		For(customResourceDefinition(), builder.WithPredicates(predicate.NewPredicateFuncs(func(object client.Object) bool {
			for _, kind := range build.Kinds() {
				if kind.Optional && object.GetName() == definitionName(kind.GroupVersionKind) {
					return true
				}
			}
			return false
		}))).
		// A definition that went between the look above and the first list of definitions is no event.
		WatchesRawSource(source.Func(lookAtAll)).
		WithOptions(controller.Options{SkipNameValidation: &skipNameValidation, NeedLeaderElection: new(false)}).
		Complete(o)
}

// lookAtAll has every kind looked at once, when the definitions have been listed.
func lookAtAll(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	for _, kind := range build.Kinds() {
		if kind.Optional {
			queue.Add(reconcile.Request{NamespacedName: client.ObjectKey{Name: definitionName(kind.GroupVersionKind)}})
		}
	}
	return nil
}

func customResourceDefinition() *metav1.PartialObjectMetadata {
	definition := &metav1.PartialObjectMetadata{}
	definition.SetGroupVersionKind(definitionKind)
	return definition
}

// definitionName is the plural resource and the group, as CustomResourceDefinitions are named.
func definitionName(kind schema.GroupVersionKind) string {
	plural, _ := meta.UnsafeGuessKindToResource(kind)
	return plural.Resource + "." + kind.Group
}

// Reconcile looks at what the API server serves, whatever the definition's own state.
func (o *optionalKinds) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	var failures []error
	for _, kind := range build.Kinds() {
		if kind.Optional && definitionName(kind.GroupVersionKind) == request.Name {
			failures = append(failures, o.follow(ctx, kind.GroupVersionKind))
		}
	}
	return reconcile.Result{}, errors.Join(failures...)
}

// errNotServedYet makes a definition that exists but is not served be looked at again soon.
var errNotServedYet = errors.New("is defined but not served yet")

func (o *optionalKinds) follow(ctx context.Context, kind schema.GroupVersionKind) error {
	definition := customResourceDefinition()
	err := o.cache.Get(ctx, client.ObjectKey{Name: definitionName(kind)}, definition)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reading the definition of %s: %w", kind.Kind, err)
	}
	defined := err == nil && definition.DeletionTimestamp == nil
	served := false
	if defined {
		if served, err = o.isServed(kind); err != nil {
			return err
		}
	}
	changed, err := o.note(ctx, kind, served)
	if err != nil {
		return err
	}
	if changed {
		ctrl.LoggerFrom(ctx).Info("optional kind changed", "kind", kind.Kind, "served", served)
		if err := o.reconcileAll(ctx); err != nil {
			return err
		}
	}
	if defined && !served {
		return fmt.Errorf("%s %w", kind.Kind, errNotServedYet)
	}
	return nil
}

// note keeps what is known of a kind, and reports whether that changed. The watch comes last: if it is started, nothing can fail
// any more, so that no change goes unreported.
func (o *optionalKinds) note(ctx context.Context, kind schema.GroupVersionKind, served bool) (changed bool, err error) {
	fields, err := o.lookAtFields(ctx, kind, served)
	if err != nil {
		return false, err
	}
	watch, err := o.set(ctx, kind, served)
	return fields || watch, err
}

// lookAtFields notes whether ServiceMonitors have a field that not all versions of them have, and reports whether that
// changed. The definition is read from the API server, since the cache keeps only its name.
func (o *optionalKinds) lookAtFields(ctx context.Context, kind schema.GroupVersionKind, served bool) (changed bool, err error) {
	if kind != build.ServiceMonitorKind {
		return false, nil
	}
	knows := false
	if served {
		definition := &unstructured.Unstructured{}
		definition.SetGroupVersionKind(definitionKind)
		if err := o.live.Get(ctx, client.ObjectKey{Name: definitionName(kind)}, definition); client.IgnoreNotFound(err) != nil {
			return false, fmt.Errorf("reading the fields of %s: %w", kind.Kind, err)
		}
		knows = hasSpecField(definition, kind.Version, build.FieldClassicHistograms)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	changed, o.classicHistograms = o.classicHistograms != knows, knows
	return changed, nil
}

// hasSpecField reports whether a version of a definition has a field in its spec.
func hasSpecField(definition *unstructured.Unstructured, version, field string) bool {
	versions, _, err := unstructured.NestedSlice(definition.Object, "spec", "versions")
	if err != nil {
		return false
	}
	for _, entry := range versions {
		if v, is := entry.(map[string]any); is && v["name"] == version {
			_, has, err := unstructured.NestedMap(v, "schema", "openAPIV3Schema", "properties", "spec", "properties", field)
			return has && err == nil
		}
	}
	return false
}

func (o *optionalKinds) isServed(kind schema.GroupVersionKind) (bool, error) {
	resources, err := o.discovery.ServerResourcesForGroupVersion(kind.GroupVersion().String())
	if client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("asking whether %s is served: %w", kind.Kind, err)
	}
	if resources == nil {
		return false, nil
	}
	for i := range resources.APIResources {
		if resources.APIResources[i].Kind == kind.Kind {
			return true, nil
		}
	}
	return false, nil
}

// set starts or ends the watch of a kind and reports whether that was a change.
func (o *optionalKinds) set(ctx context.Context, kind schema.GroupVersionKind, served bool) (changed bool, err error) {
	o.mu.RLock()
	unchanged := o.served[kind] == served
	o.mu.RUnlock()
	if unchanged {
		return false, nil
	}
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	if served {
		if err := o.cache.IndexField(ctx, object, observe.OwnerIndex, observe.IndexOwner); err != nil {
			return false, fmt.Errorf("indexing %s: %w", kind.Kind, err)
		}
		if err := o.owner.Watch(source.Kind(o.cache, client.Object(object), o.handler, predicate.Predicate(childMatters))); err != nil {
			return false, fmt.Errorf("watching %s: %w", kind.Kind, err)
		}
	} else if err := o.cache.RemoveInformer(ctx, object); err != nil {
		return false, fmt.Errorf("ending the watch of %s: %w", kind.Kind, err)
	}
	o.mu.Lock()
	o.served[kind] = served
	o.mu.Unlock()
	return true, nil
}

func (o *optionalKinds) reconcileAll(ctx context.Context) error {
	var services v1alpha1.GoServiceList
	if err := o.cache.List(ctx, &services); err != nil {
		return fmt.Errorf("listing GoServices: %w", err)
	}
	for i := range services.Items {
		select {
		case o.reconcile <- event.GenericEvent{Object: &services.Items[i]}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
