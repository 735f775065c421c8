// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// arrivals follows by watches what is there.
type arrivals struct {
	mu       sync.Mutex
	missing  map[arrival]bool
	complete chan time.Time
	failed   chan error
}

// arrival is something that must become true: a child exists, or – without a kind – a status is current.
type arrival struct{ kind, namespace, name string }

func (a *arrivals) arrived(what arrival) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.missing[what] {
		return
	}
	delete(a.missing, what)
	if len(a.missing) == 0 {
		a.complete <- time.Now()
	}
}

// converge applies every GoService and waits until all is in place.
func converge(ctx context.Context, bare *bareClient, server *server, operator *operator, t *capturedTemplate, s settings) (phase, error) {
	list, namespaces := places("operator", s)
	if err := bare.createNamespaces(ctx, namespaces...); err != nil {
		return phase{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	a, err := watchArrivals(ctx, bare, t, list)
	if err != nil {
		return phase{}, err
	}
	p, err := beginPhase(server, operator)
	if err != nil {
		return phase{}, err
	}
	if err := forEach(ctx, list, s.concurrency, func(ctx context.Context, at place) error {
		_, err := bare.applyService(ctx, at, t.spec)
		return err
	}); err != nil {
		return phase{}, fmt.Errorf("applying the GoServices: %w", err)
	}
	applied := time.Now()
	done, err := a.wait(ctx, operator.exited)
	if err != nil {
		return phase{}, err
	}
	ended, err := p.end(done)
	ended.applied = applied.Sub(p.from)
	return ended, err
}

// wait for everything, and say when it was there. exited tells that the operator has ended; nil where none runs.
func (a *arrivals) wait(ctx context.Context, exited chan error) (time.Time, error) {
	select {
	case done := <-a.complete:
		return done, nil
	case err := <-a.failed:
		return time.Time{}, err
	case exit := <-exited:
		exited <- exit
		return time.Time{}, fmt.Errorf("the operator ended: %w", exit)
	case <-ctx.Done():
		a.mu.Lock()
		defer a.mu.Unlock()
		return time.Time{}, fmt.Errorf("%d children and statuses are missing: %w", len(a.missing), ctx.Err())
	}
}

// watchArrivals starts one watch per kind; of children only metadata is sent.
func watchArrivals(ctx context.Context, bare *bareClient, t *capturedTemplate, list []place) (*arrivals, error) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	watcher, err := client.NewWithWatch(bare.config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	a := &arrivals{missing: map[arrival]bool{}, complete: make(chan time.Time, 1), failed: make(chan error, 1)}
	kinds := map[schema.GroupVersionKind]bool{}
	for _, m := range t.children {
		kind, err := m.kind()
		if err != nil {
			return nil, err
		}
		kinds[kind] = true
		for _, at := range list {
			a.missing[arrival{kind.Kind, at.namespace, m.nameAt(at)}] = true
		}
	}
	for _, at := range list {
		a.missing[arrival{"", at.namespace, at.name}] = true
	}
	for kind := range kinds {
		children := &metav1.PartialObjectMetadataList{}
		children.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		if err := a.follow(ctx, watcher, children, func(object client.Object) {
			a.arrived(arrival{kind.Kind, object.GetNamespace(), object.GetName()})
		}); err != nil {
			return nil, err
		}
	}
	return a, a.follow(ctx, watcher, &v1alpha1.GoServiceList{}, func(object client.Object) {
		service, is := object.(*v1alpha1.GoService)
		if is && service.Status.ObservedGeneration == service.Generation &&
			meta.IsStatusConditionTrue(service.Status.Conditions, v1alpha1.ConditionApplied) {
			a.arrived(arrival{"", service.Namespace, service.Name})
		}
	})
}

func (a *arrivals) follow(ctx context.Context, watcher client.WithWatch, list client.ObjectList, visit func(client.Object)) error {
	stream, err := watcher.Watch(ctx, list)
	if err != nil {
		return fmt.Errorf("watching %T: %w", list, err)
	}
	go func() {
		defer stream.Stop()
		for e := range stream.ResultChan() {
			object, is := e.Object.(client.Object)
			if is && (e.Type == watch.Added || e.Type == watch.Modified) {
				visit(object)
			}
		}
		if ctx.Err() == nil {
			select {
			case a.failed <- fmt.Errorf("the API server ended the watch of %T", list):
			default:
			}
		}
	}()
	return nil
}
