// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package httpapi lets the bundled workload's use cases be called over HTTP.
package httpapi

import (
	"encoding/json"
	"net/http"

	"goservice.dev/operator/workload/app"
	"goservice.dev/operator/workload/problem"
	"goservice.dev/operator/workload/service"
)

// Register serves the workload's use cases on the service.
func Register(svc *service.Service) {
	config := svc.Config()
	whoAmI := app.WhoAmI{
		Name: config.Name, Namespace: config.Namespace, Pod: config.Pod, Version: svc.Version(), Started: svc.Started(),
		Revision: svc.Tuning().Revision,
	}
	svc.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, whoAmI.Identify()) })
}

func writeJSON(w http.ResponseWriter, value any) {
	encoded, err := json.Marshal(value)
	if err != nil {
		problem.Write(w, problem.Details{Status: http.StatusInternalServerError, Detail: "the answer cannot be written as JSON"})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(encoded, '\n'))
}
