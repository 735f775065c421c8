// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"goservice.dev/operator/controllers/internal/podhttp"
	"goservice.dev/operator/controllers/tuner"
)

// ScrapeDirectly reads pods at their own addresses, which an operator inside the cluster can reach, over connections that
// stay open.
func ScrapeDirectly(port string) func(context.Context, Pod) (tuner.Counters, error) {
	return scraper(port, 1)
}

func scraper(port string, idlePerHost int) func(context.Context, Pod) (tuner.Counters, error) {
	client := podhttp.Client(podhttp.Options{Timeout: scrapeTimeout, IdlePerHost: idlePerHost, IdleTimeout: 10 * period})
	return func(ctx context.Context, pod Pod) (tuner.Counters, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(pod.IP, port)+"/metrics", http.NoBody)
		if err != nil {
			return tuner.Counters{}, err
		}
		request.Header.Set("Accept", "text/plain;version=0.0.4")
		response, err := client.Do(request)
		if err != nil {
			return tuner.Counters{}, err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return tuner.Counters{}, fmt.Errorf("GET /metrics: HTTP status %d", response.StatusCode)
		}
		return parseAt(time.Now(), podhttp.Limit(response.Body, MaxPageBytes))
	}
}

// ScrapeThroughAPIServer reads pods through the API server's proxy, for an operator that runs outside the cluster. The
// client must be bound to MaxPageBytes.
func ScrapeThroughAPIServer(client corev1client.PodsGetter, port string) func(context.Context, Pod) (tuner.Counters, error) {
	return func(ctx context.Context, pod Pod) (tuner.Counters, error) {
		page, err := client.Pods(pod.Namespace).ProxyGet("http", pod.Name, port, "/metrics", nil).Stream(ctx)
		if err != nil {
			return tuner.Counters{}, err
		}
		defer page.Close()
		return parseAt(time.Now(), page)
	}
}

// parseAt reads a page whose head arrived at a time: pods count until they begin to answer, however long reading takes.
func parseAt(at time.Time, page io.Reader) (tuner.Counters, error) {
	counters, err := Parse(page)
	counters.At = at
	return counters, err
}
