// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
)

// The floor has as many requests on their way at once as the operator's run: lanes that apply, and as many that write what
// belongs to what was applied. And it sends all of it.
func TestTheFloorHasTheOperatorsConcurrency(t *testing.T) {
	const concurrency, services = 2, 20
	var (
		mu                    sync.Mutex
		apply, other, answers int
		most                  = make(chan struct{})
		once                  sync.Once
		seen                  = sets.New[string]()
	)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // fewer at once would wait for ever
	defer cancel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		applies := !strings.Contains(r.URL.Path, "/child") && !strings.HasSuffix(r.URL.Path, "/status")
		mu.Lock()
		seen.Insert(r.URL.Path + " " + string(body))
		count := &other
		if applies {
			count = &apply
		}
		*count++
		if apply == concurrency && other == concurrency {
			once.Do(func() { close(most) })
		}
		first := applies && answers < concurrency
		if first {
			answers++
		}
		mu.Unlock()
		if !first { // the first ones must be answered for anything to follow; nobody else is before all are here
			select {
			case <-most:
			case <-ctx.Done():
			}
		}
		mu.Lock()
		*count--
		mu.Unlock()
		fmt.Fprintf(w, `{"metadata":{"uid":"uid of %s"}}`, filepath.Base(r.URL.Path))
	}))
	defer server.Close()
	template := &capturedTemplate{template{
		children: []message{{path: "/child/" + captured, body: `{"owner":"captured-uid"}`}},
		status:   message{path: "/" + captured + "/status", body: "{}"},
	}, "captured-uid"}
	list, _ := places("floor", settings{services: services, namespaces: 3})
	if err := sendAll(ctx, &bareClient{http: server.Client(), host: server.URL}, template, list, concurrency); err != nil {
		t.Fatal(err)
	}
	if seen.Len() != 3*services || !seen.Has(`/child/service-00007 {"owner":"uid of service-00007"}`) {
		t.Errorf("%d different requests: %v", seen.Len(), sets.List(seen))
	}
}

func TestTheFloorEndsAtTheFirstFailure(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/child") {
			http.Error(w, "quota", http.StatusForbidden)
			return
		}
		fmt.Fprint(w, "{}")
	}))
	defer server.Close()
	template := &capturedTemplate{template{children: []message{{path: "/child"}}, status: message{path: "/status"}}, "uid"}
	list, _ := places("floor", settings{services: 50, namespaces: 1})
	err := sendAll(t.Context(), &bareClient{http: server.Client(), host: server.URL}, template, list, 2)
	if err == nil || !strings.Contains(err.Error(), "quota") {
		t.Errorf("sendAll() = %v", err)
	}
}

// A log that was rotated counts nothing: only its last part could be read.
func TestACutAuditLogIsNotCounted(t *testing.T) {
	log := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(log, []byte(`{"verb":"patch","userAgent":"bench"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var counted requests
	always := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := counted.count(log, "bench", time.Time{}, always); err != nil || counted.total(true) != 1 {
		t.Fatalf("%v, %v", counted, err)
	}
	older := strings.TrimSuffix(log, ".log") + "-2026-01-02T03-04-05.678.log"
	if err := os.WriteFile(older, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := counted.count(log, "bench", time.Time{}, always); err == nil || !strings.Contains(err.Error(), older) {
		t.Errorf("count() = %v", err)
	}
}

// The template is the first write of each object, completed by what later ones add to its spec, and the first status.
func TestReadTemplate(t *testing.T) {
	line := func(agent, resource, subresource, name string, code int, body string) string {
		encoded, err := json.Marshal(map[string]any{
			"auditID": fmt.Sprint(resource, subresource, name, code, body), "verb": "patch", "userAgent": agent, "requestURI": "/" + resource + "/" + name + "?fieldManager=m",
			"objectRef":      map[string]any{"resource": resource, "subresource": subresource, "namespace": captureNamespace, "name": name},
			"responseStatus": map[string]any{"code": code}, "requestObject": json.RawMessage(body),
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(encoded) + "\n"
	}
	const ours = operatorAgent + "v1"
	log := filepath.Join(t.TempDir(), "audit.log")
	children := line(ours, "deployments", "", captured, 201, `{"kind":"Deployment","spec":{"a":1}}`) +
		line("kubectl/v1", "deployments", "", "foreign", 200, `{}`) +
		line(ours, "services", "", captured, 409, `{"kind":"Service"}`) +
		line(ours, "deployments", "", captured, 200, `{"kind":"Deployment","spec":{"replicas":2}}`)
	if err := os.WriteFile(log, []byte(children), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readTemplate(log); err == nil {
		t.Error("a template without a status is complete")
	}
	status := line(ours, "goservices", "status", captured, 200, `{"metadata":{"name":"x","resourceVersion":"7"},"status":{}}`)
	if err := os.WriteFile(log, []byte(children+status), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readTemplate(log)
	if err != nil || len(got.children) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if want := `{"kind":"Deployment","spec":{"a":1,"replicas":2}}`; got.children[0].body != want {
		t.Errorf("the child is %s, want %s", got.children[0].body, want)
	}
	if want := `{"metadata":{"name":"x"},"status":{}}`; got.status.body != want {
		t.Errorf("the status is %s, want %s", got.status.body, want)
	}
	path, _ := got.children[0].at(place{"shop", "cart"}, types.UID("new"), types.UID("old"))
	if path != "/deployments/cart?fieldManager=m" {
		t.Errorf("for another GoService: %s", path)
	}
}

func TestParseStat(t *testing.T) {
	pid, name, fields, err := parseStat([]byte("42 (kube (api) server) S 7 1 1 0 -1 4 1 0 0 0 250 50 0 0\n"))
	if err != nil || pid != 42 || name != "kube (api) server" || fields[1] != "7" || fields[11] != "250" || fields[12] != "50" {
		t.Errorf("parseStat() = %d, %q, %v, %v", pid, name, fields, err)
	}
	for _, text := range []string{"", "42 (short) S 7", "42 no name"} {
		if _, _, _, err := parseStat([]byte(text)); err == nil {
			t.Errorf("%q is taken for a process status", text)
		}
	}
}

func TestForEachVisitsAllOnce(t *testing.T) {
	list, namespaces := places("p", settings{services: 30, namespaces: 4})
	if len(namespaces) != 4 {
		t.Fatalf("namespaces %v", namespaces)
	}
	var mu sync.Mutex
	visits := map[place]int{}
	err := forEach(t.Context(), list, 3, func(_ context.Context, at place) error {
		mu.Lock()
		defer mu.Unlock()
		visits[at]++
		return nil
	})
	if err != nil || len(visits) != len(list) {
		t.Errorf("%d of %d were visited, %v", len(visits), len(list), err)
	}
}

// Both figures are means over both orders, and the ratio is of those means; counts are for each GoService.
func TestReport(t *testing.T) {
	took := func(seconds ...time.Duration) (all phases) {
		for _, s := range seconds {
			all.add(phase{took: s * time.Second, cpu: map[string]time.Duration{"kube-apiserver": s * time.Second}})
		}
		return all
	}
	r := result{
		settings: settings{services: 10, slo: true, idle: time.Minute}, children: 7, operator: took(4, 8), floor: took(3, 5),
		running: requests{{"patch", "deployments", 201}: 100, {"get", "pods", 200}: 5, {"list", "pods", 200}: 5},
		idling:  requests{{"patch", "goservices/status", 200}: 1, {"get", "x", 200}: 9}, bare: requests{{"patch", "deployments", 201}: 200},
		memory: memory{peak: 99.5},
	}
	var out strings.Builder
	if err := r.write(&out); err != nil {
		t.Fatal(err)
	}
	want := "RESULT bench-reconcile n=10 monitored=false slo=true seconds=6.00 floor_seconds=4.00 ratio=1.50 writes_per_service=5.00 " +
		"reads_per_service=0.50 idle_writes=1 peak_rss_mib=99.5"
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if got := lines[len(lines)-1]; got != want {
		t.Errorf("last line\n%s, want\n%s", got, want)
	}
}
