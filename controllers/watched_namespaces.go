// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	authorizationclient "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
)

const (
	// MaxWatchedNamespaces bounds WatchNamespaces: in each namespace the operator holds a watch of every kind that it follows, about 15.
	MaxWatchedNamespaces = 100
	// namespacesPeriod is how often the operator looks whether it may watch namespaces that it has left out.
	namespacesPeriod = 30 * time.Second
)

// SetWatchNamespaces reads the names of namespaces, separated by commas, into WatchNamespaces.
func (o *Options) SetWatchNamespaces(text string) error {
	if text == "" {
		return errors.New("must name at least one namespace; leave it out to watch all")
	}
	names := strings.Split(text, ",")
	if len(names) > MaxWatchedNamespaces {
		return fmt.Errorf("names %d namespaces; at most %d are allowed: leave it out to watch all", len(names), MaxWatchedNamespaces)
	}
	for i, name := range names {
		if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
			return fmt.Errorf("%q is not the name of a namespace: %s", name, strings.Join(problems, "; "))
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("%q is named twice", name)
		}
	}
	o.WatchNamespaces = names
	return nil
}

// LeaveOutNamespaces takes those out of WatchNamespaces that the operator has no permission for, so that one namespace which was deleted together
// with its Role does not keep the others waiting for its caches. If nothing is left, that is an error: an empty list would mean all namespaces.
func (o *Options) LeaveOutNamespaces(ctx context.Context, config *rest.Config) error {
	if len(o.WatchNamespaces) == 0 {
		return nil
	}
	reviews, err := authorizationclient.NewForConfig(config)
	if err != nil {
		return err
	}
	var watched, leftOut []string
	for _, name := range o.WatchNamespaces {
		allowed, err := mayWatch(ctx, reviews, name)
		switch {
		case err != nil:
			return err
		case allowed:
			watched = append(watched, name)
		default:
			leftOut = append(leftOut, name)
		}
	}
	if len(watched) == 0 {
		return fmt.Errorf("the operator may watch none of the namespaces %s: create a Role and a RoleBinding for it there, as the Helm chart does",
			strings.Join(leftOut, ", "))
	}
	for _, name := range leftOut {
		ctrl.Log.Error(nil, "namespace left out: the operator has no permission to watch GoServices there; create a Role and a RoleBinding for it, "+
			"as the Helm chart does, or remove the namespace from --watch-namespaces", "namespace", name)
	}
	o.WatchNamespaces, o.leftOut = watched, leftOut
	return nil
}

func mayWatch(ctx context.Context, reviews authorizationclient.SelfSubjectAccessReviewsGetter, namespace string) (bool, error) {
	for _, verb := range []string{"list", "watch"} {
		review, err := reviews.SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
			Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: namespace, Verb: verb, Group: "goservice.dev", Resource: "goservices",
			}},
		}, metav1.CreateOptions{})
		if err != nil {
			return false, fmt.Errorf("asking whether the operator may %s GoServices in namespace %s: %w", verb, namespace, err)
		}
		if !review.Status.Allowed {
			return false, nil
		}
	}
	return true, nil
}

// watched is where a cache watches; nil: everywhere.
func watched(namespaces []string) map[string]cache.Config {
	if len(namespaces) == 0 {
		return nil
	}
	where := make(map[string]cache.Config, len(namespaces))
	for _, name := range namespaces {
		where[name] = cache.Config{}
	}
	return where
}

// leftOutNamespaces ends the operator when it gets permission for a namespace that it left out: caches take no further namespace while they run,
// and the next process, which the kubelet starts at once, watches it.
type leftOutNamespaces struct {
	names   []string
	reviews authorizationclient.SelfSubjectAccessReviewsGetter
	period  time.Duration
}

// NeedLeaderElection lets the standby start anew, too.
func (*leftOutNamespaces) NeedLeaderElection() bool { return false }

// Start returns an error when there is permission.
func (l *leftOutNamespaces) Start(ctx context.Context) error {
	for {
		select {
		case <-time.After(l.period):
		case <-ctx.Done():
			return nil
		}
		for _, name := range l.names {
			if allowed, err := mayWatch(ctx, l.reviews, name); err == nil && allowed {
				return fmt.Errorf("the operator may watch namespace %s now, which it had left out: it ends in order to start with it", name)
			}
		}
	}
}

// followLeftOut starts leftOutNamespaces where any are left out.
func (o *Options) followLeftOut(mgr ctrl.Manager) error {
	if len(o.leftOut) == 0 {
		return nil
	}
	reviews, err := authorizationclient.NewForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return err
	}
	period := namespacesPeriod
	if o.hurriesReferences {
		period = 50 * time.Millisecond
	}
	return mgr.Add(&leftOutNamespaces{names: o.leftOut, reviews: reviews, period: period})
}
