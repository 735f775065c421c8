// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"goservice.dev/operator/workload/livesettings"
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

// Whatever the code says, the live settings may say otherwise, and what they leave out is as in the code.
func TestLiveSettingsSayWhoseRequestsStay(t *testing.T) {
	blocked, unblock := make(chan struct{}), make(chan struct{})
	pods := sharingPods(t, 2, func(pod int, svc *service.Service) {
		svc.HandleFunc("GET /block", func(http.ResponseWriter, *http.Request) {
			close(blocked)
			<-unblock
		}, service.Timeout(0))
		who := func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "pod ", pod) }
		svc.HandleFunc("GET /stays", who, service.NoHandOff(), service.Timeout(0))
		svc.HandleFunc("GET /moves", who, service.Timeout(0))
	})
	tune := func(routes map[string]livesettings.Route) {
		pods[0].tune(livesettings.Document{Routes: routes, Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1, QueueDepth: 10}})
	}
	tune(nil)
	var clients sync.WaitGroup
	defer clients.Wait()
	defer close(unblock)
	get := func(path string) chan string {
		answer := make(chan string, 1)
		clients.Go(func() {
			_, body, _ := pods[0].get(pods[0].url(path))
			answer <- body
		})
		return answer
	}
	get("/block")
	<-blocked
	waiting := 0
	check := func(path string, moves bool) {
		t.Helper()
		answer := get(path)
		if moves {
			if who := <-answer; who != "pod 1" {
				t.Errorf("%s runs in %q", path, who)
			}
			return
		}
		waiting++
		for !pods[0].metric(fmt.Sprintf("goservice_pool_queued %d", waiting)) {
			if len(answer) > 0 {
				t.Fatalf("%s runs in %q", path, <-answer)
			}
		}
	}
	yes, no := true, false
	tune(map[string]livesettings.Route{"GET /stays": {HandOff: &yes}, "GET /moves": {HandOff: &no}})
	check("/stays", true)
	check("/moves", false)
	tune(map[string]livesettings.Route{"GET /stays": {Priority: "critical"}})
	check("/stays", false)
	check("/moves", true)
}
