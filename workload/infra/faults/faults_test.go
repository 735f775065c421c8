// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package faults

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func inject(t *testing.T, injector *Injector, fault string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	injector.ServeHTTP(recorder, httptest.NewRequest(http.MethodPut, "/fault", strings.NewReader(fault)))
	if recorder.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", fault, recorder.Code, recorder.Body)
	}
}

func TestFaultsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		injector := new(Injector)
		handler := injector.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		serve := func() (status int, took time.Duration) {
			start, recorder := time.Now(), httptest.NewRecorder()
			handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
			return recorder.Code, time.Since(start)
		}
		inject(t, injector, `{"status":500,"latency":"2s","for":"10s"}`)
		if status, took := serve(); status != 500 || took != 2*time.Second {
			t.Errorf("%d after %s, want 500 after 2s", status, took)
		}
		inject(t, injector, `{"latency":"2s"}`)
		if status, took := serve(); status != 200 || took != 2*time.Second {
			t.Errorf("%d after %s, want 200 after 2s", status, took)
		}
		time.Sleep(ownDuration)
		if status, took := serve(); status != 200 || took != 0 {
			t.Errorf("after its time: %d after %s", status, took)
		}
	})
}

func TestFaultsHitTheirShare(t *testing.T) {
	injector := new(Injector)
	inject(t, injector, `{"status":500,"ratio":0.5}`)
	handler := injector.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	hit := 0
	for range 1000 {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
		if recorder.Code == 500 {
			hit++
		}
	}
	if hit < 350 || hit > 650 { // further off than nine standard deviations
		t.Errorf("%d of 1000, want about half", hit)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"status":503,"ratio":0.1,"latency":"10ms","for":"1m"}`)
	f.Add(`{"ratio":1e-400,"status":500}`)
	f.Fuzz(func(t *testing.T, body string) {
		fault, err := parse(strings.NewReader(body))
		if err != nil {
			return
		}
		if !(*fault.Ratio > 0 && *fault.Ratio <= 1) || time.Duration(fault.For) <= 0 || time.Duration(fault.For) > maxDuration ||
			fault.Latency < 0 || time.Duration(fault.Latency) > maxLatency || fault.Status != 0 && (fault.Status < 400 || fault.Status > 599) {
			t.Fatalf("%s is accepted as %+v", body, fault)
		}
	})
}
