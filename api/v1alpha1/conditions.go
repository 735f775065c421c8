// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

// Types of conditions.
const (
	// ConditionReconciling is True, and there at all, only while the operator is on its way to the newest spec (kstatus).
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True, and there at all, only while the newest spec cannot be reached without help (kstatus).
	ConditionStalled = "Stalled"
	// ConditionPaused is True, and there at all, only while spec.paused stops the operator.
	ConditionPaused = "Paused"
	// ConditionEvictionBlocked is True, and there at all, only while no pod can be evicted, since a second
	// PodDisruptionBudget selects the same pods.
	ConditionEvictionBlocked = "EvictionBlocked"
	// ConditionScaling says whether the autoscaler can do its work; absent where there is none.
	ConditionScaling = "Scaling"
	// ConditionReady sums up: the newest spec is applied, enough pods serve.
	ConditionReady = "Ready"
	// ConditionApplied says whether every object of the service is as it should be; False with reason Conflict when a
	// foreign object has the name of one of them.
	ConditionApplied = "Applied"
	// ConditionAvailable says whether enough pods serve.
	ConditionAvailable = "Available"
	// ConditionProgressing says whether pods are being replaced or added.
	ConditionProgressing = "Progressing"
	// ConditionTuned says whether every pod confirmed the newest live settings; Unknown when pods cannot be asked.
	ConditionTuned = "Tuned"
	// ConditionPlanned says whether the declared objectives can be met.
	ConditionPlanned = "Planned"
	// ConditionMeasured says whether enough pods answer with what they counted; while they do not, nothing is scaled in.
	ConditionMeasured = "Measured"
	// ConditionSLOMet says whether the declared objectives held over the last minute; Unknown while nothing is measured.
	ConditionSLOMet = "SLOMet"
	// ConditionMonitored says whether Prometheus is told to scrape the service and to watch its objectives.
	ConditionMonitored = "Monitored"
)

// Reasons of conditions.
const (
	ReasonReady             = "Ready"
	ReasonApplied           = "Applied"
	ReasonApplyFailed       = "ApplyFailed"
	ReasonConflict          = "Conflict"
	ReasonInvalid           = "Invalid"
	ReasonDenied            = "Denied"
	ReasonAvailable         = "MinimumReplicasAvailable"
	ReasonUnavailable       = "MinimumReplicasUnavailable"
	ReasonRolloutComplete   = "RolloutComplete"
	ReasonRollingOut        = "RollingOut"
	ReasonScaling           = "Scaling"
	ReasonRolloutStalled    = "RolloutStalled"
	ReasonConfirmed         = "Confirmed"
	ReasonConfirming        = "Confirming"
	ReasonNoPods            = "NoPods"
	ReasonRejectedByPods    = "RejectedByPods"
	ReasonUnreachablePods   = "UnreachablePods"
	ReasonMeasured          = "Measured"
	ReasonNotMeasured       = "NotMeasured"
	ReasonMeasuring         = "Measuring"
	ReasonNoPrometheus      = "NoPrometheus"
	ReasonNoTraffic         = "NoTraffic"
	ReasonMet               = "Met"
	ReasonMissed            = "Missed"
	ReasonDerived           = "Derived"
	ReasonUnreachable       = "Unreachable"
	ReasonAboveMaxReplicas  = "PeakAboveMaxReplicas"
	ReasonRateLimitTooSmall = "RateLimitBelowPeak"
	ReasonScraped           = "ServiceMonitorApplied"
	ReasonKindAbsent        = "ServiceMonitorKindAbsent"
	ReasonRuleKindAbsent    = "PrometheusRuleKindAbsent"
	ReasonPaused            = "Paused"
	ReasonScaledToZero      = "ScaledToZero"
	ReasonMultipleBudgets   = "MultipleBudgets"

	// Why pods do not run.

	ReasonQuotaExceeded         = "QuotaExceeded"
	ReasonLimitRange            = "LimitRangeViolated"
	ReasonPodSecurity           = "PodSecurityViolated"
	ReasonMissingServiceAccount = "MissingServiceAccount"
	ReasonMissingPriorityClass  = "MissingPriorityClass"
	ReasonPodsDenied            = "PodsDenied"
	ReasonMissingSecret         = "MissingSecret"
	ReasonMissingConfigMap      = "MissingConfigMap"
	ReasonContainerConfig       = "ContainerNotCreated"
	ReasonInvalidImage          = "InvalidImageName"
	ReasonImagePull             = "ImagePullFailed"
	ReasonPulling               = "PullingImage"
	ReasonOutOfMemory           = "OutOfMemory"
	ReasonContainerExited       = "ContainerExited"
	ReasonUnschedulable         = "Unschedulable"
	ReasonVolumes               = "VolumesNotReady"
	ReasonPodsNotReady          = "PodsNotReady"

	// Why an autoscaler does or does not work.

	ReasonAutoscalerUnseen    = "AutoscalerUnseen"
	ReasonAmbiguousAutoscaler = "AmbiguousAutoscaler"
	ReasonCannotScale         = "CannotScale"
	ReasonNoMetrics           = "NoMetrics"
)
