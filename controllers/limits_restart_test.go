// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"goservice.dev/operator/controllers/internal/measure"
	"goservice.dev/operator/workload/livesettings"
)

// documentLog notes the live settings that an operator writes.
type documentLog struct {
	mu        sync.Mutex
	documents []livesettings.Document
	problem   error
}

func (l *documentLog) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		if request.Method == http.MethodPatch && strings.HasSuffix(request.URL.Path, "/configmaps/"+serviceName+"-live-settings") {
			content, err := io.ReadAll(request.Body)
			if err != nil {
				return nil, err
			}
			request.Body = io.NopCloser(bytes.NewReader(content))
			l.note(content)
		}
		return next.RoundTrip(request)
	})
}

func (l *documentLog) note(content []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var configMap corev1.ConfigMap
	err := json.Unmarshal(content, &configMap)
	if err == nil {
		var document livesettings.Document
		if document, err = livesettings.Parse([]byte(configMap.Data[livesettings.FileName])); err == nil {
			l.documents = append(l.documents, document)
			return
		}
	}
	l.problem = err
}

// parts of pods that were written since the log was begun, one map for each document.
func (l *documentLog) parts(t *testing.T, pods ...string) (written []map[string]float64) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.problem != nil {
		t.Fatal(l.problem)
	}
	for i := range l.documents {
		parts := map[string]float64{}
		for _, pod := range pods {
			parts[pod] = l.documents[i].For(pod).RateLimit.RequestsPerSecond
		}
		written = append(written, parts)
	}
	return written
}

// An operator that is replaced while pods refuse requests leaves a limit as it is divided, however often it looks; when the demand
// moves, it follows that, and neither is more than the limit ever given nor is it divided equally on the way.
func TestAnOperatorThatStartsWhilePodsRefuseLeavesTheLimitDivided(t *testing.T) {
	t.Parallel()
	const a, b, limit = "checkout-a", "checkout-b", 200
	namespace, pods, load := newNamespace(t), newWorkload(), newTraffic(0)
	load.own = map[string]float64{a: 180, b: 60}
	pods.scrape = func(ctx context.Context, pod measure.Pod, from measure.Endpoint) (measure.Sample, error) {
		counters, err := load.scrape(ctx, pod, from)
		counters.Refused = counters.Requests / 6 // of 240/s 200/s are admitted
		return counters, err
	}
	first := startOperator(t, namespace, pods)
	applyService(t, namespace, `{slo: {availability: "99.9"}, replicas: 2, rateLimit: {requestsPerSecond: 200}}`)
	settled(t, namespace, serviceName)
	startPod(t, namespace, a)
	startPod(t, namespace, b)
	eventually(t, func(g gomega.Gomega) { g.Expect(pods.inForce(t, namespace)[a]).To(gomega.BeNumerically(">", 110)) })
	eventually(t, func(g gomega.Gomega) {
		force := pods.inForce(t, namespace)
		g.Expect(force[a]).To(gomega.BeNumerically("~", 150, 10))
		g.Expect(force[b]).To(gomega.BeNumerically("~", 50, 10))
	})
	first.stop()
	before := pods.inForce(t, namespace)

	log := &documentLog{}
	asked := load.timesAsked()
	startOperator(t, namespace, pods, func(o *operatorOptions) { o.wrap = log.wrap })
	const looks = 8 // one a second: after five at most it is known what each pod is asked
	eventually(t, func(g gomega.Gomega) { g.Expect(load.timesAsked()).To(gomega.BeNumerically(">=", asked+2*looks)) })
	for _, parts := range log.parts(t, a, b) { // it may write for pods that are expected: the demand asks for more of them
		if !maps.Equal(parts, before) {
			t.Errorf("the new operator gave %v, in force was %v", parts, before)
		}
	}

	load.change(func() { load.own[a], load.own[b] = 60, 180 })
	eventually(t, func(g gomega.Gomega) { // in its first minute, a tenth of the limit may stay misplaced
		g.Expect(pods.inForce(t, namespace)[b]).To(gomega.BeNumerically("~", 150, limit/10))
	})
	for _, parts := range log.parts(t, a, b) {
		if parts[a]+parts[b] > limit || parts[a] == parts[b] {
			t.Errorf("%v was given of %d", parts, limit)
		}
	}
}
