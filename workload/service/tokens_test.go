// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"net/http"
	"testing"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/service"
)

func TestARequestIsAdmittedByATokenOfAnotherPodWhereTheLimitIsShared(t *testing.T) {
	pods := sharingPods(t, 2, func(_ int, svc *service.Service) {
		svc.HandleFunc("GET /{$}", func(http.ResponseWriter, *http.Request) {})
	})
	tune := func(parts map[string]livesettings.Bucket) {
		for _, pod := range pods {
			pod.tune(livesettings.Document{
				Version: livesettings.Version, RateLimit: &livesettings.RateLimit{RequestsPerSecond: 0.001, Burst: 8, Pods: parts},
			})
		}
	}
	admitted := func(path string) (n int) {
		for range 20 {
			if status, _, _ := pods[0].get(pods[0].url(path)); status != http.StatusTooManyRequests {
				n++
			}
		}
		return n
	}
	tune(nil)
	if n := admitted("/"); n != 8 {
		t.Errorf("each pod has the whole limit: %d of 20 were admitted", n)
	}
	tune(map[string]livesettings.Bucket{"pod-1": {RequestsPerSecond: 0.002, Burst: 8}})
	n := 0
	for !pods[0].metric(`goservice_hand_off_tokens_total{result="received"} 6`) { // of 8; a quarter stays
		n += admitted("/")
	}
	if n += admitted("/"); n != 6 {
		t.Errorf("the pods share it: %d were admitted", n)
	}
	if !pods[1].metric(`goservice_hand_off_tokens_total{result="given"} 6`) {
		t.Error("the metrics do not say so")
	}
}
