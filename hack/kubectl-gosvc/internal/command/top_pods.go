// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/top"
)

// topPods shows the pods of a service.
func (a *app) topPods(ctx context.Context, c *cluster, name string, live bool, output format) error {
	service, err := c.service(ctx, name)
	if err != nil {
		return err
	}
	pods, err := c.podsOf(service)
	if err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	if live {
		if _, err := pods.List(ctx); err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		return a.live(ctx, top.NewPodModel(ctx, pods, a.out, fmt.Sprintf("pods of %s, namespace %s", name, c.namespace)))
	}
	rows, err := pods.Look(ctx)
	if err == nil && len(rows) > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(top.PodPace):
		}
		rows, err = pods.Look(ctx)
	}
	switch {
	case err != nil:
		return err
	case output != formatText:
		return a.data(output, map[string]any{"namespace": c.namespace, "name": name, "pods": rows})
	case len(rows) == 0:
		a.note("no pod of " + name + " exists")
		return nil
	}
	a.sayf("%s\n", strings.Join(top.PodLines(rows), "\n"))
	return nil
}

// podsOf a service, to be looked at.
func (c *cluster) podsOf(service *v1alpha1.GoService) (*top.Pods, error) {
	list, err := c.listOfPods(service)
	if err != nil {
		return nil, err
	}
	open, err := (&cluster{WithWatch: c.WithWatch, config: c.config, namespace: service.Namespace}).openMetrics()
	if err != nil {
		return nil, err
	}
	pods := &top.Pods{Open: open, Now: time.Now, List: list}
	pods.Of(service)
	return pods, nil
}

// listOfPods lists the pods of a service, whenever it is asked.
func (c *cluster) listOfPods(service *v1alpha1.GoService) (func(context.Context) ([]corev1.Pod, error), error) {
	selector, err := labels.Parse(service.Status.Selector)
	if err != nil || service.Status.Selector == "" {
		return nil, errors.New("the status does not say which pods the service has: no operator has looked at it yet; kubectl gosvc check says whether one runs")
	}
	return func(ctx context.Context) ([]corev1.Pod, error) {
		var list corev1.PodList
		err := c.List(ctx, &list, client.InNamespace(service.Namespace), client.MatchingLabelsSelector{Selector: selector})
		return list.Items, err
	}, nil
}

// podRequests are requests to pods' own subresources, which the other client does not make.
func (c *cluster) podRequests() (rest.Interface, error) {
	config := rest.CopyConfig(c.config)
	config.APIPath, config.GroupVersion = "/api", &corev1.SchemeGroupVersion
	config.NegotiatedSerializer = serializer.NewCodecFactory(c.Scheme()).WithoutConversion()
	return rest.RESTClientFor(config)
}

// openMetrics of pods through the API server's proxy.
func (c *cluster) openMetrics() (func(ctx context.Context, pod, scheme string, port int32, path string) (io.ReadCloser, error), error) {
	asked, err := c.podRequests()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, pod, scheme string, port int32, path string) (io.ReadCloser, error) {
		name := fmt.Sprintf("%s:%d", pod, port)
		if scheme == "https" {
			name = "https:" + name
		}
		return asked.Get().Namespace(c.namespace).Resource("pods").Name(name).SubResource("proxy").Suffix(path).Stream(ctx)
	}, nil
}
