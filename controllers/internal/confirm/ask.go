// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package confirm

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/podhttp"
)

const (
	livePath      = "/live-settings"
	olderLivePath = "/tuning"
	// maxReportBytes bounds what a pod may answer: the document as it concerns that pod, without the other pods' rate limits.
	// The largest that a GoService can ask for takes 9 KiB, most of it 32 upstreams; the rest is for the pod's error.
	maxReportBytes = 32 << 10
)

// AskDirectly asks pods at their own addresses, which an operator inside the cluster can reach.
func AskDirectly() func(context.Context, Pod) (Answer, error) { return askAt(build.AdminPort) }

func askAt(port int) func(context.Context, Pod) (Answer, error) {
	client := podhttp.Client(podhttp.Options{Timeout: askTimeout, IdlePerHost: 1, IdleTimeout: 10 * time.Second})
	return func(ctx context.Context, pod Pod) (Answer, error) {
		address := net.JoinHostPort(pod.IP, strconv.Itoa(port))
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+pathOf(pod), http.NoBody)
		if err != nil {
			return Answer{}, err
		}
		response, err := client.Do(request)
		if err != nil {
			return Answer{}, err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return Answer{}, fmt.Errorf("answers %s with HTTP status %d", pathOf(pod), response.StatusCode)
		}
		return parse(pod, response.Body)
	}
}

// AskThroughAPIServer asks pods through the API server's proxy, for an operator that runs outside the cluster.
func AskThroughAPIServer(client corev1client.PodsGetter) func(context.Context, Pod) (Answer, error) {
	return func(ctx context.Context, pod Pod) (Answer, error) {
		stream, err := client.Pods(pod.Namespace).
			ProxyGet("http", pod.Name, strconv.Itoa(build.AdminPort), pathOf(pod), nil).Stream(ctx)
		if err != nil {
			return Answer{}, err
		}
		defer stream.Close()
		return parse(pod, stream)
	}
}

// parse reads of a report only what is asked for, so that neither the document nor anything else in it is kept.
func parse(pod Pod, body io.Reader) (Answer, error) {
	content, err := io.ReadAll(io.LimitReader(body, maxReportBytes))
	if err != nil {
		return Answer{}, err
	}
	// Only this much of a livesettings.Report: in pods that are newer the rest may have another form.
	var report struct{ Revision, Error string }
	if err := json.Unmarshal(content, &report); err != nil {
		return Answer{}, fmt.Errorf("does not answer %s with a live settings report: %w", pathOf(pod), err)
	}
	return Answer{Revision: podhttp.Clip(report.Revision), Refused: podhttp.Clip(report.Error)}, nil
}

// pathOf is where a pod reports its live settings.
func pathOf(pod Pod) string {
	if pod.Older {
		return olderLivePath
	}
	return livePath
}
