// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"fmt"
	"math"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/tuner"
)

// OurName is the operator's row.
const OurName = "GoService"

// StockName is the row of the autoscaler that most services have: a HorizontalPodAutoscaler at CPU 50 % with Kubernetes' defaults.
var StockName = HPAContender(stockPercent, defaultWindow).Name

// StockMinuteName is the row of the same autoscaler with a scale-down window of a minute.
var StockMinuteName = HPAContender(stockPercent, 60).Name

// WarmUp is for how many seconds a shape goes on before anything is judged.
const WarmUp = warmUp

const stockPercent = 50

func newOperator(Service) Autoscaler { return new(operator) }

// Operator is this project.
func Operator() Contender {
	return Contender{Name: OurName, Role: Ours, Autoscaler: newOperator, Sharing: true}
}

// OperatorAlone is this project where each pod has a queue of its own, as with spec.handOff Disabled.
func OperatorAlone() Contender {
	return Contender{Name: OurName + ", pods alone", Role: OursAlone, Autoscaler: newOperator}
}

// OperatorOf is this project with the spec of a service, which asks for autoscaling, instead of the one that suits a simulated Service. Without tuning it measures
// nothing, and sets the autoscaler by the spec alone. changed, if it is not nil, is told each change of a figure.
func OperatorOf(name string, spec *v1alpha1.GoServiceSpec, tuned bool, changed func([]tuner.Change)) Contender {
	return Contender{Name: name, Role: Ours, Autoscaler: func(Service) Autoscaler {
		return &operator{given: spec, fixed: !tuned, changed: changed}
	}}
}

// Unscaled is a number of pods that stays: the service's MinReplicas.
func Unscaled(name string) Contender {
	return Contender{Name: name, Role: Ours, Autoscaler: func(Service) Autoscaler { return idle{} }}
}

// HPAContender is a HorizontalPodAutoscaler at a CPU target in percent, with a scale-down window in seconds.
func HPAContender(percent, window int) Contender {
	return Contender{
		Name: fmt.Sprintf("HPA %d%%, %d s", percent, window), Role: Rival,
		Autoscaler: func(Service) Autoscaler { return StockHPA(float64(percent)/100, float64(window)) },
	}
}

// HPARequestsContender is a HorizontalPodAutoscaler at a number of requests per second and pod, with a scale-down window in seconds,
// as KEDA or an adapter of Prometheus feeds it. The number is a pod's at a CPU utilization in percent, as somebody has measured it.
func HPARequestsContender(percent, window int) Contender {
	return Contender{
		Name: fmt.Sprintf("HPA on requests %d%%, %d s", percent, window), Role: Rival,
		Autoscaler: func(s Service) Autoscaler {
			h := StockHPA(0.5, float64(window))
			h.RequestsPerPod = float64(percent) / 100 * float64(s.Cores) / s.CPUTime.Seconds()
			return h
		},
	}
}

// HPAFloorContender is a HorizontalPodAutoscaler at CPU 60 % with a scale-down window of a minute and a minReplicas that somebody has
// chosen who knows how high the load goes.
func HPAFloorContender(floor int) Contender {
	return Contender{
		Name: fmt.Sprintf("HPA 60%%, 60 s, at least %d", floor), Role: Foreknowing,
		Autoscaler: func(Service) Autoscaler {
			h := StockHPA(0.6, 60)
			h.Floor = floor
			return h
		},
	}
}

// KnativeContender is Knative's autoscaler with the target that its pods have at a CPU utilization in percent, and a scale-down-delay in
// seconds.
func KnativeContender(percent int, activator Activator, delay int) Contender {
	how := map[Activator]string{ActivatorByDefault: "by default", ActivatorAlways: "always", ActivatorNever: "never"}[activator]
	role := OwnBalancing
	if activator == ActivatorNever {
		role = Rival
	}
	name := fmt.Sprintf("Knative %d%%, activator %s", percent, how)
	if delay > 0 {
		name += fmt.Sprintf(", delay %d s", delay)
	}
	return Contender{
		Name: name, Role: role, Balancing: activator.Balancing(), HopCPU: KnativeHopCPU,
		Autoscaler: func(s Service) Autoscaler {
			return &KPA{Target: concurrencyAt(float64(percent)/100, s), Activator: activator, Delay: float64(delay)}
		},
	}
}

// The whole percents among which a search finds.
const leastPercent, mostPercent = 10, 80

// targets is a family from the lowest target to the highest, with one to begin at.
func targets(anchor int, at func(percent int) Contender) Family {
	f := Family{Anchor: anchor - leastPercent}
	for percent := leastPercent; percent <= mostPercent; percent++ {
		f.Contenders = append(f.Contenders, at(percent))
	}
	return f
}

// floors is a family of numbers of pods, from half as many again as carry a rate at 70 % down to the service's least, to begin at those
// that carry it.
func floors(s Service, rate float64) Family {
	carry := rate * s.CPUTime.Seconds() / (0.7 * float64(s.Cores))
	most := min(max(int(math.Ceil(1.5*carry)), s.MinReplicas+1), s.MaxReplicas)
	f := Family{Anchor: max(most-max(int(math.Ceil(carry)), s.MinReplicas+1), 0)}
	for floor := most; floor > s.MinReplicas; floor-- {
		f.Contenders = append(f.Contenders, HPAFloorContender(floor))
	}
	return f
}

// Families are the contenders beside the operator in a scenario, to be searched. full is all of them; otherwise those are left out that
// hardly differ from others.
func Families(scenario Scenario, seeds []uint64, full bool) []Family {
	knative := func(activator Activator, delay int) Family {
		return targets(60, func(percent int) Contender { return KnativeContender(percent, activator, delay) })
	}
	hpa := func(anchor, window int) Family {
		return targets(anchor, func(percent int) Contender { return HPAContender(percent, window) })
	}
	requests := func(window int) Family {
		return targets(60, func(percent int) Contender { return HPARequestsContender(percent, window) })
	}
	peak := 0.0
	for _, seed := range seeds {
		peak = max(peak, scenario.Shape(seed).peak())
	}
	all := []Family{
		hpa(stockPercent, defaultWindow), hpa(stockPercent, 60), requests(60),
		knative(ActivatorNever, 0), knative(ActivatorNever, 300), knative(ActivatorByDefault, 0), floors(scenario.Service, peak),
	}
	if full {
		all = append(all, requests(defaultWindow), knative(ActivatorByDefault, 300), knative(ActivatorAlways, 0))
	}
	return all
}
