// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

// Types of conditions.
const (
	// ConditionReconciling is present, and True, only while the operator is working toward the latest spec (kstatus).
	ConditionReconciling = "Reconciling"
	// ConditionStalled is present, and True, only while the latest spec cannot be reached without help (kstatus).
	ConditionStalled = "Stalled"
	// ConditionPaused is present, and True, only while spec.paused stops the operator.
	ConditionPaused = "Paused"
	// ConditionEvictionBlocked is present, and True, only while no pod can be evicted because a second
	// PodDisruptionBudget selects the same pods.
	ConditionEvictionBlocked = "EvictionBlocked"
	// ConditionScaling reports whether the autoscaler works. Absent without an autoscaler.
	ConditionScaling = "Scaling"
	// ConditionReady is the summary: the latest spec is applied and rolled out, and enough pods are available.
	ConditionReady = "Ready"
	// ConditionApplied reports whether every object of the service is up to date. False with reason Conflict if a
	// foreign object has the name of one of them.
	ConditionApplied = "Applied"
	// ConditionAvailable reports whether enough pods are available.
	ConditionAvailable = "Available"
	// ConditionProgressing reports whether pods are being replaced or added.
	ConditionProgressing = "Progressing"
	// ConditionTuned reports whether every pod confirmed the latest live settings. Unknown if pods cannot be reached.
	ConditionTuned = "Tuned"
	// ConditionPlanned reports whether the declared objectives are achievable.
	ConditionPlanned = "Planned"
	// ConditionMeasured reports whether enough pods report metrics. While they do not, scale-in is paused.
	ConditionMeasured = "Measured"
	// ConditionSLOMet reports whether the declared objectives were met over the last minute. Unknown while nothing is measured.
	ConditionSLOMet = "SLOMet"
	// ConditionReferences reports whether the ConfigMaps and Secrets whose data the pods take exist and are followed. Absent without any.
	ConditionReferences = "References"
	// ConditionExposed reports whether a Gateway accepts the route of the service, or its Ingress has an address. Absent without
	// spec.expose.
	ConditionExposed = "Exposed"
	// ConditionQueueShared reports whether the pods have what they need to share their queue, and why not. It says nothing of the service's
	// health. Absent for images that are not built on the toolkit.
	ConditionQueueShared = "QueueShared"
	// ConditionMonitored reports whether the ServiceMonitor and the PrometheusRule of the service are applied.
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
	ReasonMetricsOff        = "MetricsOff"
	ReasonScraped           = "ServiceMonitorApplied"
	ReasonKindAbsent        = "ServiceMonitorKindAbsent"
	ReasonRuleKindAbsent    = "PrometheusRuleKindAbsent"
	ReasonPaused            = "Paused"
	ReasonGivenBack         = "GivenBack"
	ReasonScaledToZero      = "ScaledToZero"
	ReasonMultipleBudgets   = "MultipleBudgets"
	ReasonFollowed          = "Followed"
	ReasonNotFollowed       = "NotFollowed"
	ReasonSecretsUnreadable = "SecretsNotReadable"

	// Whether pods share their queue.

	ReasonShared          = "Shared"
	ReasonDisabled        = "Disabled"
	ReasonPortTaken       = "PortTaken"
	ReasonHostNetwork     = "HostNetwork"
	ReasonNoClusterDNS    = "NoClusterDNS"
	ReasonAwaitingRollout = "AwaitingRollout"
	ReasonForeignSecret   = "ForeignSecret"
	ReasonKeyNotWritten   = "KeyNotWritten"
	// ReasonPeersUnreachable is told of pods that are measured.
	ReasonPeersUnreachable = "PeersUnreachable"
	// ReasonMovesFail is told of pods that are measured and linked.
	ReasonMovesFail = "MovesFail"

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

	// Whether the service can be reached from outside. Other reasons are the Gateway's own.

	ReasonRouteAccepted   = "RouteAccepted"
	ReasonRouteKindAbsent = "RouteKindAbsent"
	ReasonNotAccepted     = "NotAccepted"
	ReasonUnresolved      = "ReferencesNotResolved"
	ReasonAwaitingGateway = "AwaitingGateway"
	ReasonAddressAssigned = "AddressAssigned"
	ReasonAwaitingAddress = "AwaitingAddress"
	ReasonNotYetApplied   = "NotYetApplied"
)
