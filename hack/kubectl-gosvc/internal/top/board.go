// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package top

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// Board holds a row of each service, and no service. A reflector keeps it up to date by one watch.
type Board struct {
	now func() time.Time

	mu     sync.Mutex
	rows   map[types.NamespacedName]Row
	synced bool
	// failed is why the cluster could not be asked the last time; nil once it was.
	failed error
	// changes counts what was written; a reader compares it with what it has seen.
	changes int
}

// NewBoard is empty until Follow has listed the services.
func NewBoard(now func() time.Time) *Board {
	return &Board{now: now, rows: map[types.NamespacedName]Row{}}
}

// Follow the services of a namespace, or of all if it is empty, until the context ends. What is lost is listed again.
func (b *Board) Follow(ctx context.Context, c client.WithWatch, namespace string) {
	lists := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			var list v1alpha1.GoServiceList
			err := c.List(ctx, &list, client.InNamespace(namespace), &client.ListOptions{Raw: &options, Limit: options.Limit, Continue: options.Continue})
			b.asked(err)
			return &list, err
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			watcher, err := c.Watch(ctx, &v1alpha1.GoServiceList{}, client.InNamespace(namespace), &client.ListOptions{Raw: &options})
			b.asked(err)
			return watcher, err
		},
	}
	cache.NewReflectorWithOptions(lists, &v1alpha1.GoService{}, b, cache.ReflectorOptions{Name: "top"}).RunWithContext(ctx)
}

// Rows in order, and a number that differs from before if any has changed. They are not complete before the first list is.
func (b *Board) Rows() (rows []Row, changes int, complete bool) {
	b.mu.Lock()
	for _, row := range b.rows {
		rows = append(rows, row)
	}
	changes, complete = b.changes, b.synced
	b.mu.Unlock()
	Sort(rows)
	return rows, changes, complete
}

// asked notes whether the cluster answers.
func (b *Board) asked(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if (err == nil) != (b.failed == nil) {
		b.changes++
	}
	b.failed = err
}

// Failed is why the rows may be out of date; nil if they are not.
func (b *Board) Failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failed
}

// Changes says what Rows would, without the rows.
func (b *Board) Changes() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changes
}

// Add, Update, Delete, Replace, and Resync are what a reflector calls.
func (b *Board) Add(object any) error { return b.Update(object) }

// Update a row.
func (b *Board) Update(object any) error {
	if service, is := object.(*v1alpha1.GoService); is {
		row := RowOf(service, b.now())
		b.change(func() { b.rows[key(service)] = row })
	}
	return nil
}

// Delete a row.
func (b *Board) Delete(object any) error {
	if service, is := object.(*v1alpha1.GoService); is {
		b.change(func() { delete(b.rows, key(service)) })
	}
	return nil
}

// Replace all rows by those of a list.
func (b *Board) Replace(objects []any, _ string) error {
	rows := make(map[types.NamespacedName]Row, len(objects))
	for _, object := range objects {
		if service, is := object.(*v1alpha1.GoService); is {
			rows[key(service)] = RowOf(service, b.now())
		}
	}
	b.change(func() { b.rows, b.synced = rows, true })
	return nil
}

// Resync has nothing to do.
func (b *Board) Resync() error { return nil }

func (b *Board) change(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
	b.changes++
}

func key(service *v1alpha1.GoService) types.NamespacedName {
	return types.NamespacedName{Namespace: service.Namespace, Name: service.Name}
}
