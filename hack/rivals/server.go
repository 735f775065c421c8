// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rivals

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/scale"
	"k8s.io/client-go/tools/cache"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
)

const namespace, name = "default", "simulated"

// server is what the controller finds in its cluster: one Deployment with its scale, its pods, and their metrics.
type server struct {
	mutex    sync.Mutex
	at       time.Time // of the look, in the controller's time
	replicas int32
	states   []podState
	requests []int64       // per second, in thousandths; none where nothing is known
	pods     cache.Indexer // of the controller's informer
	looks    int
}

// show what the next look will find, so much later than the one before.
func (s *server) show(later time.Duration, replicas int, states []podState) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.at, s.replicas, s.states = s.at.Add(later), int32(replicas), states
	s.store()
}

// request is what the next look will find of all pods' requests per second, if anything.
func (s *server) request(perSecond float64, known bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.requests = nil
	if known {
		s.requests = []int64{int64(math.Round(1000 * perSecond))}
	}
}

// keepPods in the cache of the controller's informer, from the first look on.
func (s *server) keepPods(pods cache.Indexer, first time.Time) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.pods, s.at = pods, first
	s.store()
}

func (s *server) store() {
	if s.pods == nil {
		return
	}
	objects := make([]any, 0, len(s.states))
	for i := range s.states {
		objects = append(objects, s.pod(&s.states[i]))
	}
	if err := s.pods.Replace(objects, ""); err != nil {
		panic(fmt.Sprintf("keeping the pods: %v", err)) // a cache takes every object with a name
	}
}

func (s *server) pod(state *podState) *corev1.Pod {
	created := metav1.NewTime(s.at.Add(-state.age))
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: state.name, Labels: map[string]string{"app": name}, CreationTimestamp: created},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: *resource.NewMilliQuantity(state.request, resource.DecimalSI)},
		}}}},
		Status: corev1.PodStatus{Phase: corev1.PodPending, StartTime: &created},
	}
	if state.ready {
		pod.Status.Phase = corev1.PodRunning
		pod.Status.Conditions = []corev1.PodCondition{{
			Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(s.at.Add(-state.readyFor)),
		}}
	}
	if state.leaving {
		pod.DeletionTimestamp = &created // any: only that there is one counts
	}
	return pod
}

// answer is how many replicas there are to be, after the look.
func (s *server) answer() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return int(s.replicas)
}

// Scales are those of the one Deployment.
func (s *server) Scales(string) scale.ScaleInterface { return s }

// Get the Deployment's scale.
func (s *server) Get(context.Context, schema.GroupResource, string, metav1.GetOptions) (*autoscalingv1.Scale, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.looks++
	return &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       autoscalingv1.ScaleSpec{Replicas: s.replicas},
		Status:     autoscalingv1.ScaleStatus{Replicas: s.replicas, Selector: "app=" + name},
	}, nil
}

// Update the Deployment's scale.
func (s *server) Update(_ context.Context, _ schema.GroupResource, scale *autoscalingv1.Scale, _ metav1.UpdateOptions) (*autoscalingv1.Scale, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.replicas = scale.Spec.Replicas
	return scale, nil
}

// errNotServed is the answer to what the controller does not ask for, or not yet.
var errNotServed = errors.New("not served")

// Patch is not served.
func (s *server) Patch(context.Context, schema.GroupVersionResource, string, types.PatchType, []byte, metav1.PatchOptions) (*autoscalingv1.Scale, error) {
	return nil, errNotServed
}

// GetResourceMetric is what metrics-server has of the pods.
func (s *server) GetResourceMetric(_ context.Context, _ corev1.ResourceName, _ string, _ labels.Selector, _ string) (metrics.PodMetricsInfo, time.Time, error) {
	time.Sleep(lookTime) //nolint:forbidigo // time passes in the bubble only
	s.mutex.Lock()
	defer s.mutex.Unlock()
	info := metrics.PodMetricsInfo{}
	for i := range s.states {
		if state := &s.states[i]; state.sampled {
			info[state.name] = metrics.PodMetric{Timestamp: s.at.Add(-state.sampleAge), Window: state.window, Value: state.millicores}
		}
	}
	return info, s.at, nil
}

// GetRawMetric is not served.
func (s *server) GetRawMetric(string, string, labels.Selector, labels.Selector) (metrics.PodMetricsInfo, time.Time, error) {
	return nil, time.Time{}, errNotServed
}

// GetObjectMetric is not served.
func (s *server) GetObjectMetric(string, string, *autoscalingv2.CrossVersionObjectReference, labels.Selector) (int64, time.Time, error) {
	return 0, time.Time{}, errNotServed
}

// GetExternalMetric is the requests per second of all pods.
func (s *server) GetExternalMetric(string, string, labels.Selector) ([]int64, time.Time, error) {
	time.Sleep(lookTime) //nolint:forbidigo // time passes in the bubble only
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.requests == nil {
		return nil, time.Time{}, errNotServed
	}
	return s.requests, s.at, nil
}
