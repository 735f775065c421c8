// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

const (
	servicePort    = 8080
	requestTimeout = 5 * time.Second
)

// tally counts the answers to requests.
type tally struct {
	sent, admitted, limited, failed int
	failures                        []string
}

func (t *tally) add(code int, err error) {
	t.sent++
	switch {
	case err == nil && code == http.StatusOK:
		t.admitted++
	case err == nil && code == http.StatusTooManyRequests:
		t.limited++
	default:
		t.failed++
		if err == nil {
			err = fmt.Errorf("HTTP status %d", code)
		}
		if len(t.failures) < 3 {
			t.failures = append(t.failures, err.Error())
		}
	}
}

// send sends requests at a rate, each when it is due or as soon after as this machine gets to it, until ctx ends, and waits
// for the last answer.
func send(ctx context.Context, httpClient *http.Client, url string, rate int) tally {
	var mu sync.Mutex
	var counts tally
	var running sync.WaitGroup
	ticker := time.NewTicker(time.Second / time.Duration(rate))
	defer ticker.Stop()
	started, sent := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			running.Wait()
			return counts
		case <-ticker.C:
		}
		for due := int(time.Since(started).Seconds() * float64(rate)); sent < due; sent++ {
			running.Go(func() {
				code, err := get(context.WithoutCancel(ctx), httpClient, url)
				mu.Lock()
				defer mu.Unlock()
				counts.add(code, err)
			})
		}
	}
}

func get(ctx context.Context, httpClient *http.Client, url string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	response, err := httpClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// load is the light traffic during the edits.
type load struct {
	cancel context.CancelFunc
	done   chan tally
	once   func() tally
}

// startLoad sends requests through a NodePort, each on a connection of its own, so that they go to all pods.
func (b bench) startLoad(ctx context.Context, rate int) (*load, error) {
	address, err := b.expose(ctx)
	if err != nil {
		return nil, err
	}
	httpClient := &http.Client{Timeout: requestTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	if err := answering(ctx, httpClient, "http://"+address+"/"); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	l := &load{cancel: cancel, done: make(chan tally, 1)}
	l.once = sync.OnceValue(func() tally { cancel(); return <-l.done })
	go func() { l.done <- send(ctx, httpClient, "http://"+address+"/", rate) }()
	return l, nil
}

// stop ends the traffic and returns what was counted.
func (l *load) stop() tally { return l.once() }

// answering waits until the node leads to a pod.
func answering(ctx context.Context, httpClient *http.Client, url string) error {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(20 * time.Second)
	for {
		code, err := get(ctx, httpClient, url)
		if err == nil && code < http.StatusInternalServerError {
			return nil
		}
		select {
		case <-ticker.C:
		case <-deadline:
			return fmt.Errorf("%s does not answer: %w", url, err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// expose makes a NodePort that leads to the service's pods and returns a node's address with it.
func (b bench) expose(ctx context.Context) (string, error) {
	var service v1alpha1.GoService
	if err := b.Client.Get(ctx, client.ObjectKey{Namespace: b.Namespace, Name: serviceName}, &service); err != nil {
		return "", fmt.Errorf("reading the GoService: %w", err)
	}
	selector, err := metav1.ParseToLabelSelector(service.Status.Selector)
	if err != nil {
		return "", err
	}
	nodePort := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.Namespace, Name: serviceName + "-node"},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeNodePort, Selector: selector.MatchLabels,
			Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(servicePort)}},
		},
	}
	if err := b.Client.Create(ctx, nodePort); err != nil {
		return "", fmt.Errorf("exposing the service: %w", err)
	}
	var nodes corev1.NodeList
	if err := b.Client.List(ctx, &nodes); err != nil {
		return "", fmt.Errorf("listing nodes: %w", err)
	}
	for i := range nodes.Items {
		for _, address := range nodes.Items[i].Status.Addresses {
			if address.Type == corev1.NodeInternalIP {
				return fmt.Sprintf("%s:%d", address.Address, nodePort.Spec.Ports[0].NodePort), nil
			}
		}
	}
	return "", errors.New("no node has an internal address")
}

// admission is what was admitted of a service that was driven beyond its limit through one pod.
type admission struct {
	limit, burst int
	length       time.Duration
	counts       tally
}

const (
	// drivenLimit is of the service as a whole: the other pods, which nobody asks, lend the one their shares.
	drivenLimit = 50
	// drivenBurst is a second's worth: requests that this machine sends late still find what is due to them.
	drivenBurst = 50
	drivenFor   = 4 * time.Second
	// A pod may admit this much more than the limit, since the drive does not end at a sharp moment, and this much less,
	// since a busy machine does not send all the time.
	toleranceAbove, toleranceBelow = 0.1, 0.3
)

// drive lowers the limit and sends four times as much to one pod.
func (b bench) drive(ctx context.Context, pod corev1.Pod, pods int) (admission, error) {
	if _, err := b.setLimit(ctx, drivenLimit, drivenBurst); err != nil {
		return admission{}, err
	}
	if _, err := b.inForce(ctx, pod.Name, drivenLimit/float64(pods), askEvery, editTimeout); err != nil {
		return admission{}, err
	}
	address, closeTunnel, err := b.tunnel(pod.Name)
	if err != nil {
		return admission{}, err
	}
	defer closeTunnel()
	httpClient := &http.Client{Timeout: requestTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	a := admission{limit: drivenLimit, burst: drivenBurst}
	driving, cancel := context.WithTimeout(ctx, drivenFor)
	defer cancel()
	started := time.Now()
	a.counts = send(driving, httpClient, "http://"+address+"/", 4*drivenLimit)
	a.length = time.Since(started)
	return a, nil
}

// check demands that the limit was admitted, no more and no less.
func (a admission) check() error {
	if difference := float64(a.counts.admitted)/a.expected() - 1; difference <= toleranceAbove && difference >= -toleranceBelow {
		return nil
	}
	return fmt.Errorf("the limit is not what is enforced: %d requests were admitted instead of %.0f (%d failed%s)",
		a.counts.admitted, a.expected(), a.counts.failed, because(a.counts.failures))
}

func (a admission) expected() float64 { return float64(a.limit)*a.length.Seconds() + float64(a.burst) }

// tunnel forwards a loopback port to a pod.
func (b bench) tunnel(pod string) (address string, closeTunnel func(), err error) {
	roundTripper, upgrader, err := spdy.RoundTripperFor(b.Config)
	if err != nil {
		return "", nil, err
	}
	url := b.Clientset.CoreV1().RESTClient().Post().Resource("pods").Namespace(b.Namespace).Name(pod).SubResource("portforward").URL()
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: roundTripper}, http.MethodPost, url)
	stop, ready, failed := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	forwarder, err := portforward.NewOnAddresses(dialer, []string{"127.0.0.1"}, []string{fmt.Sprintf("0:%d", servicePort)}, stop, ready, io.Discard, io.Discard)
	if err != nil {
		return "", nil, err
	}
	go func() { failed <- forwarder.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-failed:
		return "", nil, fmt.Errorf("forwarding a port to pod %s: %w", pod, err)
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		close(stop)
		return "", nil, err
	}
	return fmt.Sprintf("127.0.0.1:%d", ports[0].Local), func() { close(stop) }, nil
}
