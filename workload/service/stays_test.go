// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"fmt"
	"net/http"
	"testing"

	"goservice.dev/operator/workload/service"
)

func TestARouteThatSaysSoStaysInThePodWhereItsRequestsComeIn(t *testing.T) {
	blocked, unblock := make(chan struct{}), make(chan struct{})
	pods := sharingPods(t, 2, func(pod int, svc *service.Service) {
		svc.HandleFunc("GET /block", func(http.ResponseWriter, *http.Request) {
			close(blocked)
			<-unblock
		})
		who := func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "pod ", pod) }
		svc.HandleFunc("GET /stays", who, service.NoHandOff())
		svc.HandleFunc("GET /moves", who)
	})
	fixedPool(pods)
	get := func(path string) chan string {
		answer := make(chan string, 1)
		go func() {
			_, body, _ := pods[0].get(pods[0].url(path))
			answer <- body
		}()
		return answer
	}
	end := get("/block")
	<-blocked
	stays := get("/stays")
	for !pods[0].metric("goservice_pool_queued 1") {
	}
	if who := <-get("/moves"); who != "pod 1" {
		t.Errorf("the other route runs in %q", who)
	}
	close(unblock)
	if who := <-stays; who != "pod 0" {
		t.Errorf("it runs in %q", who)
	}
	<-end
}
