// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"goservice.dev/operator/workload/examples/orders/app"
	"goservice.dev/operator/workload/examples/orders/infra/httpapi"
	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/service"
)

// instance of the service, as main makes it.
type instance struct {
	*service.Service
	relay *app.Relay
}

func newInstance(t *testing.T, c config, environment map[string]string, builtIn livesettings.Document) *instance {
	t.Helper()
	builtIn.Version = livesettings.Version
	variables := map[string]string{
		"GOSERVICE_LIVE_SETTINGS_FILE": "", "GOSERVICE_PORT": "0", "GOSERVICE_ADMIN_PORT": "0",
		"GOSERVICE_DRAIN_TIMEOUT": "2s", // connections that stay open are waited for in a part of it
	}
	maps.Copy(variables, environment)
	svc := service.New(service.WithEnvironment(variables), service.WithLog(io.Discard), service.WithBuiltIn(builtIn))
	relay, err := wire(svc, c)
	if err != nil {
		t.Fatal(err)
	}
	return &instance{svc, relay}
}

// serve until the test or the returned function ends it, which waits.
func (i *instance) serve(t *testing.T) (address string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- i.Serve(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return "http://" + i.Address().String(), stop
}

func call(handler http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	handler.ServeHTTP(recorder, request)
	return recorder
}

func decode(t *testing.T, response *httptest.ResponseRecorder) (order httpapi.Order) {
	t.Helper()
	if err := json.Unmarshal(response.Body.Bytes(), &order); err != nil {
		t.Fatalf("%v: %s", err, response.Body)
	}
	return order
}

func TestOrdersArePlacedShownAndCanceled(t *testing.T) {
	handler := newInstance(t, config{}, nil, livesettings.Document{}).Handler()
	placed := call(handler, "POST", "/orders", `{"item":"book","quantity":2}`)
	order := decode(t, placed)
	if placed.Code != http.StatusCreated || placed.Header().Get("Location") != "/orders/"+order.ID || order.Status != "placed" || order.Quantity != 2 {
		t.Fatalf("placed: %d %v %s", placed.Code, placed.Header(), placed.Body)
	}
	if shown := call(handler, "GET", "/orders/"+order.ID, ""); shown.Code != http.StatusOK || decode(t, shown) != order {
		t.Errorf("shown: %d %s", shown.Code, shown.Body)
	}
	for range 2 {
		canceled := call(handler, "POST", "/orders/"+order.ID+"/cancel", "")
		if canceled.Code != http.StatusOK || decode(t, canceled).Status != "canceled" {
			t.Errorf("canceled: %d %s", canceled.Code, canceled.Body)
		}
	}
}

func TestARequestIsRepeatedWithItsKey(t *testing.T) {
	handler := newInstance(t, config{}, nil, livesettings.Document{}).Handler()
	const body = `{"item":"book","quantity":2}`
	first := call(handler, "POST", "/orders", body, "Idempotency-Key", "key")
	again := call(handler, "POST", "/orders", body, "Idempotency-Key", "key")
	if first.Code != http.StatusCreated || again.Code != http.StatusCreated || again.Body.String() != first.Body.String() {
		t.Errorf("first %d %s, again %d %s", first.Code, first.Body, again.Code, again.Body)
	}
	other := call(handler, "POST", "/orders", `{"item":"pen","quantity":2}`, "Idempotency-Key", "key")
	if other.Code != http.StatusUnprocessableEntity || !strings.Contains(other.Body.String(), `"field":"idempotencyKey"`) {
		t.Errorf("another order with the key: %d %s", other.Code, other.Body)
	}
}

func TestBadRequestsAreAnsweredInTheClientsWords(t *testing.T) {
	long := `{"item":"` + strings.Repeat("x", 64<<10) + `"}`
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		contains           string
	}{
		"unknown order":     {"GET", "/orders/99", "", http.StatusNotFound, `"field":"id"`},
		"cancel unknown":    {"POST", "/orders/99/cancel", "", http.StatusNotFound, `"field":"id"`},
		"no item":           {"POST", "/orders", `{"quantity":2}`, http.StatusBadRequest, `"field":"item"`},
		"too many":          {"POST", "/orders", `{"item":"book","quantity":1001}`, http.StatusBadRequest, "must be 1 to 1000, is 1001"},
		"own id":            {"POST", "/orders", `{"id":"7","item":"book","quantity":1}`, http.StatusBadRequest, `unknown field`},
		"text for a number": {"POST", "/orders", `{"item":"book","quantity":"1"}`, http.StatusBadRequest, `"quantity","rule":"must not be a JSON string"`},
		"an array":          {"POST", "/orders", `[]`, http.StatusBadRequest, `must be a JSON object, is a JSON array`},
		"not JSON":          {"POST", "/orders", `book`, http.StatusBadRequest, `must be JSON: byte 1 is not`},
		"half an object":    {"POST", "/orders", `{"item":`, http.StatusBadRequest, `one whole JSON object`},
		"nothing":           {"POST", "/orders", ``, http.StatusBadRequest, `one whole JSON object`},
		"two objects":       {"POST", "/orders", `{"item":"book","quantity":1}{}`, http.StatusBadRequest, `nothing after it`},
		"trailing text":     {"POST", "/orders", `{"item":"book","quantity":1} x`, http.StatusBadRequest, `nothing after it`},
		"oversized":         {"POST", "/orders", long, http.StatusRequestEntityTooLarge, `must have at most 65536 bytes`},
		"oversized after":   {"POST", "/orders", `{"item":"book","quantity":1}` + strings.Repeat(" ", 64<<10), http.StatusRequestEntityTooLarge, `"field":"body"`},
		"no such method":    {"DELETE", "/orders/1", "", http.StatusMethodNotAllowed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			handler := newInstance(t, config{}, nil, livesettings.Document{}).Handler()
			got := call(handler, c.method, c.path, c.body)
			if got.Code != c.status || !strings.Contains(got.Body.String(), c.contains) {
				t.Errorf("%d %s, want %d with %q", got.Code, got.Body, c.status, c.contains)
			}
			if strings.Contains(got.Body.String(), "Go ") || strings.Contains(got.Body.String(), "http:") {
				t.Errorf("the answer is about Go: %s", got.Body)
			}
		})
	}
}

func TestEventsAreCounted(t *testing.T) {
	shop := newInstance(t, config{}, nil, livesettings.Document{})
	url, stop := shop.serve(t)
	if status, _, body := request(t, http.MethodPost, url+"/orders", `{"item":"book","quantity":2}`); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	stop()
	got := call(shop.AdminHandler(), http.MethodGet, "/metrics", "").Body.String()
	for _, line := range []string{"\norders_events_published_total 1\n", "\norders_events_waiting 0\n"} {
		if !strings.Contains(got, line) {
			t.Errorf("the metrics have no line %q", strings.TrimSpace(line))
		}
	}
}

func TestAClientThatLeftIsNoFailureOfTheService(t *testing.T) {
	handler := newInstance(t, config{}, nil, livesettings.Document{}).Handler()
	ctx, leave := context.WithCancel(t.Context())
	leave()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/orders/1", http.NoBody).WithContext(ctx))
	if recorder.Code != 499 {
		t.Errorf("the request counts as %d", recorder.Code)
	}
}

// What the toolkit adds without a line of the service's own.
func TestTheServiceIsLimited(t *testing.T) {
	limit := livesettings.Document{RateLimit: &livesettings.RateLimit{RequestsPerSecond: 0.001, Burst: 1}}
	handler := newInstance(t, config{}, nil, limit).Handler()
	if got := call(handler, "GET", "/orders/1", ""); got.Code != http.StatusNotFound {
		t.Errorf("first request: %d, want 404", got.Code)
	}
	got := call(handler, "GET", "/orders/1", "")
	if got.Code != http.StatusTooManyRequests || got.Header().Get("Retry-After") == "" {
		t.Errorf("second request: %d with Retry-After %q, want 429 with one", got.Code, got.Header().Get("Retry-After"))
	}
}

func TestSettingsThatCannotBeUsedAreNamedWithoutTheirSecrets(t *testing.T) {
	for name, c := range map[string]struct{ variable, value, rule string }{
		"database": {"ORDERS_DATABASE_URL", "postgres://orders:hunter2@database:port/orders", "PostgreSQL URL"},
		"redis":    {"ORDERS_REDIS_URL", "redis://orders:hunter2@cache:port/0", "Redis URL"},
		"brokers":  {"ORDERS_KAFKA_BROKERS", "kafka-0:9092,hunter2", "host:port"},
	} {
		t.Run(name, func(t *testing.T) {
			err := setUp(service.New(service.WithEnvironment(map[string]string{c.variable: c.value}), service.WithLog(io.Discard)))
			if err == nil || !strings.Contains(err.Error(), c.variable) || !strings.Contains(err.Error(), c.rule) || strings.Contains(err.Error(), "hunter2") || service.ExitCode(err) != 2 {
				t.Errorf("error: %v", err)
			}
		})
	}
}
