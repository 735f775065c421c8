// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import "goservice.dev/operator/workload/livesettings"

// LiveSetting adds a section of the service's own to its live settings: a struct that takes its values from settings.NAME of the
// document, and those that are left out from own. It is as livesettings.AddSetting, with the error returned by Serve.
//
//	type pricing struct {
//		Discount float64 `json:"discount"`
//	}
//	prices := service.LiveSetting(svc, "pricing", pricing{Discount: 0.1}, nil)
//	… prices.Load().Discount
func LiveSetting[T any](s *Service, name string, own T, changed func(T)) *livesettings.Setting[T] {
	setting, err := livesettings.AddSetting(s.live, name, own, changed)
	if err != nil {
		s.fail(err)
	}
	return setting
}
