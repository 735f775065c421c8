// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/measure"
	"goservice.dev/operator/controllers/internal/observe"
	"goservice.dev/operator/controllers/internal/status"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/tuner"
)

// follow tells the closed loop how the service is at present and returns what that knows, at once; nil where it is not
// measured: without an slo, or with tuning switched off.
func (r *GoServiceReconciler) follow(service *v1alpha1.GoService, seen observe.State) *tuner.Outcome {
	name := client.ObjectKeyFromObject(service)
	if r.loop == nil {
		return nil
	}
	if build.GivenBack(service) || service.Spec.SLO == nil || tuningIsOff(&service.Spec) || !plan.Measurable(&service.Spec) {
		r.loop.Forget(name)
		return nil
	}
	target := measure.Target{
		Target: tuner.Target{Spec: service.Spec.DeepCopy(), MaxReplicas: keptMaximum(service, seen)},
		From:   measure.EndpointOf(&service.Spec), Learned: tuner.Recall(&service.Status),
	}
	target.Confirmed, _ = r.tracker.Confirmed(name)
	for _, pod := range seen.Tunable {
		start := tuner.Start{Pod: string(pod.UID), Created: pod.Created, Restarted: pod.Restarts > 0}
		if pod.Ready {
			start.Ready = pod.ReadyChanged
		}
		target.Starts = append(target.Starts, start)
		if pod.IP != "" {
			target.Pods = append(target.Pods, measure.Pod{
				Namespace: pod.Namespace, Name: pod.Name, IP: pod.IP, Restarts: pod.Restarts, Ready: pod.Ready,
			})
		}
	}
	if target.Shares = plan.SharedLimit(&service.Spec) > 0 && !recommends(&service.Spec); target.Shares {
		for _, pod := range seen.Leaving {
			target.Leaving = append(target.Leaving, measure.Pod{
				Namespace: pod.Namespace, Name: pod.Name, IP: pod.IP, Restarts: pod.Restarts, Leaving: true,
			})
		}
	}
	if d := seen.Deployment; d != nil {
		target.Ready = d.Status.ReadyReplicas
		if d.Spec.Replicas != nil {
			target.Wanted = *d.Spec.Replicas
		}
		target.Replacing = replaces(d, len(seen.Leaving))
	}
	if autoscaler := autoscalerOf(seen); autoscaler != nil && autoscaler.Spec.MinReplicas != nil {
		target.Floor = *autoscaler.Spec.MinReplicas
		if statusIsLost(service) {
			target.Learned = target.Learned.WithFloor(target.Floor)
		}
	}
	outcome := r.loop.Follow(name, target)
	return &outcome
}

// sharing adds what is measured of a shared queue to what became of its keys.
func (r *GoServiceReconciler) sharing(service *v1alpha1.GoService, found status.HandOff) status.HandOff {
	if r.loop == nil {
		return found
	}
	measured := r.loop.Sharing(client.ObjectKeyFromObject(service))
	if measured.Counted {
		found.Moved = &status.Moved{Percent: measured.MovedPercent, Hop: measured.Hop}
	}
	found.LinksKnown, found.Sharers, found.Unlinked = measured.LinksKnown, measured.Sharers, measured.Unlinked
	found.MovesFail = measured.MovesFail
	return found
}

// replaces says that pods of a Deployment leave for others that are to come, as in a rollout or after an eviction, and not because
// fewer are wanted.
func replaces(d *appsv1.Deployment, leaving int) bool {
	wanted, _, rolling := wantedBy(d)
	return rolling || leaving > 0 && int(d.Status.ReadyReplicas) < wanted
}

// replacing says that not every pod of the Deployment is of its template.
func (r *GoServiceReconciler) replacing(service *v1alpha1.GoService, seen observe.State) bool {
	generation := r.engine.Generation(client.ObjectKeyFromObject(service), apply.Key{Kind: build.DeploymentKind, Name: service.Name})
	return seen.Deployment != nil && !apply.RolledOut(seen.Deployment, generation)
}

// tuningIsOff in every mode that asks for no measurements. A stored spec may hold one that only another version of the operator
// knows: nothing is tuned that was perhaps switched off.
func tuningIsOff(spec *v1alpha1.GoServiceSpec) bool {
	if spec.Tuning == nil {
		return false
	}
	switch spec.Tuning.Mode {
	case "", v1alpha1.TuningAutomatic, v1alpha1.TuningRecommend:
		return false
	}
	return true
}

// figures are what the plan takes in: how limits are divided, and what was measured if anything was. With tuning switched off the
// plan follows from the spec alone, but for its upper bound, which must not fall because measuring ended.
func figures(service *v1alpha1.GoService, seen observe.State, measured *tuner.Outcome, divided tuner.Divided) plan.Observed {
	figures := plan.Observed{Sharing: divided.Pods, MaxReplicas: keptMaximum(service, seen)}
	if measured != nil {
		figures.ServiceTime, figures.CPUTime, figures.Tuned = measured.Cost.ServiceTime, measured.Cost.CPUTime, measured.Tuned
		figures.LatencyBound = measured.LatencyBound
		figures.HighestServiceTime, figures.HighestCPUTime = measured.Highest.ServiceTime, measured.Highest.CPUTime
	} else if service.Spec.SLO != nil && !recommends(&service.Spec) {
		learned := tuner.Recall(&service.Status)
		figures.HighestServiceTime, figures.HighestCPUTime = learned.Highest.ServiceTime, learned.Highest.CPUTime
		figures.LatencyBound = learned.LatencyBound
	}
	figures.Tuned.Parts = divided.Parts
	if seen.Deployment != nil && seen.Deployment.Spec.Replicas != nil {
		figures.WantedReplicas = *seen.Deployment.Spec.Replicas
	}
	if seen.Deployment != nil {
		if n, err := strconv.ParseInt(seen.Deployment.Annotations[build.AnnotationStartedFrom], 10, 32); err == nil {
			figures.StartedFrom = new(int32(n))
		}
	}
	return figures
}

func autoscalerOf(seen observe.State) *autoscalingv2.HorizontalPodAutoscaler {
	for _, child := range seen.Children {
		if autoscaler, is := child.(*autoscalingv2.HorizontalPodAutoscaler); is {
			return autoscaler
		}
	}
	return nil
}

// recommended is what tuning would change, where it is only to be shown.
func (r *GoServiceReconciler) recommended(service *v1alpha1.GoService, seen observe.State, measured *tuner.Outcome, inForce plan.Observed) *v1alpha1.RecommendedStatus {
	if measured == nil || !recommends(&service.Spec) {
		return nil
	}
	would := figures(service, seen, measured, tuner.Divided{Pods: inForce.Sharing})
	return plan.Compute(&service.Spec, inForce).Recommended(plan.Compute(&service.Spec, would))
}

// statusIsLost says that a status that tells what was learned was never written, or is gone, as after a restored backup. One of an
// operator that told nothing of it has no figures either.
func statusIsLost(service *v1alpha1.GoService) bool {
	return service.Status.ObservedGeneration <= 0 || service.Status.Figures == nil
}

// keptMaximum is the upper bound of the autoscaler where the status is lost and the bound is above the one that the spec alone
// gives: it stays until something is measured or the spec changes. 0 otherwise.
func keptMaximum(service *v1alpha1.GoService, seen observe.State) int32 {
	kept, learned, autoscaler := int32(0), service.Status.Learned, autoscalerOf(seen)
	switch {
	case statusIsLost(service) && autoscaler != nil:
		kept = autoscaler.Spec.MaxReplicas
	case service.Status.ObservedGeneration == service.Generation && learned != nil && learned.CPUNanoseconds == 0:
		kept = learned.MaxReplicas
	}
	if kept == 0 || kept <= plan.Compute(&service.Spec, plan.Observed{}).Replicas.Value.Max {
		return 0
	}
	return kept
}
