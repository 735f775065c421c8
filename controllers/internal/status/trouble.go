// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/observe"
)

// remedy is what ends a trouble.
type remedy int

const (
	// byTime: the deployment controller's deadline decides when it has taken too long.
	byTime remedy = iota
	// byOthers: somebody creates, raises or repairs what is missing; it may come by itself, so there is a grace.
	byOthers
	// byEdit: nothing but an edit of the GoService.
	byEdit
)

// trouble is the one thing that keeps pods from serving that a status tells.
type trouble struct {
	reason, message string
	remedy          remedy
	since           time.Time
}

// startTime is how long a pod may take to start before a status speaks of what it waits for.
const startTime = 20 * time.Second

// trouble is the first that there is: pods that cannot be created come before pods that cannot run. It counts from the
// rollout's last progress on, so that what an edit mends is not held against it.
func (s Situation) trouble() (trouble, bool) {
	if refused, is := s.refusedReplicaSet(); is {
		return refused, true
	}
	told, is := s.firstTrouble()
	for _, c := range s.deploymentStatus().Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.LastUpdateTime.After(told.since) {
			told.since = c.LastUpdateTime.Time
		}
	}
	return told, is
}

func (s Situation) firstTrouble() (trouble, bool) {
	if s.scaledToZero() {
		return trouble{reason: v1alpha1.ReasonScaledToZero, message: "something else scaled the Deployment to 0, and it stays there: " +
			"no autoscaler acts at 0; scale it to 1 or more to start it again"}, true
	}
	for _, c := range s.deploymentStatus().Conditions {
		if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
			return refusedPods(c.Message, c.LastTransitionTime.Time), true
		}
	}
	for _, t := range s.Observed.Troubles {
		kind, known := troubleKinds[t.Kind]
		if !known || kind.usual && !s.reached(t.Since.Add(startTime)) {
			continue
		}
		told := trouble{reason: kind.reason, remedy: kind.remedy, since: t.Since}
		told.message = kind.tell(s, t)
		if named := missing.FindStringSubmatch(t.Words); t.Kind == observe.ContainerConfig && named != nil {
			told.reason, told.message = missingObject(named[1], named[2])
		}
		return told, true
	}
	return trouble{}, false
}

// scaledToZero holds where an autoscaler is declared: a fixed count is the operator's own.
func (s Situation) scaledToZero() bool {
	d := s.Observed.Deployment
	return s.Plan.Autoscaled && s.Plan.Replicas.Value.Min > 0 && d != nil && d.Spec.Replicas != nil && *d.Spec.Replicas == 0
}

// troubleKind is how a status tells one kind of trouble.
type troubleKind struct {
	reason string
	remedy remedy
	// usual says that every pod is in it for a moment.
	usual bool
	tell  func(Situation, observe.Trouble) string
}

var troubleKinds = map[observe.TroubleKind]troubleKind{
	observe.InvalidImage: {v1alpha1.ReasonInvalidImage, byEdit, false, func(_ Situation, t observe.Trouble) string {
		field := "spec.image"
		if t.Container != "" {
			field = "spec.initContainers"
		}
		return fmt.Sprintf("image %q is not a valid image name%s; edit %s", t.Image, behind(t.Words), field)
	}},
	observe.ContainerConfig: {v1alpha1.ReasonContainerConfig, byOthers, false, func(_ Situation, t observe.Trouble) string {
		return subject(t) + " cannot be created" + behind(t.Words)
	}},
	observe.ImagePull: {v1alpha1.ReasonImagePull, byOthers, false, func(_ Situation, t observe.Trouble) string {
		return fmt.Sprintf("image %q cannot be pulled%s; check its name, tag and spec.imagePullSecrets", t.Image, behind(t.Words))
	}},
	observe.OutOfMemory: {v1alpha1.ReasonOutOfMemory, byTime, false, func(s Situation, t observe.Trouble) string {
		if t.Container != "" {
			return subject(t) + " was killed for using more memory than its limit; raise its resources.limits.memory"
		}
		return fmt.Sprintf("a container was killed for using more memory than its limit%s; raise spec.resources.limits.memory", s.memoryLimit())
	}},
	observe.Exited:        {v1alpha1.ReasonContainerExited, byTime, false, exited},
	observe.Unschedulable: {v1alpha1.ReasonUnschedulable, byOthers, false, func(_ Situation, t observe.Trouble) string { return "a pod cannot be scheduled" + behind(t.Words) }},
	observe.NoSandbox:     {v1alpha1.ReasonVolumes, byOthers, true, func(s Situation, _ observe.Trouble) string { return s.waitsForVolumes() }},
	observe.NodeLost: {v1alpha1.ReasonPodsNotReady, byTime, false, func(Situation, observe.Trouble) string {
		return "a pod's container is ready but the pod is not: its node does not answer, or a readiness gate is not met"
	}},
	observe.NotReady: {v1alpha1.ReasonPodsNotReady, byTime, true, func(s Situation, t observe.Trouble) string {
		if t.Container != "" {
			return fmt.Sprintf("a pod waits for its %s, which runs, but has not finished or does not pass its probes", subject(t))
		}
		return fmt.Sprintf("a pod runs but its %s probe, %s, does not succeed", probeName(t.Unstarted), s.probe(t.Unstarted))
	}},
	observe.Pulling: {v1alpha1.ReasonPulling, byTime, true, func(_ Situation, t observe.Trouble) string {
		return fmt.Sprintf("image %q is still being pulled", t.Image)
	}},
}

// subject is the container that a trouble is of.
func subject(t observe.Trouble) string {
	if t.Container == "" {
		return "a container"
	}
	return fmt.Sprintf("container %q", t.Container)
}

func behind(words string) string {
	if words == "" {
		return ""
	}
	return ": " + words
}

// exited tells how a container ended. One that ended when its startup probe had used up all its time was ended by it.
func exited(s Situation, t observe.Trouble) string {
	if t.Container != "" {
		return fmt.Sprintf("%s ended with code %d%s", subject(t), t.ExitCode, behind(t.Words))
	}
	// A probe ends a container by SIGTERM, which a service that drains answers with code 0, or SIGKILL.
	mayBeProbe := t.ExitCode == 0 || t.ExitCode == killed || t.ExitCode == terminated
	if allowed := s.startupSeconds(); mayBeProbe && allowed > 0 && t.Ran >= allowed && t.Ran <= allowed+s.graceSeconds()+startupSlack {
		return fmt.Sprintf("a container was restarted after the %d s of spec.probes.startupTimeout: its startup probe, %s, did not succeed", allowed, s.probe(true))
	}
	told := fmt.Sprintf("a container ended with code %d", t.ExitCode)
	switch t.ExitCode {
	case 0:
		told += ", but a service must run until it is told to stop"
	case killed:
		told = fmt.Sprintf("a container was killed (code %d)", t.ExitCode)
	}
	told += behind(t.Words)
	if mayBeProbe && s.outlivedLivenessFailures(t) {
		told += fmt.Sprintf("; if its liveness probe, %s, failed, kubectl describe pod shows it", requestOf(s.container(), s.container().LivenessProbe))
	}
	return told
}

// outlivedLivenessFailures says that a container ran for long enough to be ended by its liveness probe. A kubelet says whether it
// was only in an event: in the pod's status such an end looks like any other.
func (s Situation) outlivedLivenessFailures(t observe.Trouble) bool {
	c := s.container()
	return c != nil && c.LivenessProbe != nil && t.Ran >= (c.LivenessProbe.FailureThreshold-1)*c.LivenessProbe.PeriodSeconds
}

const (
	// killed and terminated are the exit codes of a process that SIGKILL and SIGTERM ended.
	killed, terminated = 137, 143
	// startupSlack is what a kubelet takes to act on the last failure, in seconds.
	startupSlack = 10
)

// container is the service's own in the pod template; nil before there is one.
func (s Situation) container() *corev1.Container {
	if s.Observed.Deployment == nil {
		return nil
	}
	for i := range s.Observed.Deployment.Spec.Template.Spec.Containers {
		if c := &s.Observed.Deployment.Spec.Template.Spec.Containers[i]; c.Name == build.ContainerOf(&s.Service.Spec) {
			return c
		}
	}
	return nil
}

func (s Situation) memoryLimit() string {
	if c := s.container(); c != nil {
		if limit, set := c.Resources.Limits[corev1.ResourceMemory]; set {
			return " of " + limit.String()
		}
	}
	return ""
}

// startupSeconds are what the startup probe allows; 0 without one.
func (s Situation) startupSeconds() int32 {
	c := s.container()
	if c == nil || c.StartupProbe == nil {
		return 0
	}
	return c.StartupProbe.InitialDelaySeconds + c.StartupProbe.FailureThreshold*c.StartupProbe.PeriodSeconds
}

func (s Situation) graceSeconds() int32 {
	if d := s.Observed.Deployment; d != nil && d.Spec.Template.Spec.TerminationGracePeriodSeconds != nil {
		return int32(*d.Spec.Template.Spec.TerminationGracePeriodSeconds)
	}
	return 0
}

func probeName(unstarted bool) string {
	if unstarted {
		return "startup"
	}
	return "readiness"
}

// probe is what a kubelet asks.
func (s Situation) probe(startup bool) string {
	c := s.container()
	if c == nil {
		return "which it has not"
	}
	if startup && c.StartupProbe != nil {
		return requestOf(c, c.StartupProbe)
	}
	return requestOf(c, c.ReadinessProbe)
}

// requestOf is what a probe of a container asks it.
func requestOf(c *corev1.Container, probe *corev1.Probe) string {
	number := func(port string) string {
		for _, p := range c.Ports {
			if p.Name == port {
				return fmt.Sprint(p.ContainerPort)
			}
		}
		return port
	}
	switch {
	case probe == nil:
		return "which it has not"
	case probe.HTTPGet != nil:
		return fmt.Sprintf("GET %s on port %s", probe.HTTPGet.Path, number(probe.HTTPGet.Port.String()))
	case probe.TCPSocket != nil:
		return "a connection to port " + number(probe.TCPSocket.Port.String())
	case probe.GRPC != nil:
		return fmt.Sprintf("a gRPC health check on port %d", probe.GRPC.Port)
	case probe.Exec != nil:
		return fmt.Sprintf("the command %q", oneLine(strings.Join(probe.Exec.Command, " ")))
	}
	return "which it has not"
}

// refusal is what the API server says of pods that it does not let in.
type refusal struct {
	reason string
	words  *regexp.Regexp
	advice string
}

var refusals = []refusal{
	{v1alpha1.ReasonQuotaExceeded, regexp.MustCompile(`replicasets\.apps "[^"]*" is forbidden: exceeded quota: `), "raise the quota, or delete ReplicaSets that nothing uses"},
	{v1alpha1.ReasonQuotaExceeded, regexp.MustCompile(`(failed|exceeded) quota: `), "lower spec.resources, or raise the quota"},
	{v1alpha1.ReasonPodSecurity, regexp.MustCompile(`violates PodSecurity`), "the namespace's pod-security.kubernetes.io/enforce label decides"},
	{v1alpha1.ReasonMissingServiceAccount, regexp.MustCompile(`error looking up service account`), "create it, or edit spec.pod.serviceAccountName"},
	{v1alpha1.ReasonMissingPriorityClass, regexp.MustCompile(`no PriorityClass with name`), "create it, or edit spec.pod.priorityClassName"},
	{v1alpha1.ReasonLimitRange, regexp.MustCompile(`(maximum|minimum) (cpu|memory|\S+) usage per|limit to request ratio`), "edit spec.resources, or change the LimitRange"},
}

// forbidden begins with the name of a pod, another one with each attempt, or of a ReplicaSet.
var forbidden = regexp.MustCompile(`^(Failed to create new replica set "[^"]*": )?((pods|replicasets\.apps) "[^"]*" is forbidden: )?`)

// refusedPods tells why no pod can be created, by the Deployment's condition ReplicaFailure.
func refusedPods(words string, since time.Time) trouble {
	return explained("its pods are rejected", words, since)
}

// refusedReplicaSet tells why the deployment controller cannot create the ReplicaSet that would create the pods. The
// controller leaves the condition of an earlier template as it is, time and all, until it succeeds: what an edit may have
// mended counts from when that edit was first seen.
func (s Situation) refusedReplicaSet() (trouble, bool) {
	for _, c := range s.deploymentStatus().Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse && c.Reason == replicaSetCreateError {
			since := c.LastUpdateTime.Time
			if edited := s.editedSince(); edited.After(since) {
				since = edited
			}
			return explained("its ReplicaSet is rejected", c.Message, since), true
		}
	}
	return trouble{}, false
}

// editedSince is when the tools began to wait for the present spec, by the status before: now if that is about an earlier
// spec, and otherwise since Reconciling.
func (s Situation) editedSince() time.Time {
	before := s.Service.Status.Conditions
	if ready := meta.FindStatusCondition(before, v1alpha1.ConditionReady); ready != nil && ready.ObservedGeneration < s.Service.Generation {
		return s.Now.Time
	}
	if reconciling := meta.FindStatusCondition(before, v1alpha1.ConditionReconciling); reconciling != nil {
		return reconciling.LastTransitionTime.Time
	}
	return time.Time{}
}

// explained tells what the API server does not let in, and why.
func explained(what, words string, since time.Time) trouble {
	told := trouble{reason: v1alpha1.ReasonPodsDenied, remedy: byOthers, since: since}
	advice := "edit the spec, or change the policy"
	for _, r := range refusals {
		if r.words.MatchString(words) {
			told.reason, advice = r.reason, r.advice
			break
		}
	}
	words = oneLine(forbidden.ReplaceAllString(words, ""))
	told.message = fmt.Sprintf("%s: %s; %s", what, cmp.Or(words, "no reason is given"), advice)
	return told
}

// withTrouble adds what keeps pods from running, if anything does.
func (s Situation) withTrouble(message string) string {
	told, is := s.trouble()
	if !is {
		return message
	}
	return message + ": " + told.message
}

// troubled applies where one of the predicates does and a trouble is known, whose reason it gives.
func troubled(where ...predicate) predicate {
	return func(s Situation) (string, string, bool) {
		told, is := s.trouble()
		if !is {
			return "", "", false
		}
		for _, p := range where {
			if _, message, applies := p(s); applies {
				return told.reason, message, true
			}
		}
		return "", "", false
	}
}
