// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// The first journey: a short manifest becomes a service that answers, is explained, stands still when applied again, and
// leaves nothing behind.
func TestManifestBecomesAService(t *testing.T) {
	j := newJourney(t)
	sample, err := os.ReadFile("../../config/samples/goservice_minimal.yaml")
	j.Expect(err).NotTo(gomega.HaveOccurred())
	j.apply(string(sample))
	j.ready("checkout")

	j.expose("checkout")
	table := strings.Fields(j.kubectl("", "get", "gosvc", "checkout", "--no-headers"))
	j.Expect(slices.Delete(slices.Clone(table[:6]), 4, 5)).To(gomega.Equal([]string{"checkout", "True", "2/2", "2/2", "2500"}))
	j.Expect(table[4]).To(gomega.BeElementOf("declared", "met"), "before or after the first measurement")
	described := j.kubectl("", "describe", "gosvc", "checkout")
	for _, part := range []string{"Cpu Target", "Grace Period", "Share Per Pod", "2500/s over 2 pods", "Memory Limit"} {
		j.Expect(described).To(gomega.ContainSubstring(part))
	}

	for _, pod := range j.pods("checkout") {
		j.Expect(pod.Spec.AutomountServiceAccountToken).To(gomega.HaveValue(gomega.BeFalse()))
		j.Expect(pod.Spec.TerminationGracePeriodSeconds).To(gomega.HaveValue(gomega.BeNumerically("==", 20)))
		metrics, err := cluster.clientset.CoreV1().Pods(j.namespace).ProxyGet("http", pod.Name, "9100", "/metrics", nil).DoRaw(j.ctx)
		j.Expect(err).NotTo(gomega.HaveOccurred())
		j.Expect(string(metrics)).To(gomega.ContainSubstring(`goservice_rate_limit_requests_per_second 1250`))
	}

	before := j.standing()
	j.apply(string(sample))
	j.Consistently(j.versions).WithTimeout(stillFor).WithPolling(interval).Should(gomega.Equal(before))

	j.kubectl("", "delete", "gosvc", "checkout", "--cascade=foreground", "--timeout="+patience.String())
	j.eventually(j.versions).Should(gomega.BeEmpty())
}

// stillFor is longer than the rounds of whoever could write without being asked to: the operator measures every 2 to 4 s, and an
// autoscaler decides every 15 s.
const stillFor = 16 * time.Second

// standing waits until nothing has been written for so long, as a service's first measurements may be, and returns what there is.
func (j *journey) standing() map[string]string {
	j.t.Helper()
	last, since := j.versions(), time.Now()
	j.eventually(func() time.Duration {
		if now := j.versions(); !maps.Equal(last, now) {
			last, since = now, time.Now()
		}
		return time.Since(since)
	}).Should(gomega.BeNumerically(">=", stillFor))
	return last
}

// versions are the resource versions of everything that the operator made in the namespace. An autoscaler's own controller
// writes to it every 15 s, so of that it is the spec.
func (j *journey) versions() map[string]string {
	found := map[string]string{}
	for _, list := range []client.ObjectList{
		&corev1.ServiceList{}, &corev1.ConfigMapList{}, &corev1.ServiceAccountList{}, &appsv1.DeploymentList{},
		&policyv1.PodDisruptionBudgetList{}, &autoscalingv2.HorizontalPodAutoscalerList{}, &v1alpha1.GoServiceList{},
	} {
		err := cluster.client.List(j.ctx, list, client.InNamespace(j.namespace), client.MatchingLabels{"app.kubernetes.io/managed-by": "goservice-operator"})
		j.Expect(err).NotTo(gomega.HaveOccurred())
		j.Expect(eachObject(list, func(object client.Object) {
			version := object.GetResourceVersion()
			if autoscaler, is := object.(*autoscalingv2.HorizontalPodAutoscaler); is {
				spec, err := json.Marshal(autoscaler.Spec)
				j.Expect(err).NotTo(gomega.HaveOccurred())
				version = string(spec)
			}
			found[fmt.Sprintf("%T %s", object, object.GetName())] = version
		})).To(gomega.Succeed())
	}
	return found
}

// A wrong value is refused before it is stored, with the field and the rule, and what runs is not hurt.
func TestBadInputIsRefused(t *testing.T) {
	j := newJourney(t)
	j.apply(fixed("steady", 1, 100))
	j.ready("steady")
	uid := j.pods("steady")[0].UID
	for name, c := range map[string]struct{ patch, message string }{
		"zero rate":          {`{"spec":{"rateLimit":{"requestsPerSecond":0}}}`, "spec.rateLimit.requestsPerSecond"},
		"crossed bounds":     {`{"spec":{"autoscaling":{"minReplicas":4,"maxReplicas":3}}}`, "must not be above autoscaling.maxReplicas"},
		"all of the time":    {`{"spec":{"slo":{"availability":"100"}}}`, "spec.slo.availability"},
		"no time":            {`{"spec":{"slo":{"latency":{"threshold":"0s"}}}}`, "must be from 1ms to 10m"},
		"operator's own env": {`{"spec":{"env":[{"name":"GOSERVICE_PORT","value":"1"}]}}`, "GOSERVICE_"},
	} {
		output, err := j.tryKubectl("", "patch", "gosvc", "steady", "--type=merge", "-p", c.patch)
		j.Expect(err).To(gomega.HaveOccurred(), name)
		j.Expect(output).To(gomega.ContainSubstring(c.message), name)
	}
	j.Expect(j.pods("steady")).To(gomega.HaveLen(1))
	j.Expect(j.pods("steady")[0].UID).To(gomega.Equal(uid))
}

// A foreign object is never touched; the condition names it and says what to do, and the service recovers by itself.
func TestForeignObjectIsNotTouched(t *testing.T) {
	j := newJourney(t)
	foreign := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: j.namespace, Name: "reports", Annotations: map[string]string{"meta.helm.sh/release-name": "legacy"}},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1234}}},
	}
	j.Expect(cluster.client.Create(j.ctx, foreign)).To(gomega.Succeed())
	j.apply(fixed("reports", 1, 100))
	j.eventually(func() string { return j.condition("reports", v1alpha1.ConditionReady).Message }).
		Should(gomega.ContainSubstring(`a Service named "reports" exists and belongs to Helm release "legacy"`))
	j.Expect(j.condition("reports", v1alpha1.ConditionReady).Reason).To(gomega.Equal(v1alpha1.ReasonConflict))

	version := foreign.ResourceVersion
	j.Expect(cluster.client.Get(j.ctx, client.ObjectKeyFromObject(foreign), foreign)).To(gomega.Succeed())
	j.Expect(foreign.ResourceVersion).To(gomega.Equal(version))

	j.Expect(cluster.client.Delete(j.ctx, foreign)).To(gomega.Succeed())
	j.ready("reports")
}

// The samples that show every field are accepted by a real API server, field by field.
func TestSamplesAreAccepted(t *testing.T) {
	j := newJourney(t)
	for _, name := range []string{"full", "team"} {
		sample, err := os.ReadFile("../../config/samples/goservice_" + name + ".yaml")
		j.Expect(err).NotTo(gomega.HaveOccurred())
		output, err := j.tryKubectl(string(sample), "create", "--dry-run=server", "--validate=strict", "-f", "-")
		j.Expect(err).NotTo(gomega.HaveOccurred(), output)
	}
}

// An image that knows nothing of the toolkit runs as well; that its pods cannot be asked is said with the reason, and
// nothing hangs.
func TestForeignImageIsSaidToBeUntuned(t *testing.T) {
	j := newJourney(t)
	j.apply(manifest("foreign", map[string]any{
		"image":     j.pauseImage(),
		"replicas":  1,
		"rateLimit": map[string]any{"requestsPerSecond": 10},
		"probes":    map[string]any{"startupTimeout": "10m"},
		"resources": smallResources,
	}))
	j.eventually(func() metav1.Condition { return j.condition("foreign", v1alpha1.ConditionTuned) }).Should(gomega.And(
		gomega.HaveField("Status", metav1.ConditionUnknown),
		gomega.HaveField("Reason", v1alpha1.ReasonUnreachablePods),
		gomega.HaveField("Message", gomega.ContainSubstring("is the image built on the toolkit?")),
	))
	j.Expect(j.service("foreign").Status.LiveSettings.Unconfirmed).To(gomega.HaveLen(1))
}

// pauseImage is one that every node has and that listens on nothing.
func (j *journey) pauseImage() string {
	j.t.Helper()
	var nodes corev1.NodeList
	j.Expect(cluster.client.List(j.ctx, &nodes)).To(gomega.Succeed())
	for _, image := range nodes.Items[0].Status.Images {
		for _, name := range image.Names {
			if strings.Contains(name, "/pause:") {
				return name
			}
		}
	}
	j.t.Fatal("the node knows no pause image")
	return ""
}
