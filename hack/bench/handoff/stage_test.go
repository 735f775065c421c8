// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/bench/internal/bed"
)

func sixteen() settings {
	return settings{
		image: "load", grpc: "waits", pods: 16, work: 10 * time.Millisecond, loads: []float64{0.5, 0.8}, pinned: 0.5, light: 0.1, slowPod: 0.5,
		rounds: 1, duration: 15 * time.Second,
	}
}

func TestEachStageLoadsItsOwnServices(t *testing.T) {
	stages := sixteen().stages()
	var names []string
	for _, st := range stages {
		for _, w := range st.ways {
			names = append(names, st.prefix+w.name)
			if grpc := slices.Contains(w.flags, "-grpc"); grpc != (st.prefix == "grpc-") {
				t.Errorf("%s%s is called with %q", st.prefix, w.name, w.flags)
			}
			if w.slowPod != (w.name == oneSlow) {
				t.Errorf("%s: a slow pod: %t", w.name, w.slowPod)
			}
		}
	}
	if want := []string{byChance, byChance, overFew, lightly, oneSlow, "grpc-" + overGRPC}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	var http, grpc v1alpha1.GoServiceSpec
	stages[0].change(&http)
	stages[1].change(&grpc)
	if http.Image != "" || http.EnvFrom[0].ConfigMapRef.Name != faultsName || stages[0].path != "/work?sleep=10ms" || !stages[0].grows {
		t.Errorf("%+v of %+v", http, stages[0])
	}
	if grpc.Image != "waits" || grpc.Env[0].Name != "WAIT" || grpc.Env[0].Value != "10ms" || stages[1].grows {
		t.Errorf("%+v of %+v", grpc, stages[1])
	}
	if flags := strings.Join(stages[1].ways[0].flags, " "); flags != "-grpc -connections 4" {
		t.Errorf("the client of gRPC has the flags %s", flags)
	}
}

func podNamed(name string, ready corev1.ConditionStatus) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: map[string]string{"app": "a"}},
		Status:     corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}},
	}
}

// The same pod is slow in each round, and as fast as the others afterwards.
func TestOnePodIsSlowForAsLongAsItIsMeasured(t *testing.T) {
	type call struct{ method, path, body string }
	var calls []call
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls = append(calls, call{r.Method, r.URL.Path, string(body)})
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	}))
	defer server.Close()
	clientset, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	objects := fake.NewClientBuilder().WithObjects(podNamed("c", corev1.ConditionTrue), podNamed("a", corev1.ConditionFalse), podNamed("b", corev1.ConditionTrue)).Build()
	tr := trial{settings: sixteen(), Bed: &bed.Bed{Client: objects, Clientset: clientset, Namespace: "shop"}}
	restore, err := tr.slowDown(t.Context(), &service{name: "with", selector: "app=a"})
	if err != nil {
		t.Fatal(err)
	}
	if err := restore(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	const path = "/api/v1/namespaces/shop/pods/b:9100/proxy/fault"
	if want := []call{{"PUT", path, `{"latency":"40ms","for":"1m15s"}`}, {"DELETE", path, ""}}; !slices.Equal(calls, want) {
		t.Errorf("%v, want %v", calls, want)
	}
	if !json.Valid(tr.slowFault()) {
		t.Errorf("%s", tr.slowFault())
	}
	if _, err := slowest([]corev1.Pod{*podNamed("a", corev1.ConditionFalse)}); err == nil {
		t.Error("a pod that does not serve is slow")
	}
}
