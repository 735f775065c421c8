// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package bed is a namespace of the current cluster in which a benchmark makes its services, and which goes with all of it.
package bed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"goservice.dev/operator/api/v1alpha1"
)

// Bed is the namespace, and the ways to it.
type Bed struct {
	Config    *rest.Config
	Client    client.Client
	Clientset *kubernetes.Clientset
	Namespace string
}

// Open makes a namespace whose name begins with prefix.
func Open(ctx context.Context, prefix string) (*Bed, error) {
	log.SetLogger(logr.Discard()) // the client's own
	config, err := ctrlconfig.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("finding the cluster: %w", err)
	}
	config.QPS, config.UserAgent = -1, "goservice-bench"
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	b := &Bed{Config: config}
	if b.Client, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return nil, err
	}
	if b.Clientset, err = kubernetes.NewForConfig(config); err != nil {
		return nil, err
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: prefix}}
	if err := b.Client.Create(ctx, namespace); err != nil {
		return nil, fmt.Errorf("creating a namespace: %w", err)
	}
	b.Namespace = namespace.Name
	return b, nil
}

// Remove deletes the namespace and waits until nothing of it is left.
func (b *Bed) Remove(ctx context.Context) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: b.Namespace}}
	if err := client.IgnoreNotFound(b.Client.Delete(ctx, namespace)); err != nil {
		return fmt.Errorf("removing namespace %s: %w", b.Namespace, err)
	}
	err := wait.PollUntilContextTimeout(ctx, time.Second, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		return apierrors.IsNotFound(b.Client.Get(ctx, client.ObjectKeyFromObject(namespace), namespace)), nil
	})
	if err != nil {
		return fmt.Errorf("namespace %s is still being removed: %w", b.Namespace, err)
	}
	return nil
}

// Deploy makes a GoService of the bed's namespace and waits until so many pods of it are ready and, where anything is tuned, tuned.
func (b *Bed) Deploy(ctx context.Context, service *v1alpha1.GoService, pods int) error {
	service.Namespace = b.Namespace
	if err := b.Client.Create(ctx, service); err != nil {
		return fmt.Errorf("creating the GoService: %w", err)
	}
	err := wait.PollUntilContextTimeout(ctx, time.Second, 5*time.Minute, true, func(ctx context.Context) (bool, error) {
		err := b.Client.Get(ctx, client.ObjectKeyFromObject(service), service)
		if err != nil || !meta.IsStatusConditionTrue(service.Status.Conditions, v1alpha1.ConditionReady) {
			return false, nil
		}
		if plan := service.Status.Plan; plan != nil && plan.Workers == nil { // it is not built on the toolkit
			return int(service.Status.ReadyReplicas) == pods, nil
		}
		tuned := service.Status.LiveSettings
		return tuned != nil && int(tuned.ConfirmedPods) == pods && int(tuned.TotalPods) == pods, nil
	})
	if err != nil {
		return fmt.Errorf("the GoService is not ready and tuned: %w; its conditions: %s", err, conditionsOf(service))
	}
	return nil
}

// Undeploy deletes a GoService and waits until it has no pods, which the selector in its status selects, any more.
func (b *Bed) Undeploy(ctx context.Context, name, selector string) error {
	service := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Namespace: b.Namespace, Name: name}}
	if err := client.IgnoreNotFound(b.Client.Delete(ctx, service)); err != nil {
		return fmt.Errorf("deleting GoService %s: %w", name, err)
	}
	parsed, err := labels.Parse(selector)
	if err != nil {
		return err
	}
	err = wait.PollUntilContextTimeout(ctx, time.Second, 3*time.Minute, true, func(ctx context.Context) (bool, error) {
		var pods corev1.PodList
		err := b.Client.List(ctx, &pods, client.InNamespace(b.Namespace), client.MatchingLabelsSelector{Selector: parsed})
		return err == nil && len(pods.Items) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("pods of GoService %s are still there: %w", name, err)
	}
	return nil
}

func conditionsOf(service *v1alpha1.GoService) string {
	text := ""
	for _, c := range service.Status.Conditions {
		text += fmt.Sprintf("\n  %s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}
	return text
}

// Pods of a service, by the selector in its status; at least one.
func (b *Bed) Pods(ctx context.Context, selector string) ([]corev1.Pod, error) {
	parsed, err := labels.Parse(selector)
	if err != nil {
		return nil, err
	}
	var list corev1.PodList
	if err := b.Client.List(ctx, &list, client.InNamespace(b.Namespace), client.MatchingLabelsSelector{Selector: parsed}); err != nil {
		return nil, fmt.Errorf("listing pods: %w", err)
	}
	if len(list.Items) == 0 {
		return nil, fmt.Errorf("no pod matches %s", selector)
	}
	return list.Items, nil
}

// Serving says that a pod is ready and stays.
func Serving(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// Pass time.
func Pass(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// Step tells how a benchmark gets on.
func Step(progress io.Writer, format string, values ...any) {
	fmt.Fprintf(progress, "▸ "+format+"\n", values...)
}

// nodePort is the one that a kind cluster of this project leads to loopback.
const nodePort = 30080

// Expose leads the loopback port to the pods of a service, which the selector selects, and waits until the URL answers: kube-proxy
// follows a new Service within a second, not at once.
func (b *Bed) Expose(ctx context.Context, name, selector, url string) error {
	selected, err := metav1.ParseToLabelSelector(selector)
	if err != nil {
		return err
	}
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.Namespace, Name: name + "-loopback"},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeNodePort, Selector: selected.MatchLabels,
			Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromString("http"), NodePort: nodePort}},
		},
	}
	if err := b.Client.Create(ctx, service); err != nil {
		return fmt.Errorf("leading NodePort %d to the service (the sample of make quickstart holds it, make quickstart-down removes it): %w", nodePort, err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	browser := http.Client{Transport: transport, Timeout: time.Second}
	var last error
	err = wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return false, err
		}
		response, err := browser.Do(request)
		if last = err; err != nil {
			return false, nil
		}
		return true, response.Body.Close()
	})
	if err != nil {
		return fmt.Errorf("waiting for an answer at %s: %w", url, errors.Join(err, last))
	}
	return nil
}
