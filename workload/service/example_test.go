// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/service"
)

// A main function needs no options: it is New, the routes, and Run. A test calls the handlers without a network.
func Example() {
	svc := service.New(
		service.WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": ""}),
		service.WithLog(io.Discard),
		service.WithBuiltIn(livesettings.Document{Version: livesettings.Version, RateLimit: &livesettings.RateLimit{RequestsPerSecond: 0.01, Burst: 1}}),
	)
	svc.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "order %s", r.PathValue("id"))
	})
	for range 2 {
		recorder := httptest.NewRecorder()
		svc.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/orders/7", nil))
		fmt.Printf("%d %q\n", recorder.Code, recorder.Header().Get("Retry-After"))
	}
	// Output:
	// 200 ""
	// 429 "30"
}

// A knob of the service's own is turned by a document that comes into force, and once when it is registered.
func ExampleService_LiveSettings() {
	svc := service.New(service.WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": ""}), service.WithLog(io.Discard))
	svc.LiveSettings().Register(func(document livesettings.Document) { fmt.Printf("log level %q\n", document.LogLevel) })
	changed, err := svc.LiveSettings().Apply(livesettings.Document{Version: livesettings.Version, LogLevel: "off"})
	fmt.Println(changed, err)
	// Output:
	// log level ""
	// log level "off"
	// true <nil>
}
