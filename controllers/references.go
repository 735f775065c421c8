// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
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
)

const (
	// referenceIndex finds the GoServices that take data from an object by its build.Reference.Key.
	referenceIndex = "goservice.dev/reference"
	// digestAnnotation of an object in the cache of references stands for its data, which is not kept.
	digestAnnotation = "goservice.dev/digest"
	// referenceKeyName is the Secret with the key of the digests of Secrets, in the operator's namespace: a plain digest of a Secret
	// would let whoever reads the Deployment try passwords.
	referenceKeyName = "goservice-reference-key"
	referenceKey     = "key"
	// secretsPeriod is how often the operator looks whether it may read Secrets, until it may.
	secretsPeriod = 30 * time.Second
)

// references watches the ConfigMaps and, where it may, the Secrets of the watched namespaces, and knows digests of their data. It runs on the
// standby as on the leader.
type references struct {
	configMaps, secrets cache.Cache
	client              client.Client
	live                client.Reader
	namespace           string   // of the key; empty: Secrets are not followed
	watched             []string // namespaces; empty: all
	owner               controller.Controller
	changed             func(types.NamespacedName)
	// readsSecrets says that Secrets are watched and the cache has them.
	readsSecrets atomic.Bool
	key          secretDigest
	period       time.Duration
	pace         referencePace
}

// setupReferences has ConfigMaps watched, and Secrets as soon as the operator may read them.
func (r *GoServiceReconciler) setupReferences(ctx context.Context, mgr manager.Manager, owner controller.Controller, options Options, changed func(types.NamespacedName)) error {
	f := &references{
		client: mgr.GetClient(), live: mgr.GetAPIReader(), namespace: options.Namespace, watched: options.WatchNamespaces, owner: owner, changed: changed, period: secretsPeriod,
		pace: referencePace{settle: referencesSettle, gap: referencesGap},
	}
	if options.hurriesReferences {
		f.period, f.pace = 50*time.Millisecond, referencePace{settle: 50 * time.Millisecond}
	}
	r.references = f
	if err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.GoService{}, referenceIndex, indexReferences); err != nil {
		return fmt.Errorf("indexing GoServices by what they refer to: %w", err)
	}
	var err error
	// Caches of their own: that of the manager holds the operator's ConfigMaps with their data.
	if f.configMaps, err = f.cacheOf(mgr, &corev1.ConfigMap{}, cache.ByObject{Transform: digestConfigMap}); err != nil {
		return err
	}
	// What Helm keeps there is large, changes often, and is nothing that pods take.
	notHelm := fields.OneTermNotEqualSelector("type", "helm.sh/release.v1")
	if f.secrets, err = f.cacheOf(mgr, &corev1.Secret{}, cache.ByObject{Field: notHelm, Transform: f.key.transform}); err != nil {
		return err
	}
	if err := f.watch(f.configMaps, &corev1.ConfigMap{}, build.ReferenceConfigMap); err != nil {
		return err
	}
	return errors.Join(mgr.Add(warmCache{f.configMaps}), mgr.Add(f))
}

// warmCache is started as that of the manager is: on the standby, too, and before the controllers.
type warmCache struct{ cache.Cache }

// GetCache tells the manager what it is.
func (c warmCache) GetCache() cache.Cache { return c.Cache }

func (f *references) cacheOf(mgr manager.Manager, object client.Object, how cache.ByObject) (cache.Cache, error) {
	return cache.New(mgr.GetConfig(), cache.Options{
		HTTPClient: mgr.GetHTTPClient(), Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper(), ByObject: map[client.Object]cache.ByObject{object: how},
		DefaultNamespaces: watched(f.watched),
	})
}

func (f *references) watch(from cache.Cache, object client.Object, kind build.ReferenceKind) error {
	lead := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, object client.Object) []reconcile.Request {
		return f.whoTakes(ctx, kind, object)
	})
	return f.owner.Watch(source.Kind(from, object, lead, dataChanges))
}

// dataChanges lets through what changes data: labels and annotations replace no pods.
var dataChanges = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetAnnotations()[digestAnnotation] != e.ObjectNew.GetAnnotations()[digestAnnotation]
	},
}

// whoTakes data from an object.
func (f *references) whoTakes(ctx context.Context, kind build.ReferenceKind, object client.Object) []reconcile.Request {
	key := build.Reference{Kind: kind, Name: object.GetName()}.Key()
	return listServices(ctx, f.client, client.InNamespace(object.GetNamespace()), client.MatchingFields{referenceIndex: key})
}

// indexReferences is the index function of referenceIndex: by the kinds alone, too.
func indexReferences(object client.Object) []string {
	service, is := object.(*v1alpha1.GoService)
	if !is {
		return nil
	}
	var keys []string
	for _, reference := range build.References(&service.Spec) {
		keys = append(keys, reference.Key())
		if kind := string(reference.Kind); !slices.Contains(keys, kind) {
			keys = append(keys, kind)
		}
	}
	return keys
}

// of a service, with what is known of the data.
func (f *references) of(ctx context.Context, service *v1alpha1.GoService) ([]build.Referenced, error) {
	var known []build.Referenced
	for _, reference := range build.References(&service.Spec) {
		next := build.Referenced{Reference: reference}
		from, object := f.configMaps, client.Object(&corev1.ConfigMap{})
		if reference.Kind == build.ReferenceSecret {
			from, object = f.secrets, &corev1.Secret{}
		}
		if next.Known = reference.Kind != build.ReferenceSecret || f.readsSecrets.Load(); next.Known {
			err := from.Get(ctx, types.NamespacedName{Namespace: service.Namespace, Name: reference.Name}, object)
			if client.IgnoreNotFound(err) != nil {
				return nil, fmt.Errorf("reading the digest of %s %s/%s: %w", reference.Kind, service.Namespace, reference.Name, err)
			}
			next.Digest = object.GetAnnotations()[digestAnnotation]
		}
		known = append(known, next)
	}
	return known, nil
}

// NeedLeaderElection lets the standby have warm caches, too.
func (f *references) NeedLeaderElection() bool { return false }

// Start waits until the operator may read Secrets, and watches them as long as it may.
func (f *references) Start(ctx context.Context) error {
	log := ctrl.Log.WithName("references")
	if f.namespace == "" {
		log.Info("Secrets are not followed: the operator's namespace is not known; set $POD_NAMESPACE or --leader-election-namespace")
		return nil
	}
	for said := false; ; {
		key, err := f.mayRead(ctx)
		if err == nil && key != nil {
			return f.watchSecrets(ctx, key)
		}
		if err != nil && !said {
			said = true
			log.Info("Secrets are not followed yet", "cause", err.Error())
		}
		select {
		case <-time.After(f.period):
		case <-ctx.Done():
			return nil
		}
	}
}

func (f *references) watchSecrets(ctx context.Context, key []byte) error {
	f.key.set(key)
	if err := f.watch(f.secrets, &corev1.Secret{}, build.ReferenceSecret); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- f.secrets.Start(ctx) }()
	if _, err := f.secrets.GetInformer(ctx, &corev1.Secret{}); err != nil || !f.secrets.WaitForCacheSync(ctx) {
		return <-ended
	}
	for {
		// Where nobody knows, what was so stays so.
		if allowed, err := f.isAllowed(ctx); err == nil && f.readsSecrets.CompareAndSwap(!allowed, allowed) {
			f.lookAgain(ctx)
		}
		select {
		case <-time.After(f.period):
		case err := <-ended:
			return err
		}
	}
}

// lookAgain at every service that refers to Secrets.
func (f *references) lookAgain(ctx context.Context) {
	for _, service := range listServices(ctx, f.client, client.MatchingFields{referenceIndex: string(build.ReferenceSecret)}) {
		f.changed(service.NamespacedName)
	}
}

// isAllowed to read Secrets in every watched namespace, by the API server's word.
func (f *references) isAllowed(ctx context.Context) (bool, error) {
	namespaces := f.watched
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	for _, namespace := range namespaces {
		for _, verb := range []string{"list", "watch"} {
			review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
				ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: verb, Resource: "secrets"},
			}}
			if err := f.client.Create(ctx, review); err != nil || !review.Status.Allowed {
				return false, err
			}
		}
	}
	return true, nil
}

// mayRead Secrets in every watched namespace: then it returns the key, which it makes if there is none. nil without an error: nobody grants it.
func (f *references) mayRead(ctx context.Context) ([]byte, error) {
	if allowed, err := f.isAllowed(ctx); err != nil || !allowed {
		return nil, err
	}
	return ownKey(ctx, f.client, f.live, types.NamespacedName{Namespace: f.namespace, Name: referenceKeyName}, referenceKey, sha256.Size)
}
