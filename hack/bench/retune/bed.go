// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/client/config"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/workload/tuning"
)

const (
	serviceName = "retuned"
	adminPort   = 9100
	// startingLimit of each pod.
	startingLimit = 100
)

// bed is the namespace in which everything happens.
type bed struct {
	config    *rest.Config
	client    client.Client
	clientset *kubernetes.Clientset
	namespace string
}

func openBed(ctx context.Context) (*bed, error) {
	config, err := ctrlconfig.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("finding the cluster: %w", err)
	}
	config.QPS, config.UserAgent = -1, "goservice-bench"
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	b := &bed{config: config}
	if b.client, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return nil, err
	}
	if b.clientset, err = kubernetes.NewForConfig(config); err != nil {
		return nil, err
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "bench-retune-"}}
	if err := b.client.Create(ctx, namespace); err != nil {
		return nil, fmt.Errorf("creating a namespace: %w", err)
	}
	b.namespace = namespace.Name
	return b, nil
}

// remove deletes the namespace and waits until nothing of it is left.
func (b *bed) remove(ctx context.Context) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: b.namespace}}
	if err := client.IgnoreNotFound(b.client.Delete(ctx, namespace)); err != nil {
		return fmt.Errorf("removing namespace %s: %w", b.namespace, err)
	}
	err := wait.PollUntilContextTimeout(ctx, time.Second, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		return apierrors.IsNotFound(b.client.Get(ctx, client.ObjectKeyFromObject(namespace), namespace)), nil
	})
	if err != nil {
		return fmt.Errorf("namespace %s is still being removed: %w", b.namespace, err)
	}
	return nil
}

// smallResources let many pods fit on one node.
func smallResources() corev1.ResourceRequirements {
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("16Mi")},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")},
	}
}

// deploy makes the GoService and returns its pods once they are tuned.
func (b *bed) deploy(ctx context.Context, pods int) ([]corev1.Pod, error) {
	service := &v1alpha1.GoService{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: serviceName},
		Spec: v1alpha1.GoServiceSpec{
			Replicas:  new(int32(pods)),
			RateLimit: &v1alpha1.RateLimitSpec{RequestsPerSecond: int32(pods * startingLimit)},
			Resources: new(smallResources()),
			Shutdown:  &v1alpha1.ShutdownSpec{PreStopDelay: &metav1.Duration{}, DrainTimeout: &metav1.Duration{Duration: time.Second}},
		},
	}
	if err := b.client.Create(ctx, service); err != nil {
		return nil, fmt.Errorf("creating the GoService: %w", err)
	}
	err := wait.PollUntilContextTimeout(ctx, time.Second, 5*time.Minute, true, func(ctx context.Context) (bool, error) {
		err := b.client.Get(ctx, client.ObjectKeyFromObject(service), service)
		tuned := service.Status.Tuning
		return err == nil && meta.IsStatusConditionTrue(service.Status.Conditions, v1alpha1.ConditionReady) &&
			tuned != nil && int(tuned.ConfirmedPods) == pods && int(tuned.TotalPods) == pods, nil
	})
	if err != nil {
		return nil, fmt.Errorf("the GoService is not ready and tuned: %w; its conditions: %s", err, conditionsOf(service))
	}
	return b.pods(ctx, service.Status.Selector)
}

func conditionsOf(service *v1alpha1.GoService) string {
	text := ""
	for _, c := range service.Status.Conditions {
		text += fmt.Sprintf("\n  %s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}
	return text
}

func (b *bed) pods(ctx context.Context, selector string) ([]corev1.Pod, error) {
	parsed, err := labels.Parse(selector)
	if err != nil {
		return nil, err
	}
	var list corev1.PodList
	if err := b.client.List(ctx, &list, client.InNamespace(b.namespace), client.MatchingLabelsSelector{Selector: parsed}); err != nil {
		return nil, fmt.Errorf("listing pods: %w", err)
	}
	if len(list.Items) == 0 {
		return nil, fmt.Errorf("no pod matches %s", selector)
	}
	return list.Items, nil
}

// restarts counts containers that were restarted and pods that were replaced since the pods were listed.
func (b *bed) restarts(ctx context.Context, before []corev1.Pod) (int, error) {
	count := 0
	for i := range before {
		var now corev1.Pod
		err := b.client.Get(ctx, client.ObjectKeyFromObject(&before[i]), &now)
		if apierrors.IsNotFound(err) || (err == nil && now.UID != before[i].UID) {
			count++
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("reading pod %s: %w", before[i].Name, err)
		}
		count += int(restartsOf(&now) - restartsOf(&before[i]))
	}
	return count, nil
}

func restartsOf(pod *corev1.Pod) int32 {
	var count int32
	for i := range pod.Status.ContainerStatuses {
		count += pod.Status.ContainerStatuses[i].RestartCount
	}
	return count
}

// report is what a pod says of its tuning.
func (b *bed) report(ctx context.Context, pod string) (tuning.Report, error) {
	body, err := b.clientset.CoreV1().Pods(b.namespace).ProxyGet("http", pod, strconv.Itoa(adminPort), "/tuning", nil).DoRaw(ctx)
	if err != nil {
		return tuning.Report{}, fmt.Errorf("asking pod %s: %w", pod, err)
	}
	var report tuning.Report
	if err := json.Unmarshal(body, &report); err != nil {
		return tuning.Report{}, fmt.Errorf("asking pod %s: %w", pod, err)
	}
	return report, nil
}

// inForce waits until a pod enforces a limit and returns since when. It asks seldom: the pod itself knows the moment.
func (b *bed) inForce(ctx context.Context, pod string, limit float64, every, timeout time.Duration) (time.Time, error) {
	var since time.Time
	var last error
	err := wait.PollUntilContextTimeout(ctx, every, timeout, false, func(ctx context.Context) (bool, error) {
		report, err := b.report(ctx, pod)
		if err != nil {
			last = err
			return false, nil
		}
		last = nil
		if report.Document.RateLimit == nil || report.Document.RateLimit.RequestsPerSecond != limit {
			return false, nil
		}
		since = report.Since
		return true, nil
	})
	if err != nil {
		return time.Time{}, errors.Join(fmt.Errorf("pod %s does not enforce %g requests per second after %s: %w", pod, limit, timeout, err), last)
	}
	return since, nil
}
