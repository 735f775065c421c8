// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

func TestTopOfAServiceShowsItsPods(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	service := create(t, namespace, "steady")
	pod := func(name string, labels map[string]string) {
		object := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: labels},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "service", Image: "x"}}},
		}
		if err := api.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		object.Status.Phase = corev1.PodPending
		object.Status.ContainerStatuses = []corev1.ContainerStatus{{
			Name: "service", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}},
		}}
		if err := api.Status().Update(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	labels := map[string]string{}
	for pair := range strings.SplitSeq(service.Status.Selector, ",") {
		key, value, _ := strings.Cut(pair, "=")
		labels[key] = value
	}
	pod("checkout-a", labels)
	pod("foreign", map[string]string{"app": "foreign"})
	out := succeeds(t, namespace, "top", "checkout")
	if !strings.Contains(out, "checkout-a   no") || !strings.Contains(out, "ImagePullBackOff") || strings.Contains(out, "foreign") {
		t.Errorf("it prints\n%s", out)
	}
	if said := fails(t, 2, namespace, "top", "checkout", "-A"); !strings.Contains(said, "-A does not go with a name") {
		t.Error(said)
	}
	create(t, namespace, "unseen", func(service *v1alpha1.GoService) { service.Name = "unseen" })
	if said := fails(t, 1, namespace, "top", "unseen"); !strings.Contains(said, "no operator has looked at it yet") {
		t.Error(said)
	}
}

func TestMetricsAreReadThroughTheAPIServer(t *testing.T) {
	t.Parallel()
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path
		_, _ = io.WriteString(w, "up 1\n")
	}))
	defer server.Close()
	scheme, mapper, err := kinds()
	if err != nil {
		t.Fatal(err)
	}
	config := &rest.Config{Host: server.URL}
	connection, err := client.NewWithWatch(config, client.Options{Scheme: scheme, Mapper: mapper})
	if err != nil {
		t.Fatal(err)
	}
	open, err := (&cluster{WithWatch: connection, config: config, namespace: "shop"}).openMetrics()
	if err != nil {
		t.Fatal(err)
	}
	for want, scheme := range map[string]string{
		"/api/v1/namespaces/shop/pods/a:9100/proxy/metrics": "http", "/api/v1/namespaces/shop/pods/https:a:9100/proxy/metrics": "https",
	} {
		page, err := open(t.Context(), "a", scheme, 9100, "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(page)
		if _ = page.Close(); err != nil || string(text) != "up 1\n" || asked != want {
			t.Errorf("%s is asked, not %s; it answers %q, %v", asked, want, text, err)
		}
	}
}
