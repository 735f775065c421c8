// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import "fmt"

// OurName is the operator's row.
const OurName = "GoService"

// StockName is the row of the autoscaler that most services have: a HorizontalPodAutoscaler at CPU 50 % with Kubernetes' defaults.
var StockName = HPAContender(50, 300).Name

func newOperator(Service) Autoscaler { return new(operator) }

// Operator is this project.
func Operator() Contender { return Contender{Name: OurName, Role: Ours, Autoscaler: newOperator} }

// HPAContender is a HorizontalPodAutoscaler at a CPU target in percent, with a scale-down window in seconds.
func HPAContender(percent, window int) Contender {
	return Contender{
		Name: fmt.Sprintf("HPA %d%%, %d s", percent, window), Role: Rival,
		Autoscaler: func(Service) Autoscaler { return StockHPA(float64(percent)/100, float64(window)) },
	}
}

// KnativeContender is Knative's autoscaler with the target that its pods have at a CPU utilization in percent.
func KnativeContender(percent int, activator Activator) Contender {
	how := map[Activator]string{ActivatorByDefault: "by default", ActivatorAlways: "always", ActivatorNever: "never"}[activator]
	role := OwnBalancing
	if activator == ActivatorNever {
		role = Rival
	}
	return Contender{
		Name: fmt.Sprintf("Knative %d%%, activator %s", percent, how), Role: role, Balancing: activator.Balancing(), HopCPU: KnativeHopCPU,
		Autoscaler: func(s Service) Autoscaler {
			return &KPA{Target: concurrencyAt(float64(percent)/100, s), Activator: activator}
		},
	}
}

// Others are the contenders beside the operator. They stand at several targets, since each target trades bad seconds for cores. full
// is all of them; otherwise those are left out that hardly differ from others.
func Others(full bool) []Contender {
	utilizations := []int{50, 60, 70}
	targets := map[Activator][]int{ActivatorByDefault: {50, 60, 70}, ActivatorAlways: {60}, ActivatorNever: {50, 60, 70}}
	if full {
		utilizations = []int{40, 50, 55, 60, 65, 70, 80}
		all := []int{40, 50, 60, 65, 70, 80}
		targets = map[Activator][]int{ActivatorByDefault: all, ActivatorAlways: all, ActivatorNever: all}
	}
	var rows []Contender
	for _, window := range []int{300, 60} {
		for _, percent := range utilizations {
			rows = append(rows, HPAContender(percent, window))
		}
	}
	for _, activator := range []Activator{ActivatorByDefault, ActivatorAlways, ActivatorNever} {
		for _, percent := range targets[activator] {
			rows = append(rows, KnativeContender(percent, activator))
		}
	}
	return rows
}
