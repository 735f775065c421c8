// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/bench/internal/bed"
	"goservice.dev/operator/hack/bench/internal/exposition"
	"goservice.dev/operator/hack/bench/internal/machine"
)

const (
	// adminPort of the pods.
	adminPort = 9100
	// linksTimeout is how long pods may take to find each other.
	linksTimeout = 2 * time.Minute
	// share of its fair part from which a new pod carries its part, and the time over which that is taken.
	fairShare = 0.5
	fairOver  = time.Second
)

// Series of a pod's metrics.
const (
	seriesMoved = `goservice_hand_off_requests_total{result="moved"}`
	seriesHop   = "goservice_hand_off_hop_seconds"
	seriesPeers = "goservice_hand_off_peers"
	seriesCPU   = "process_cpu_seconds_total"
	seriesWork  = "goservice_service_seconds_count"
)

// trial is the two services, and where they are.
type trial struct {
	settings
	*bed.Bed
	progress      io.Writer
	with, without *service
	clients       int
}

// service is one that is measured, and the path of its requests.
type service struct{ name, selector, path string }

// deploy a service and wait until its pods know each other, if they are to.
func (t *trial) deploy(ctx context.Context, st stage, name string, mode v1alpha1.HandOffMode) (*service, error) {
	object := &v1alpha1.GoService{
		ObjectMeta: metav1.ObjectMeta{Name: st.prefix + name},
		Spec: v1alpha1.GoServiceSpec{
			HandOff:     mode,
			Replicas:    new(int32(t.pods)),
			Autoscaling: &v1alpha1.AutoscalingSpec{Mode: v1alpha1.AutoscalingExternal},
			Pool:        &v1alpha1.PoolSpec{Workers: new(int32(1))},
			Resources: &v1alpha1.ResourcesSpec{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("16Mi")},
				Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")},
			},
		},
	}
	st.change(&object.Spec)
	if err := t.Deploy(ctx, object, t.pods); err != nil {
		return nil, err
	}
	one := &service{object.Name, object.Status.Selector, st.path}
	if mode == v1alpha1.HandOffDisabled {
		return one, nil
	}
	err := wait.PollUntilContextTimeout(ctx, time.Second, linksTimeout, true, func(ctx context.Context) (bool, error) {
		pages, err := t.read(ctx, one)
		return err == nil && !slices.ContainsFunc(pages, func(p map[string]float64) bool { return p[seriesPeers] < float64(min(t.pods-1, 8)) }), nil
	})
	if err != nil {
		return nil, fmt.Errorf("the pods of %s do not know each other: %w", one.name, err)
	}
	return one, nil
}

// read the figures of each pod that is ready.
func (t *trial) read(ctx context.Context, one *service) ([]map[string]float64, error) {
	pods, err := t.Pods(ctx, one.selector)
	if err != nil {
		return nil, err
	}
	var all []map[string]float64
	for i := range pods {
		if !bed.Serving(&pods[i]) {
			continue
		}
		figures, err := t.figuresOf(ctx, pods[i].Name)
		if err != nil {
			return nil, err
		}
		all = append(all, figures)
	}
	return all, nil
}

func (t *trial) figuresOf(ctx context.Context, pod string) (map[string]float64, error) {
	page, err := t.Clientset.CoreV1().RESTClient().Get().Namespace(t.Namespace).Resource("pods").
		Name(pod + ":" + strconv.Itoa(adminPort)).SubResource("proxy").Suffix("metrics").DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the metrics of %s: %w", pod, err)
	}
	return exposition.Sums(page, seriesMoved, seriesHop, seriesPeers, seriesCPU, seriesWork)
}

// measure one service under one load.
func (t *trial) measure(ctx context.Context, one *service, w way) (f figures, err error) {
	if w.slowPod {
		restore, failed := t.slowDown(ctx, one)
		if failed != nil {
			return f, failed
		}
		defer func() { err = errors.Join(err, restore(context.WithoutCancel(ctx))) }()
	}
	before, err := t.read(ctx, one)
	if err != nil {
		return f, err
	}
	processors, err := machine.Now()
	if err != nil {
		return f, err
	}
	summary, err := t.client(ctx, one, w, t.duration, nil)
	if err != nil {
		return f, err
	}
	later, err := machine.Now()
	if err != nil {
		return f, err
	}
	after, err := t.read(ctx, one)
	if err != nil {
		return f, err
	}
	f = figuresOf(summary, before, after)
	f.busy = processors.Until(later)
	return f, nil
}

// summary of the load generator.
type summary struct {
	Within, Sent, Accepted, Refused, Failed, Unsent int64

	Late    int64 `json:"lateP99Microseconds"`
	Answers map[string]struct {
		Latencies map[string]int64 `json:"latencyMicroseconds"`
	}
}

// client runs the load generator in a pod to its end. meanwhile, if not nil, is done once it runs.
func (t *trial) client(ctx context.Context, one *service, w way, duration time.Duration, meanwhile func(context.Context) error) (s summary, err error) {
	t.clients++
	arguments := append([]string{
		"-json", "-poisson", "-url", fmt.Sprintf("http://%s.%s.svc%s", one.name, t.Namespace, one.path),
		"-rate", strconv.FormatFloat(t.rate(w.load), 'f', 2, 64), "-for", duration.String(), "-outstanding", "8192", "-within", t.slow.String(), "-timeout", "10s",
	}, w.flags...)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: t.Namespace, Name: fmt.Sprintf("client-%d", t.clients)},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, AutomountServiceAccountToken: new(false),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: new(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: "load", Image: t.image, ImagePullPolicy: corev1.PullIfNotPresent, Args: arguments,
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
	if err := t.Client.Create(ctx, pod); err != nil {
		return s, fmt.Errorf("creating the client: %w", err)
	}
	if meanwhile != nil {
		if err := t.reaches(ctx, pod, corev1.PodRunning); err != nil {
			return s, err
		}
		if err := meanwhile(ctx); err != nil {
			return s, err
		}
	}
	if err := t.reaches(ctx, pod, corev1.PodSucceeded); err != nil {
		return s, err
	}
	log, err := t.Clientset.CoreV1().Pods(t.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(ctx)
	if err != nil {
		return s, fmt.Errorf("reading what the client says: %w", err)
	}
	// The lines of the seconds come from another stream: they may be before the summary or after it.
	_, text, found := bytes.Cut(append([]byte("\n"), log...), []byte("\n{"))
	if !found {
		return s, fmt.Errorf("the client says nothing of its requests: %s", log)
	}
	if err := json.NewDecoder(bytes.NewReader(append([]byte("{"), text...))).Decode(&s); err != nil {
		return s, fmt.Errorf("the client's summary: %w", err)
	}
	if s.Sent == 0 {
		return s, errors.New("the client has sent nothing")
	}
	return s, t.Client.Delete(ctx, pod)
}

// reaches a phase, of those in which a pod does not fail.
func (t *trial) reaches(ctx context.Context, pod *corev1.Pod, phase corev1.PodPhase) error {
	err := wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		if err := t.Client.Get(ctx, client.ObjectKeyFromObject(pod), pod); err != nil {
			return false, err
		}
		if pod.Status.Phase == corev1.PodFailed {
			return false, errors.New("it failed")
		}
		return pod.Status.Phase == phase || pod.Status.Phase == corev1.PodSucceeded, nil
	})
	if err != nil {
		return fmt.Errorf("waiting until client %s is %s: %w", pod.Name, phase, err)
	}
	return nil
}

// addPod while a few connections carry all requests, and say how long after it is ready it carries its part.
func (t *trial) addPod(ctx context.Context) (after time.Duration, err error) {
	known := map[string]bool{}
	pods, err := t.Pods(ctx, t.with.selector)
	if err != nil {
		return 0, err
	}
	for i := range pods {
		known[pods[i].Name] = true
	}
	_, err = t.client(ctx, t.with, t.pinnedWay(), 45*time.Second, func(ctx context.Context) error {
		if err := bed.Pass(ctx, 5*time.Second); err != nil {
			return err
		}
		object := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Namespace: t.Namespace, Name: t.with.name}}
		patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, t.pods+1)
		if err := t.Client.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch)); err != nil {
			return err
		}
		name, since, err := t.newPod(ctx, known)
		if err != nil {
			return err
		}
		after, err = t.carries(ctx, name, since)
		return err
	})
	bed.Step(t.progress, "a new pod carries its part %s after it is ready", after.Round(10*time.Millisecond))
	return after, err
}

// newPod waits until there is one and it is ready.
func (t *trial) newPod(ctx context.Context, known map[string]bool) (name string, since time.Time, err error) {
	err = wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		pods, err := t.Pods(ctx, t.with.selector)
		if err != nil {
			return false, err
		}
		for i := range pods {
			if !known[pods[i].Name] && bed.Serving(&pods[i]) {
				name, since = pods[i].Name, time.Now()
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		err = fmt.Errorf("waiting for a new pod: %w", err)
	}
	return name, since, err
}

// carries says how long after a moment the pod began to serve its part of the requests.
func (t *trial) carries(ctx context.Context, pod string, since time.Time) (after time.Duration, err error) {
	var seen []served
	fair := fairShare * t.rate(t.pinned) / float64(t.pods+1)
	err = wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		figures, err := t.figuresOf(ctx, pod)
		if err != nil {
			return false, err
		}
		seen = append(seen, served{time.Since(since), figures[seriesWork]})
		var found bool
		after, found = reached(seen, fair)
		return found, nil
	})
	if err != nil {
		err = fmt.Errorf("waiting until %s carries its part: %w", pod, err)
	}
	return after, err
}
