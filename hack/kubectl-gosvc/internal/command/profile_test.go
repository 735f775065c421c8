// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/http/pprof"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"goservice.dev/operator/api/v1alpha1"
)

// forwarding is the API server of the tests, but for port-forwards, which need a node: pods named refused have no listener, and the
// others serve the profiles of this process. SPDY only, so WebSocket is refused.
func forwarding(t *testing.T, allowed bool) *rest.Config {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	pod := httptest.NewServer(mux)
	t.Cleanup(pod.Close)
	transport, err := rest.TransportFor(testConfig)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(testConfig.Host)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.HasSuffix(r.URL.Path, "/portforward"):
			proxy.ServeHTTP(w, r)
		case !allowed:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"pods \"checkout-a\" is forbidden: cannot create resource \"pods/portforward\""}`)
		default:
			forward(w, r, pod.Listener.Addr().String(), strings.Contains(r.URL.Path, "refused"))
		}
	}))
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL}
}

// forward a port as a node does.
func forward(w http.ResponseWriter, r *http.Request, address string, refused bool) {
	if _, err := httpstream.Handshake(r, w, []string{portforward.PortForwardProtocolV1Name}); err != nil {
		return
	}
	streams := make(chan httpstream.Stream, 2)
	connection := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(stream httpstream.Stream, replySent <-chan struct{}) error {
		streams <- stream
		return nil
	})
	if connection == nil {
		return
	}
	defer func() { _ = connection.Close() }()
	var data, failures httpstream.Stream
	for data == nil || failures == nil {
		select {
		case stream := <-streams:
			if stream.Headers().Get(corev1.PortHeader) != "6060" {
				return
			}
			if stream.Headers().Get(corev1.StreamType) == corev1.StreamTypeError {
				failures = stream
			} else {
				data = stream
			}
		case <-connection.CloseChan():
			return
		}
	}
	if refused {
		_, _ = io.WriteString(failures, "dial tcp4 127.0.0.1:6060: connect: connection refused")
	} else if pod, err := net.Dial("tcp", address); err == nil {
		go func() { _, _ = io.Copy(pod, data) }()
		_, _ = io.Copy(data, pod)
		_ = pod.Close()
	}
	_ = data.Close()
	_ = failures.Close()
	<-connection.CloseChan()
}

// newPods runs pods of a service.
func newPods(t *testing.T, service *v1alpha1.GoService, names ...string) {
	t.Helper()
	labels := map[string]string{}
	for pair := range strings.SplitSeq(service.Status.Selector, ",") {
		key, value, _ := strings.Cut(pair, "=")
		labels[key] = value
	}
	for _, name := range names {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: service.Namespace, Labels: labels},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "service", Image: "x"}}},
		}
		if err := api.Create(t.Context(), pod); err != nil {
			t.Fatal(err)
		}
		pod.Status.Phase = corev1.PodRunning
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		if err := api.Status().Update(t.Context(), pod); err != nil {
			t.Fatal(err)
		}
	}
}

func TestProfilesOfAllPodsAreMergedAndToldApart(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	newPods(t, create(t, namespace, "steady"), "checkout-a", "checkout-b", "checkout-refused")
	for _, kind := range []string{"heap", "goroutine"} {
		file := filepath.Join(t.TempDir(), "x.pb.gz")
		r := run(t.Context(), t, forwarding(t, true), namespace, "profile", "checkout", kind, "-o", file)
		if r.code != 0 || !strings.Contains(r.out, kind+" of 2 of 3 pods") || !strings.Contains(r.err, "without pod checkout-refused: dial tcp4") ||
			!strings.Contains(r.err, "connection refused") {
			t.Fatalf("%s: exit code %d\n%s%s", kind, r.code, r.err, r.out)
		}
		if pods := podsIn(t, file); !slices.Equal(pods, []string{"checkout-a", "checkout-b"}) {
			t.Errorf("%s: the samples are of %v", kind, pods)
		}
		if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 1 {
			t.Errorf("the folder has %v, %v", entries, err)
		}
	}
}

// podsIn the labels of a profile's samples.
func podsIn(t *testing.T, file string) []string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := profile.ParseData(content)
	if err != nil {
		t.Fatal(err)
	}
	var pods []string
	for _, sample := range p.Sample {
		pods = append(pods, sample.Label["pod"]...)
	}
	slices.Sort(pods)
	return slices.Compact(pods)
}

func TestATraceIsOfOneReadyPodAndSaysWhich(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	newPods(t, create(t, namespace, "steady"), "checkout-b", "checkout-a")
	file := filepath.Join(t.TempDir(), "x.out")
	r := run(t.Context(), t, forwarding(t, true), namespace, "profile", "checkout", "trace", "--seconds", "1", "-o", file)
	if r.code != 0 || r.err != "" || !strings.Contains(r.out, "trace of pod checkout-a") {
		t.Fatalf("exit code %d\n%s%s", r.code, r.err, r.out)
	}
	if content, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(content), "go 1.") {
		t.Errorf("the file is no trace, %v", err)
	}
}

func TestWithoutAnyProfileTheErrorSaysWhatToDo(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	newPods(t, create(t, namespace, "steady"), "checkout-refused")
	create(t, namespace, "steady", func(service *v1alpha1.GoService) {
		service.Name = "off"
		service.Spec.Observability = &v1alpha1.ObservabilitySpec{Profiling: &v1alpha1.ProfilingSpec{Enabled: new(false)}}
	})
	create(t, namespace, "steady", func(service *v1alpha1.GoService) {
		service.Name, service.Status.Selector = "empty", "app.kubernetes.io/name=empty"
	})
	file := filepath.Join(t.TempDir(), "x")
	for name, test := range map[string]struct {
		allowed   bool
		code      int
		arguments []string
		want      []string
	}{
		"nothing listens":     {true, 1, []string{"checkout", "cpu"}, []string{"none of 1 pods", "connection refused", "whether its log"}},
		"no permission":       {false, 1, []string{"checkout", "heap"}, []string{"forbidden", "ask for the permission to create pods/portforward"}},
		"off by the spec":     {true, 1, []string{"off", "heap"}, []string{"spec.observability.profiling.enabled is false"}},
		"no pod":              {true, 1, []string{"empty", "heap"}, []string{"no pod of empty runs"}},
		"another pod":         {true, 2, []string{"checkout", "heap", "--pod", "x"}, []string{`--pod is "x"`, "checkout-refused"}},
		"too long":            {true, 2, []string{"checkout", "cpu", "--seconds", "301"}, []string{"--seconds is 301, and must be 1 to 300"}},
		"seconds of a moment": {true, 2, []string{"checkout", "heap", "--seconds", "3"}, []string{"--seconds does not go with heap"}},
		"no kind":             {true, 2, []string{"checkout", "block"}, []string{`"block" is no kind of profile`, "cpu, heap, goroutine, trace"}},
		"a format":            {true, 2, []string{"checkout", "heap", "-o", "json"}, []string{"-o is json, and must be a file"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			arguments := append([]string{"profile"}, test.arguments...)
			if !slices.Contains(arguments, "-o") {
				arguments = append(arguments, "-o", file)
			}
			r := run(t.Context(), t, forwarding(t, test.allowed), namespace, arguments...)
			for _, want := range test.want {
				if r.code != test.code || !strings.Contains(r.err, want) || r.out != "" {
					t.Errorf("exit code %d, want %d and %q\n%s%s", r.code, test.code, want, r.err, r.out)
				}
			}
			if _, err := os.Stat(file); err == nil {
				t.Error("a file is written")
			}
		})
	}
}
