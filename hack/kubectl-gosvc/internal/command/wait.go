// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

// waitFlags let a command wait for what follows from it.
type waitFlags struct {
	wait    bool
	timeout time.Duration
}

func (w *waitFlags) add(command *cobra.Command) {
	command.Flags().BoolVar(&w.wait, "wait", false, "wait until all pods have confirmed the change")
	command.Flags().DurationVar(&w.timeout, "timeout", time.Minute, "how long to wait, above 0s")
}

func (w *waitFlags) check() error {
	if w.timeout <= 0 {
		return usage("--timeout is %s, and must be above 0s", w.timeout)
	}
	return nil
}

// await shows judge each state of a service that the API server tells, until it is satisfied. A watch that ends is begun anew: API servers end
// them regularly.
func (c *cluster) await(ctx context.Context, service *v1alpha1.GoService, timeout time.Duration, judge func(*v1alpha1.GoService) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		done, err := c.watchOnce(ctx, service, judge)
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// watchOnce begins with the service as it is: a watch of one name without a version tells that first.
func (c *cluster) watchOnce(ctx context.Context, service *v1alpha1.GoService, judge func(*v1alpha1.GoService) (bool, error)) (bool, error) {
	watcher, err := c.Watch(ctx, &v1alpha1.GoServiceList{}, client.InNamespace(service.Namespace), client.MatchingFields{metav1.ObjectNameField: service.Name})
	if err != nil {
		return false, err
	}
	defer watcher.Stop()
	for event := range watcher.ResultChan() {
		switch object := event.Object.(type) {
		case *v1alpha1.GoService:
			if event.Type == watch.Deleted || object.UID != service.UID {
				return false, fmt.Errorf("GoService %q was deleted meanwhile", service.Name)
			}
			if done, err := judge(object); done || err != nil {
				return done, err
			}
		case *metav1.Status:
			if err := apierrors.FromObject(object); !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err) {
				return false, err
			}
		}
	}
	if err := ctx.Err(); errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false, err
	}
	return false, nil
}

// sayf prints a line of progress.
func (a *app) sayf(text string, arguments ...any) {
	fmt.Fprintf(a.Out, text, arguments...)
}

// note tells on standard error what a person should know, so that standard output stays what programs expect.
func (a *app) note(text string) {
	fmt.Fprintf(a.ErrOut, "%s %s\n", a.err.Doubtful("note:"), show.Plain(text))
}
