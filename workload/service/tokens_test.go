// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/service"
)

// answering is a service that answers whatever is admitted.
func answering(_ int, svc *service.Service) {
	svc.HandleFunc("GET /{$}", func(http.ResponseWriter, *http.Request) {})
}

// admittedOf so many requests to a pod.
func admittedOf(pod *running, requests int) (n int) {
	for range requests {
		if status, _, _ := pod.get(pod.url("/")); status != http.StatusTooManyRequests {
			n++
		}
	}
	return n
}

func TestARequestIsAdmittedByATokenOfAnotherPodWhereTheLimitIsShared(t *testing.T) {
	part := livesettings.RateLimit{RequestsPerSecond: 0.001, Burst: 8}
	even, byName := part, part
	even.Shared = true
	byName.Pods = map[string]livesettings.Bucket{"pod-1": {RequestsPerSecond: 0.002, Burst: 8}} // as operators write it that know no Shared
	for name, limit := range map[string]livesettings.RateLimit{"evenly": even, "by demand": byName} {
		t.Run(name, func(t *testing.T) {
			pods := sharingPods(t, 2, answering)
			tune := func(limit livesettings.RateLimit) {
				for _, pod := range pods {
					pod.tune(livesettings.Document{Version: livesettings.Version, RateLimit: &limit})
				}
			}
			admitted := func() int {
				return admittedOf(pods[0], 20)
			}
			tune(part)
			if n := admitted(); n != 8 {
				t.Errorf("each pod has the whole limit: %d of 20 were admitted", n)
			}
			tune(limit)
			n := 0
			for !pods[0].metric(`goservice_hand_off_tokens_total{result="received"} 6`) { // of 8; a quarter stays
				n += admitted()
			}
			if n += admitted(); n != 6 {
				t.Errorf("the pods share it: %d were admitted", n)
			}
			if !pods[1].metric(`goservice_hand_off_tokens_total{result="given"} 6`) {
				t.Error("the metrics do not say so")
			}
		})
	}
}

// A pod that nobody has been cut for yet borrows, and lends nothing.
func TestAPodLendsNothingUntilItIsNamed(t *testing.T) {
	pods := sharingPods(t, 2, answering)
	limit := livesettings.RateLimit{RequestsPerSecond: 0.001, Burst: 8, Pods: map[string]livesettings.Bucket{"pod-0": {RequestsPerSecond: 0.001, Burst: 8}}}
	for _, pod := range pods {
		pod.tune(livesettings.Document{Version: livesettings.Version, RateLimit: &limit})
	}
	n := 0
	for !pods[0].metric("goservice_hand_off_tokens_asked_total 1") {
		n += admittedOf(pods[0], 1)
	}
	if n != 8 || !pods[1].metric(`goservice_hand_off_tokens_total{result="given"} 0`) {
		t.Errorf("%d were admitted by the pod that is named", n)
	}
}

// A pod whose dependency fails is asked by nobody, and others may have its part: it lends nothing, and takes no requests, until it is ready again.
func TestAPodThatIsNotReadyLendsAndTakesNothing(t *testing.T) {
	var down atomic.Bool
	down.Store(true)
	pods := sharingPods(t, 2, func(i int, svc *service.Service) {
		answering(i, svc)
		if i == 1 {
			svc.ReadyWhen("database", func(context.Context) error {
				if down.Load() {
					return errors.New("down")
				}
				return nil
			}, service.CheckEvery(10*time.Millisecond))
		}
	})
	for _, pod := range pods {
		pod.tune(livesettings.Document{RateLimit: &livesettings.RateLimit{RequestsPerSecond: 0.001, Burst: 8, Shared: true}})
	}
	admitted := admittedOf(pods[0], 20)
	if admitted != 8 || !pods[1].metric(`goservice_hand_off_tokens_total{result="given"} 0`) {
		t.Errorf("%d were admitted while the other pod is not ready", admitted)
	}
	down.Store(false)
	for !pods[0].metric(`goservice_hand_off_tokens_total{result="received"} 6`) {
		admitted += admittedOf(pods[0], 1)
	}
	admitted += admittedOf(pods[0], 8) // what has come and is in the bucket
	if admitted != 8+6 {
		t.Errorf("%d were admitted after the other pod had become ready", admitted)
	}
}

func TestAPodLendsNothingOfALimitThatIsItsOwnAgain(t *testing.T) {
	pods := sharingPods(t, 2, answering)
	tune := func(pod *running, shared bool) {
		pod.tune(livesettings.Document{RateLimit: &livesettings.RateLimit{RequestsPerSecond: 0.001, Burst: 8, Shared: shared}})
	}
	tune(pods[1], true)
	tune(pods[1], false)
	tune(pods[0], true) // it has not heard yet
	n := 0
	for !pods[0].metric("goservice_hand_off_tokens_asked_total 1") {
		n += admittedOf(pods[0], 1)
	}
	if n != 8 || !pods[1].metric(`goservice_hand_off_tokens_total{result="given"} 0`) {
		t.Errorf("%d were admitted", n)
	}
}
