// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"io"
	"net/http"
	"testing"

	"goservice.dev/operator/workload/service"
)

// A pod whose handlers panic is busy with nothing, and would look like one that is free.
func TestARequestWhoseHandlerPanicsCountsAsFailedWhereItRan(t *testing.T) {
	for name, panics := range map[string]func(http.ResponseWriter){
		"before it has answered": func(http.ResponseWriter) { panic("oh") },
		"in the middle": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			pods := sharingPods(t, 1, func(_ int, svc *service.Service) {
				svc.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { panics(w) })
			})
			if response, err := pods[0].client.Get(pods[0].url("/")); err == nil {
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
			if pods[0].FailuresHere() == 0 {
				t.Error("it does not count")
			}
		})
	}
}
