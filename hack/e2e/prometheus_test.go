// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

const (
	healthyPath = "/"
	// brokenPath leads to an upstream that refuses every connection, so that every request is answered 502.
	brokenPath = "/proxy/billing/"
	perSecond  = 20
	// Prometheus gets a new configuration when its kubelet refreshes a mounted Secret, which is about once a minute.
	prometheusPatience = 2 * patience

	outage = "GoServiceOutage"
	absent = "GoServiceMetricsAbsent"
)

// A real Prometheus, configured by a real Prometheus Operator, scrapes exactly the pods and evaluates the rules without an
// error; a total outage pages, a service that nobody can measure pages, and recovery resolves.
func TestBreachPagesAndRecoveryResolves(t *testing.T) {
	j := newJourney(t)
	j.apply(watched("checkout", 2))
	j.apply(watched("silent", 1))
	j.ready("checkout")
	j.ready("silent")
	j.expose("checkout")
	healthy := j.send(cluster.url+healthyPath, perSecond)
	created := time.Now()
	j.scraped("checkout")
	j.scraped("silent")
	j.ruled("checkout")
	t.Logf("scraped and its rules loaded %s after it was ready", since(created))
	j.recorded(`goservice:slo_requests:rate{namespace=%q,service="checkout",slo="availability"} > 1`)
	j.eventually(func() metav1.ConditionStatus { return j.condition("checkout", v1alpha1.ConditionSLOMet).Status }).
		Should(gomega.Equal(metav1.ConditionTrue))
	j.Expect(j.pages("checkout")).To(gomega.BeEmpty())
	j.Expect(j.pages("silent")).To(gomega.BeEmpty())
	healthy.lossless(j)

	t.Log("every request fails, and the other service loses its only pod for good")
	broken := j.send(cluster.url+brokenPath, perSecond)
	breached := time.Now()
	j.silence("silent")
	silenced := time.Now()
	var outageAfter, absentAfter time.Duration
	j.Eventually(func(g gomega.Gomega) {
		for _, expected := range []struct {
			service, alert string
			since          time.Time
			after          *time.Duration
		}{{"checkout", outage, breached, &outageAfter}, {"silent", absent, silenced, &absentAfter}} {
			pages, err := j.pages(expected.service)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			if *expected.after == 0 && slices.Contains(pages, expected.alert) {
				*expected.after = time.Since(expected.since)
			}
		}
		g.Expect(outageAfter).NotTo(gomega.BeZero(), outage)
		g.Expect(absentAfter).NotTo(gomega.BeZero(), absent)
	}).WithTimeout(prometheusPatience).WithPolling(time.Second).Should(gomega.Succeed())
	t.Logf("the total outage paged after %s (goal: 2m), the absent metrics after %s (goal: 3m)",
		outageAfter.Round(time.Second), absentAfter.Round(time.Second))
	j.eventually(func() metav1.Condition { return j.condition("checkout", v1alpha1.ConditionSLOMet) }).Should(gomega.And(
		gomega.HaveField("Status", metav1.ConditionFalse), gomega.HaveField("Reason", v1alpha1.ReasonMissed)))
	broken.count.Do(func() {}) // meant to fail, and so no figure of the run
	broken.stop()
	seen := broken.total()
	j.Expect(seen.Sent()).To(gomega.BeNumerically(">", 0))
	j.Expect(seen.Accepted()).To(gomega.BeZero(), statuses(seen)) // once the breaker is open, calls fail without being sent

	t.Log("requests are answered again")
	healthy = j.send(cluster.url+healthyPath, perSecond)
	recovered := time.Now()
	j.Eventually(func() ([]string, error) { return j.pages("checkout") }).WithTimeout(prometheusPatience).WithPolling(time.Second).
		Should(gomega.BeEmpty())
	t.Logf("no page is left %s after the recovery", since(recovered))
	j.eventually(func() metav1.ConditionStatus { return j.condition("checkout", v1alpha1.ConditionSLOMet).Status }).
		Should(gomega.Equal(metav1.ConditionTrue))
	t.Logf("the status says so after %s", since(recovered))
	j.sound("checkout")
	j.hasData("service", "$namespace", j.namespace, "$service", "checkout")
	j.hasData("operator", "$job", "goservice-controller-manager-metrics")
	healthy.lossless(j)
}

func since(start time.Time) time.Duration { return time.Since(start).Round(time.Second) }

// watched is a service of a fixed size with objectives lax enough that minutes of good traffic outweigh those of an outage
// in every window, and that is scraped often enough to see all of it soon.
func watched(name string, replicas int) string {
	return manifest(name, map[string]any{
		"replicas": replicas, "autoscaling": map[string]any{"mode": "External"},
		"slo": map[string]any{
			"availability": "90", "latency": map[string]any{"threshold": "500ms"},
		},
		"upstreams":     []any{map[string]any{"name": "billing", "url": "http://127.0.0.1:9"}},
		"observability": map[string]any{"metrics": map[string]any{"interval": "5s"}},
		"pool":          roomy,
		"resources":     smallResources,
	})
}

// silence takes all pods of a service and sees to it that none comes back, as a namespace does whose quota is used up.
func (j *journey) silence(name string) {
	j.t.Helper()
	var all corev1.PodList
	j.Expect(cluster.client.List(j.ctx, &all, client.InNamespace(j.namespace))).To(gomega.Succeed())
	pods := j.pods(name)
	quota := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: j.namespace, Name: "full"},
		Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{
			corev1.ResourcePods: *resource.NewQuantity(int64(len(all.Items)-len(pods)), resource.DecimalSI),
		}},
	}
	j.Expect(cluster.client.Create(j.ctx, quota)).To(gomega.Succeed())
	j.eventually(func() (corev1.ResourceList, error) {
		err := cluster.client.Get(j.ctx, client.ObjectKeyFromObject(quota), quota)
		return quota.Status.Used, err
	}).Should(gomega.HaveKey(corev1.ResourcePods))
	for i := range pods {
		j.Expect(cluster.client.Delete(j.ctx, &pods[i], client.GracePeriodSeconds(0))).To(gomega.Succeed())
	}
	j.eventually(func() int { return len(j.pods(name)) }).Should(gomega.BeZero())
}

// prometheus reads from the API of the cluster's Prometheus.
func (j *journey) prometheus(path string, parameters map[string]string, data any) error {
	body, err := cluster.clientset.CoreV1().Services("monitoring").
		ProxyGet("http", "prometheus", "9090", "/api/v1/"+path, parameters).DoRaw(j.ctx)
	if err != nil {
		return fmt.Errorf("asking Prometheus for %s: %w: %s", path, err, body)
	}
	return json.Unmarshal(body, &struct {
		Data any `json:"data"`
	}{data})
}

// scraped waits until the targets of a service are exactly its pods and all are up.
func (j *journey) scraped(name string) { j.t.Helper(); j.scrapedAt(name, "9100") }

func (j *journey) scrapedAt(name, port string) {
	j.t.Helper()
	j.Eventually(func(g gomega.Gomega) {
		var data struct {
			ActiveTargets []struct {
				Labels            map[string]string
				Health, LastError string
			}
		}
		g.Expect(j.prometheus("targets", map[string]string{"state": "active"}, &data)).To(gomega.Succeed())
		found := map[string]string{}
		for _, target := range data.ActiveTargets {
			if target.Labels["namespace"] == j.namespace && target.Labels["job"] == name {
				found[target.Labels["pod"]] = target.Labels["instance"] + " is " + target.Health + target.LastError
			}
		}
		want := map[string]string{} // as of now: the service may be scaled meanwhile
		for _, pod := range j.pods(name) {
			want[pod.Name] = net.JoinHostPort(pod.Status.PodIP, port) + " is up"
		}
		g.Expect(found).To(gomega.Equal(want))
	}).WithTimeout(prometheusPatience).WithPolling(time.Second).Should(gomega.Succeed())
}

// ruleGroup is one as Prometheus shows it.
type ruleGroup struct {
	Name  string
	Rules []struct{ Name, Health, LastError string }
}

func (j *journey) ruleGroups(name string) ([]ruleGroup, error) {
	var data struct{ Groups []ruleGroup }
	if err := j.prometheus("rules", nil, &data); err != nil {
		return nil, err
	}
	prefix := j.namespace + "/" + name + " "
	return slices.DeleteFunc(data.Groups, func(group ruleGroup) bool {
		return len(group.Name) <= len(prefix) || group.Name[:len(prefix)] != prefix
	}), nil
}

// ruled waits until Prometheus has loaded every rule of the service's PrometheusRule, and no other.
func (j *journey) ruled(name string) {
	j.t.Helper()
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: "monitoring.coreos.com", Version: "v1", Kind: "PrometheusRule"})
	j.Expect(cluster.client.Get(j.ctx, client.ObjectKey{Namespace: j.namespace, Name: name}, object)).To(gomega.Succeed())
	var rule struct {
		Spec struct {
			Groups []struct {
				Name  string
				Rules []struct{ Alert, Record string }
			}
		}
	}
	encoded, err := object.MarshalJSON()
	j.Expect(err).NotTo(gomega.HaveOccurred())
	j.Expect(json.Unmarshal(encoded, &rule)).To(gomega.Succeed())
	want := map[string][]string{}
	for _, group := range rule.Spec.Groups {
		for _, rule := range group.Rules {
			want[group.Name] = append(want[group.Name], rule.Alert+rule.Record)
		}
	}
	j.Expect(want).To(gomega.HaveLen(3))
	j.Eventually(func() (map[string][]string, error) {
		groups, err := j.ruleGroups(name)
		found := map[string][]string{}
		for _, group := range groups {
			for _, rule := range group.Rules {
				found[group.Name] = append(found[group.Name], rule.Name)
			}
		}
		return found, err
	}).WithTimeout(prometheusPatience).WithPolling(time.Second).Should(gomega.Equal(want))
}

// sound waits until every rule was evaluated, all without an error.
func (j *journey) sound(name string) {
	j.t.Helper()
	j.Eventually(func() ([]string, error) {
		groups, err := j.ruleGroups(name)
		unsound := []string{}
		for _, group := range groups {
			for _, rule := range group.Rules {
				if rule.Health != "ok" {
					unsound = append(unsound, fmt.Sprintf("%s in %s: %s %s", rule.Name, group.Name, rule.Health, rule.LastError))
				}
			}
		}
		return unsound, err
	}).WithTimeout(prometheusPatience).WithPolling(time.Second).Should(gomega.BeEmpty())
}

// recorded waits until an expression, in which %q is the namespace, has a value.
func (j *journey) recorded(expression string) {
	j.t.Helper()
	j.eventually(func() ([]any, error) {
		var data struct{ Result []any }
		err := j.prometheus("query", map[string]string{"query": fmt.Sprintf(expression, j.namespace)}, &data)
		return data.Result, err
	}).Should(gomega.HaveLen(1))
}

// pages are the names of the service's alerts that fire and wake somebody.
func (j *journey) pages(name string) ([]string, error) { return j.firing(name, "page") }

// firing are the names of the service's alerts that fire, of a severity or, if that is empty, of any.
func (j *journey) firing(name, severity string) ([]string, error) {
	var data struct {
		Alerts []struct {
			Labels map[string]string
			State  string
		}
	}
	if err := j.prometheus("alerts", nil, &data); err != nil {
		return nil, err
	}
	names := []string{}
	for _, alert := range data.Alerts {
		l := alert.Labels
		if l["namespace"] == j.namespace && l["service"] == name && (severity == "" || l["severity"] == severity) && alert.State == "firing" {
			names = append(names, l["alertname"])
		}
	}
	return names, nil
}
