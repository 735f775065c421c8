// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/load/loadgen"
)

const (
	// handedOver is how many services another leader takes over under load.
	handedOver = 50
	// behindEach is how many of them one gateway proxies to: a service declares at most 32 upstreams.
	behindEach = 25
	// calm is how long nothing of the services changes before a leader goes, and how long the next one is watched.
	calm = time.Minute
)

// A leader that goes in order, one that is killed, and both operators at once leave fifty services under load as they are: the
// next leader writes no child, retunes no pod, and moves no bound.
func TestChaosHandOverMovesNothing(t *testing.T) {
	j := newJourney(t)
	j.operatorReady()
	names, urls := j.servicesUnderLoad()
	streams := make([]stream, 0, len(names))
	for i, name := range names {
		streams = append(streams, stream{name, loadgen.Config{URL: urls[i], Rate: 4, Connections: 2}})
	}
	load := j.startClients(streams...)
	j.eventually(func(g gomega.Gomega) {
		for _, name := range names {
			service := j.service(name)
			g.Expect(meta.IsStatusConditionTrue(service.Status.Conditions, v1alpha1.ConditionMeasured)).To(gomega.BeTrue(), name)
			g.Expect(service.Status.Learned).NotTo(gomega.BeNil(), name)
		}
	}).Should(gomega.Succeed())
	j.still()
	for _, c := range []struct {
		what string
		goes func()
	}{
		{"stopped in order", func() { j.operator("delete", "pod", j.leaderPod(), "--wait=false") }},
		{"killed", func() {
			pod := j.leaderPod()
			j.Expect(killProcess(j.ctx, pod)).To(gomega.Succeed())
			j.operator("delete", "pod", pod, "--wait=false", "--grace-period=0", "--force")
		}},
		{"both restarted", func() { j.operator("rollout", "restart", "deployment/"+operatorDeployment) }},
	} {
		before := j.written()
		c.goes()
		j.elapse(calm)
		j.operatorReady()
		diff := cmp.Diff(before, j.written())
		t.Logf("%s: %d services, %d objects of theirs; differences (-before +after): %q", c.what, len(names), len(before), diff)
		j.Expect(diff).To(gomega.BeEmpty(), c.what)
	}
	load.lossless(j)
}

// servicesUnderLoad applies the services with two gateways in front of them, and returns their names and the addresses that
// lead to them through the gateways.
func (j *journey) servicesUnderLoad() (names, urls []string) {
	j.t.Helper()
	var list strings.Builder
	for gateway := range handedOver / behindEach {
		var upstreams []map[string]any
		for i := range behindEach {
			name := fmt.Sprintf("handed-%02d", gateway*behindEach+i)
			names = append(names, name)
			upstreams = append(upstreams, map[string]any{"name": name, "url": fmt.Sprintf("http://%s.%s.svc", name, j.namespace)})
			list.WriteString(manifest(name, map[string]any{
				"resources":   smallResources,
				"slo":         map[string]any{"availability": "99.9", "latency": map[string]any{"threshold": "500ms"}},
				"autoscaling": map[string]any{"minReplicas": 1, "maxReplicas": 3},
				"rateLimit":   map[string]any{"requestsPerSecond": 50, "burst": 1_000},
			}) + "\n")
		}
		list.WriteString(manifest(fmt.Sprintf("gateway-%d", gateway), map[string]any{
			"replicas": 1, "resources": smallResources, "pool": roomy, "upstreams": upstreams,
		}) + "\n")
	}
	j.apply(list.String())
	for _, name := range append([]string{"gateway-0", "gateway-1"}, names...) {
		j.ready(name)
	}
	j.expose("gateway-0")
	addresses := []string{cluster.url, j.exposeSecond("gateway-1")}
	for i, name := range names {
		urls = append(urls, addresses[i/behindEach]+"/proxy/"+name+"/")
	}
	return names, urls
}

// still waits until nothing was written for a while: the operator decides about a load that has just begun.
func (j *journey) still() {
	j.t.Helper()
	last, since := j.written(), time.Now()
	j.Eventually(func() time.Duration {
		if now := j.written(); !cmp.Equal(last, now) {
			last, since = now, time.Now()
		}
		return time.Since(since)
	}).WithTimeout(10 * calm).WithPolling(5 * time.Second).Should(gomega.BeNumerically(">=", calm))
}

func (j *journey) leaderPod() string {
	j.t.Helper()
	holder, err := leader(j.ctx)
	j.Expect(err).NotTo(gomega.HaveOccurred())
	j.Expect(holder).To(gomega.ContainSubstring("_"))
	return holder[:strings.LastIndex(holder, "_")]
}

// written is what the operator last wrote of each object of the services, and when, with the counts of the Deployments and the
// bounds of the autoscalers; an apply that changes nothing leaves no trace in an object. Statuses are left out: what is learned
// is written now and then.
func (j *journey) written() map[string][]string {
	j.t.Helper()
	found := map[string][]string{}
	for _, list := range []client.ObjectList{
		&appsv1.DeploymentList{}, &autoscalingv2.HorizontalPodAutoscalerList{}, &corev1.ConfigMapList{}, &corev1.ServiceList{},
		&corev1.ServiceAccountList{}, &policyv1.PodDisruptionBudgetList{}, &corev1.PodList{},
	} {
		j.Expect(cluster.client.List(j.ctx, list, client.InNamespace(j.namespace))).To(gomega.Succeed())
		j.Expect(eachObject(list, func(object client.Object) {
			key := fmt.Sprintf("%T %s", object, object.GetName())
			for _, entry := range object.GetManagedFields() {
				if strings.HasPrefix(entry.Manager, "goservice-operator") {
					found[key] = append(found[key], fmt.Sprintf("%s%s %s %s", entry.Manager, entry.Subresource, entry.Time, entry.FieldsV1))
				}
			}
			switch object := object.(type) {
			case *appsv1.Deployment:
				found[key] = append(found[key], fmt.Sprintf("%d replicas", *object.Spec.Replicas))
			case *autoscalingv2.HorizontalPodAutoscaler:
				found[key] = append(found[key], fmt.Sprintf("%d to %d replicas", *object.Spec.MinReplicas, object.Spec.MaxReplicas))
			case *corev1.Pod:
				found[key] = append(found[key], string(object.UID))
			}
		})).To(gomega.Succeed())
	}
	return found
}
