// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

// kubernetesGrace is the grace period of a pod that names none.
const kubernetesGrace = 30

// shutdown carries over the hook and the grace period. The process has at least as long to stop as it had.
func (c *conversion) shutdown() {
	spec := &c.template.Spec
	grace := int64(kubernetesGrace)
	if spec.TerminationGracePeriodSeconds != nil {
		grace = *spec.TerminationGracePeriodSeconds
	}
	settings := v1alpha1.ShutdownSpec{}
	stops := grace // seconds that the process has
	if l := c.main().Lifecycle; l != nil && l.PreStop != nil {
		delay, is := delayOf(l.PreStop)
		if !is {
			c.inPods(Lost, "spec.containers["+c.mainName+"].lifecycle.preStop", canonical(l.PreStop),
				"the operator's hook waits for spec.shutdown.preStopDelay and does nothing else: stop on SIGTERM, or do this in a sidecar")
		} else if stops = max(grace-delay, 0); plan.PreStopDelay(&v1alpha1.GoServiceSpec{}) != time.Duration(delay)*time.Second {
			settings.PreStopDelay = seconds(c.atMost(longestDelay, delay, "spec.template.spec.containers["+c.mainName+"].lifecycle.preStop"))
		}
	}
	const margin = 5 // that the operator adds to the time to drain
	if grace != kubernetesGrace {
		settings.DrainTimeout = seconds(c.atMost(longestDrain, max(stops-margin, 1), "spec.template.spec.terminationGracePeriodSeconds"))
	}
	if settings != (v1alpha1.ShutdownSpec{}) {
		c.spec().Shutdown = &settings
	}
}

func seconds(n int64) *metav1.Duration {
	return &metav1.Duration{Duration: time.Duration(n) * time.Second}
}

// The most that the schema allows, in seconds.
const (
	longestDelay   = 600
	longestDrain   = 3600
	longestRollout = 24 * 3600
	longestReady   = 3600
)

// atMost is what the schema allows of a number of seconds.
func (c *conversion) atMost(most, n int64, path string) int64 {
	if n > most {
		c.note(Lost, c.from.deployment, path, n, "it is %s, the most that a GoService may have", time.Duration(most)*time.Second)
	}
	return min(n, most)
}

var sleepCommand = regexp.MustCompile(`^(?:(?:/bin/)?(?:sh|bash) -c )?(?:/bin/)?sleep ([0-9]+)s?$`)

// delayOf a hook that does nothing but wait, in seconds.
func delayOf(hook *corev1.LifecycleHandler) (int64, bool) {
	if hook.Sleep != nil {
		return hook.Sleep.Seconds, true
	}
	if hook.Exec == nil {
		return 0, false
	}
	command := ""
	for i, word := range hook.Exec.Command {
		if i > 0 {
			command += " "
		}
		command += word
	}
	match := sleepCommand.FindStringSubmatch(command)
	if match == nil {
		return 0, false
	}
	delay, err := strconv.ParseInt(match[1], 10, 32)
	return delay, err == nil
}

// rollout carries over how pods are replaced. Kubernetes' defaults give way to the operator's, which never has too few pods.
func (c *conversion) rollout() {
	from := &c.from.deployment.Spec
	var settings v1alpha1.RolloutSpec
	switch update := from.Strategy.RollingUpdate; {
	case from.Strategy.Type == appsv1.RecreateDeploymentStrategyType:
		settings.Strategy = from.Strategy.Type
	case update != nil && !isQuarter(update.MaxSurge, update.MaxUnavailable):
		if update.MaxSurge != nil && update.MaxSurge.String() != "25%" {
			settings.MaxSurge = update.MaxSurge
		}
		switch {
		case update.MaxUnavailable == nil && update.MaxSurge != nil && slices.Contains([]string{"0", "0%"}, update.MaxSurge.String()):
			settings.MaxUnavailable = new(intstr.FromString("25%")) // Kubernetes' default: without either, no pod could be replaced
		case update.MaxUnavailable != nil && update.MaxUnavailable.String() != "0":
			settings.MaxUnavailable = update.MaxUnavailable
		}
	}
	if from.MinReadySeconds > 0 {
		settings.MinReadySeconds = new(int32(c.atMost(longestReady, int64(from.MinReadySeconds), "spec.minReadySeconds")))
	}
	if deadline := from.ProgressDeadlineSeconds; deadline != nil && *deadline != 600 {
		settings.ProgressDeadline = seconds(c.atMost(longestRollout, int64(*deadline), "spec.progressDeadlineSeconds"))
	}
	if settings != (v1alpha1.RolloutSpec{}) {
		c.spec().Rollout = &settings
	}
	content := map[string]any{}
	if limit := from.RevisionHistoryLimit; limit != nil && *limit != 5 && *limit != 10 {
		content["revisionHistoryLimit"] = *limit
	}
	if from.Paused {
		content["paused"] = true
	}
	c.leftovers(c.from.deployment, "spec", content, deploymentFields)
}

// isQuarter says whether both are what Kubernetes has by default.
func isQuarter(values ...*intstr.IntOrString) bool {
	for _, value := range values {
		if value != nil && value.String() != "25%" {
			return false
		}
	}
	return true
}

// scaling carries over the number of pods, or the bounds of the autoscaler.
func (c *conversion) scaling() {
	const operators = 2 // pods by default
	autoscaler := c.from.autoscaler
	for _, name := range c.from.scalers {
		todo := "let it name the GoService (apiVersion " + v1alpha1.GroupVersion.String() + ", kind " + v1alpha1.GoServiceKind.Kind + "), or it and the operator undo each other's number of pods"
		if strings.HasPrefix(name, "HorizontalPodAutoscaler ") {
			todo += "; or write it as autoscaling/v2 and convert again"
		}
		c.noteOn(Lost, name, "spec.scaleTargetRef", nameOf("Deployment", c.from.deployment), "it stays as it is, and spec.autoscaling.mode is External, without spec.replicas: "+todo)
	}
	if len(c.from.scalers) > 0 {
		c.spec().Autoscaling = &v1alpha1.AutoscalingSpec{Mode: v1alpha1.AutoscalingExternal}
		return
	}
	if autoscaler == nil {
		if n := c.from.deployment.Spec.Replicas; n == nil {
			c.spec().Replicas = new(int32(1))
		} else if *n != operators {
			c.spec().Replicas = n
		}
		return
	}
	settings := &v1alpha1.AutoscalingSpec{MinReplicas: new(int32(1)), MaxReplicas: new(autoscaler.Spec.MaxReplicas)}
	c.spec().Autoscaling = settings
	if n := autoscaler.Spec.MinReplicas; n != nil {
		settings.MinReplicas = new(max(*n, 1))
		if *n == 0 {
			c.note(Lost, autoscaler, "spec.minReplicas", 0, "the operator's autoscaler keeps at least one pod: use autoscaling.mode External with one that scales to zero")
		}
	}
	for i := range autoscaler.Spec.Metrics {
		c.metric(settings, &autoscaler.Spec.Metrics[i])
	}
	if len(autoscaler.Spec.Metrics) == 0 {
		settings.TargetCPUUtilization = new(int32(80)) // Kubernetes' default
	}
	content, _ := plain(autoscaler.Spec).(map[string]any)
	c.leftovers(autoscaler, "spec", content, autoscalerFields)
}

// metric that is the CPU's becomes the target.
func (c *conversion) metric(settings *v1alpha1.AutoscalingSpec, metric *autoscalingv2.MetricSpec) {
	var target *int32
	at := "spec.metrics[" + string(metric.Type) + "]"
	switch {
	case metric.Resource != nil && metric.Resource.Name == corev1.ResourceCPU:
		target = metric.Resource.Target.AverageUtilization
		if beside := len(c.from.deployment.Spec.Template.Spec.Containers) - 1; target != nil && beside > 0 {
			c.note(Changed, c.from.autoscaler, at, nil, "only the CPU of the container %s counts, not that of its sidecars", c.mainName)
		}
	case metric.ContainerResource != nil && metric.ContainerResource.Name == corev1.ResourceCPU && metric.ContainerResource.Container == c.mainName:
		target = metric.ContainerResource.Target.AverageUtilization
	}
	if target == nil || *target < 10 || *target > 100 {
		c.note(Lost, c.from.autoscaler, at, canonical(metric),
			"the operator scales by CPU, from 10 to 100%% of the request, and by the objectives of spec.slo; to scale by something else, "+
				"set autoscaling.mode to External, and the autoscaler's scaleTargetRef to the GoService")
		return
	}
	settings.TargetCPUUtilization = target
}

// budget carries over how many pods may be evicted.
func (c *conversion) budget() {
	c.keptBudgets()
	budget := c.from.budget
	if budget == nil {
		return
	}
	c.spec().DisruptionBudget = &v1alpha1.DisruptionBudgetSpec{MinAvailable: budget.Spec.MinAvailable, MaxUnavailable: budget.Spec.MaxUnavailable}
	content, _ := plain(budget.Spec).(map[string]any)
	if policy := budget.Spec.UnhealthyPodEvictionPolicy; policy != nil && *policy == policyv1.AlwaysAllow {
		delete(content, "unhealthyPodEvictionPolicy")
	}
	c.leftovers(budget, "spec", content, budgetFields)
}

// keptBudgets says what to do about those that stay. Where one of them selects the GoService's pods, the operator makes none.
func (c *conversion) keptBudgets() {
	for _, budget := range c.from.keptBudgets {
		at, bound := "spec.maxUnavailable", budget.Spec.MaxUnavailable
		if bound == nil {
			at, bound = "spec.minAvailable", budget.Spec.MinAvailable
		}
		why := c.from.stays[budget]
		if !matches(budget.Spec.Selector, c.from.newLabels()) {
			c.note(Lost, budget, at, bound, "%s, so it stays as it is, but it does not select the GoService's pods, since the operator sets labels that it names: "+
				"set spec.disruptionBudget, and if this one is named %s, give it another name", why, c.result.Name)
			continue
		}
		c.spec().DisruptionBudget = &v1alpha1.DisruptionBudgetSpec{Disabled: true}
		c.note(Lost, budget, at, bound, "%s, so it stays as it is, and because a pod with two budgets cannot be evicted, disruptionBudget.disabled is true: "+
			"to let the GoService have its own, delete this one or let it select other pods, and set spec.disruptionBudget", why)
	}
}
