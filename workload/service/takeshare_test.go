// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"fmt"
	"net/http"
	"testing"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/service"
)

func TestAPodTakesOfOthersWhatItsLiveSettingsAllow(t *testing.T) {
	blocked, unblock := make(chan struct{}), make(chan struct{})
	pods := sharingPods(t, 2, func(pod int, svc *service.Service) {
		svc.HandleFunc("GET /block", func(http.ResponseWriter, *http.Request) {
			close(blocked)
			<-unblock
		}, service.Timeout(0))
		svc.HandleFunc("GET /who", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "pod ", pod) }, service.Timeout(0))
	})
	fixedPool(pods)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		pods[0].get(pods[0].url("/block"))
	}()
	defer func() {
		close(unblock)
		<-ended
	}()
	<-blocked
	who := func() chan string {
		answer := make(chan string, 1)
		go func() {
			_, body, _ := pods[0].get(pods[0].url("/who"))
			answer <- body
		}()
		return answer
	}
	takes := func(share *float64) {
		pods[1].tune(livesettings.Document{Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1, QueueDepth: 10, TakeShare: share}})
	}
	if pod := <-who(); pod != "pod 1" {
		t.Errorf("it runs in %q", pod)
	}
	takes(new(0.0))
	var waits chan string
	for seen := 0; seen < 30; seen++ { // for longer than until it is asked again for those who wait
		if waits == nil || len(waits) > 0 { // the other pod has not heard of it yet
			waits, seen = who(), 0
		}
		for len(waits) == 0 && !pods[0].metric("goservice_pool_queued 1") {
		}
	}
	takes(nil)
	if pod := <-waits; pod != "pod 1" {
		t.Errorf("it runs in %q", pod)
	}
}
