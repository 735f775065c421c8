// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"goservice.dev/operator/workload/ratelimit"
	"goservice.dev/operator/workload/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newClient(t *testing.T, handler http.HandlerFunc) *upstream.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	client, err := upstream.New(upstream.Target{Name: "billing", URL: server.URL + "/base"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdle)
	return client
}

func read(t *testing.T, response *http.Response) string {
	t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestGet(t *testing.T) {
	client := newClient(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.String()) })
	for path, want := range map[string]string{
		"/": "/base/", "/a/b?x=1&y=2": "/base/a/b?x=1&y=2", "/a%2Fb": "/base/a%2Fb", "": "/base", "/a..b/...": "/base/a..b/...",
	} {
		response, err := client.Get(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, response); got != want {
			t.Errorf("%q went to %s, want %s", path, got, want)
		}
	}
}

func TestResolveStaysBelowTheURL(t *testing.T) {
	client := newClient(t, func(http.ResponseWriter, *http.Request) {})
	for _, path := range []string{"/../etc", "/a/../../etc", "/%2e%2e/etc", "/a%2f..%2f..%2fetc", "..", "/.", "/%zz", "http://elsewhere/.."} {
		if got, err := client.Resolve(path); err == nil {
			t.Errorf("%q leads to %s", path, got)
		}
	}
	if got, err := client.Resolve("http://elsewhere/a"); err != nil || got.Host != client.URL().Host {
		t.Errorf("another host leads to %v, %v", got, err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	client := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://elsewhere.invalid/", http.StatusFound)
	})
	response, err := client.Get(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusFound {
		t.Errorf("status %d, want 302", response.StatusCode)
	}
}

func TestRetries(t *testing.T) {
	cases := map[string]struct {
		method   string
		body     string
		statuses []int
		calls    int32
		status   int
	}{
		"first try":               {"GET", "", []int{200}, 1, 200},
		"mended by the second":    {"GET", "", []int{503, 200}, 2, 200},
		"mended by the third":     {"GET", "", []int{502, 504, 200}, 3, 200},
		"never mended":            {"GET", "", []int{503, 503, 503, 200}, 3, 503},
		"the client's fault":      {"GET", "", []int{400, 200}, 1, 400},
		"the service's own fault": {"GET", "", []int{500, 200}, 1, 500},
		"changes something":       {"POST", "", []int{503, 200}, 1, 503},
		"delete":                  {"DELETE", "", []int{503, 200}, 1, 503},
		"with a body":             {"GET", "body", []int{503, 200}, 1, 503},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			client := newClient(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(c.statuses[calls.Add(1)-1]) })
			var body io.Reader
			if c.body != "" {
				body = strings.NewReader(c.body)
			}
			request, err := http.NewRequestWithContext(t.Context(), c.method, client.URL().String(), body)
			if err != nil {
				t.Fatal(err)
			}
			response, err := client.HTTP().Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != c.status || calls.Load() != c.calls {
				t.Errorf("status %d after %d calls, want %d after %d", response.StatusCode, calls.Load(), c.status, c.calls)
			}
		})
	}
}

func TestRetriesDoNotAddToAnOverload(t *testing.T) {
	var calls atomic.Int32
	client := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	const requests = 200
	for range requests {
		response, err := client.Get(t.Context(), "/")
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	// Ten retries are saved up, and each call earns a tenth of one.
	if extra := calls.Load() - requests; extra < 10 || extra > 10+requests/10 {
		t.Errorf("%d retries for %d calls that failed, want 10 to %d", extra, requests, 10+requests/10)
	}
}

func TestTimeoutIsLiveAndBoundsTheBody(t *testing.T) {
	var slow atomic.Bool
	client := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "head")
		_ = http.NewResponseController(w).Flush()
		if slow.Load() {
			<-r.Context().Done()
		}
	})
	client.SetLimits(upstream.Limits{Timeout: time.Minute})
	response, err := client.Get(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, response); got != "head" {
		t.Errorf("read %q", got)
	}
	slow.Store(true)
	client.SetLimits(upstream.Limits{Timeout: 50 * time.Millisecond})
	response, err = client.Get(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.ReadAll(response.Body); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("reading a body that never ends: %v", err)
	}
}

func TestRateLimitIsLive(t *testing.T) {
	client := newClient(t, func(http.ResponseWriter, *http.Request) {})
	get := func() error {
		response, err := client.Get(t.Context(), "/")
		if err == nil {
			_ = response.Body.Close()
		}
		return err
	}
	client.SetLimits(upstream.Limits{RequestsPerSecond: 0.001, Burst: 1})
	if err := get(); err != nil {
		t.Fatal(err)
	}
	if err := get(); !errors.Is(err, ratelimit.ErrWouldMissDeadline) {
		t.Errorf("above the limit: %v", err)
	}
	client.SetLimits(upstream.Limits{})
	if err := get(); err != nil {
		t.Errorf("after the limit was lifted: %v", err)
	}
	if diff := cmp.Diff(upstream.Limits{Timeout: upstream.DefaultTimeout, MaxInFlight: upstream.DefaultMaxInFlight}, client.Limits()); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
}

func TestSwitchingProtocolsKeepsTheConnection(t *testing.T) {
	client := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "echo")
		w.WriteHeader(http.StatusSwitchingProtocols)
		connection, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = connection.Close() }()
		_, _ = io.CopyN(connection, both, 4)
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, client.URL().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "echo")
	response, err := client.Transport().RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	both, ok := response.Body.(io.ReadWriter)
	if !ok {
		t.Fatal("the connection cannot be written to")
	}
	if _, err := io.WriteString(both, "ping"); err != nil {
		t.Fatal(err)
	}
	echo := make([]byte, 4)
	if _, err := io.ReadFull(both, echo); err != nil || string(echo) != "ping" {
		t.Errorf("echoed %q, %v", echo, err)
	}
}

func TestList(t *testing.T) {
	cases := map[string]struct {
		text string
		want upstream.List
		err  string
	}{
		"empty":         {"", nil, ""},
		"two":           {`[{"name":"a","url":"http://a"},{"name":"b-1","url":"https://b:8443/base"}]`, upstream.List{{Name: "a", URL: "http://a"}, {Name: "b-1", URL: "https://b:8443/base"}}, ""},
		"not JSON":      {`a=http://a`, nil, "must be JSON such as"},
		"unknown field": {`[{"name":"a","uri":"http://a"}]`, nil, "uri"},
		"more behind":   {`[] []`, nil, "more follows"},
		"name":          {`[{"name":"A","url":"http://a"}]`, nil, `[0].name: must be 1 to 63 lower-case letters`},
		"twice":         {`[{"name":"a","url":"http://a"},{"name":"a","url":"http://a"}]`, nil, `[1].name "a": must be there once`},
		"scheme":        {`[{"name":"a","url":"ftp://a"}]`, nil, "must begin with http"},
		"no host":       {`[{"name":"a","url":"http://"}]`, nil, "must name a host"},
		"password":      {`[{"name":"a","url":"http://u:secret@a"}]`, nil, "must have no user"},
		"query":         {`[{"name":"a","url":"http://a?x"}]`, nil, "must have no user, query"},
		"not a URL":     {`[{"name":"a","url":"http://a b"}]`, nil, "must be a URL"},
		"both at once":  {`[{"name":"A","url":"http://a"},{"name":"b","url":"b"}]`, nil, "; [1].url"},
		"too many":      {"[" + strings.Repeat(`{"name":"a","url":"http://a"},`, upstream.MaxUpstreams) + `{"name":"a","url":"http://a"}]`, nil, "at most 64"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got upstream.List
			err := got.UnmarshalText([]byte(c.text))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("list (-want +got):\n%s", diff)
			}
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) || err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}

func FuzzList(f *testing.F) {
	f.Add(`[{"name":"a","url":"http://a"}]`)
	f.Add(`[{"name":"b","url":"https://[::1]:80/x"}]`)
	f.Fuzz(func(t *testing.T, text string) {
		var list upstream.List
		if list.UnmarshalText([]byte(text)) != nil {
			return
		}
		for _, target := range list {
			if client, err := upstream.New(target, nil); err != nil || client.URL().Host == "" {
				t.Fatalf("%q is accepted, but %+v cannot be called: %v", text, target, err)
			}
		}
	})
}

func ExampleClient() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "42") }))
	defer server.Close()
	client, err := upstream.New(upstream.Target{Name: "billing", URL: server.URL}, nil)
	if err != nil {
		panic(err)
	}
	client.SetLimits(upstream.Limits{Timeout: time.Second, RequestsPerSecond: 100, Burst: 10}) // at any time
	response, err := client.Get(context.Background(), "/invoices/7")
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	fmt.Println(string(body), err)
	client.CloseIdle()
	// Output: 42 <nil>
}
