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

func TestARequestForWhichThereIsNoRoomRunsInAPodThatIsFree(t *testing.T) {
	pods := busyPods(t, func(pod int, svc *service.Service) {
		svc.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "pod ", pod) })
	})
	pods[0].tune(livesettings.Document{Version: livesettings.Version, Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1}})
	// A request is offered for some milliseconds, in which a busy machine may do something else.
	pods[0].until(pods[0].url("/"), http.StatusOK, "pod 1")
	if !pods[0].metric(`goservice_hand_off_requests_total{reason="no_room",result="moved"} 1`) {
		t.Error("the metrics do not say so")
	}
}
