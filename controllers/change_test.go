// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// changeBase has something to change in every part, and no rate limit, whose shares would follow the number of pods.
const changeBase = `
slo:
  availability: "99.9"
  latency: {threshold: 50ms, percentile: "99"}
upstreams:
- {name: billing, url: "http://billing.shop.svc"}
observability:
  tracing: {endpoint: "http://collector:4318"}
`

// with is a spec in which some fields are others.
func with(t *testing.T, spec, change string) string {
	t.Helper()
	content := parse(t, spec)
	overlayMap(content, parse(t, change))
	text, err := yaml.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func overlayMap(into, from map[string]any) {
	for key, value := range from {
		nested, isMap := value.(map[string]any)
		if existing, has := into[key].(map[string]any); isMap && has {
			overlayMap(existing, nested)
			continue
		}
		into[key] = value
	}
}

func TestAChangeWritesWhatItMustAndNothingElse(t *testing.T) {
	t.Parallel()
	const (
		configMap  = "PATCH configmaps/checkout-live-settings"
		autoscaler = "PATCH horizontalpodautoscalers/checkout"
		deployment = "PATCH deployments/checkout"
	)
	cases := map[string]struct {
		change string
		want   []string
	}{
		// Live: no Deployment changes, so no pod is replaced.
		"rateLimit":                     {`rateLimit: {requestsPerSecond: 100}`, []string{configMap}},
		"rateLimit.burst":               {`rateLimit: {requestsPerSecond: 100, burst: 7, scope: Pod}`, []string{configMap}},
		"pool":                          {`pool: {workers: 5, queueDepth: 0}`, []string{configMap}},
		"observability.logging":         {`observability: {logging: {level: debug}}`, []string{configMap}},
		"observability.tracing.ratio":   {`observability: {tracing: {sampleRatio: "0.5"}}`, []string{configMap}},
		"runtime":                       {`runtime: {gogc: 50}`, []string{configMap}},
		"upstreams.timeout":             {`upstreams: [{name: billing, url: "http://billing.shop.svc", timeout: 1s}]`, []string{configMap}},
		"upstreams.rateLimit":           {`upstreams: [{name: billing, url: "http://billing.shop.svc", rateLimit: {requestsPerSecond: 9}}]`, []string{configMap}},
		"upstreams.maxInFlight":         {`upstreams: [{name: billing, url: "http://billing.shop.svc", maxInFlight: 9}]`, []string{configMap}},
		"trustedProxies":                {`trustedProxies: [10.0.0.0/8]`, []string{configMap}},
		"slo.availability":              {`slo: {availability: "99.99"}`, []string{autoscaler}},
		"slo.latency.percentile":        {`slo: {latency: {percentile: "99.9"}}`, []string{autoscaler}},
		"slo.load":                      {`slo: {load: {peakRequestsPerSecond: 99000}}`, []string{autoscaler}},
		"slo.window":                    {`slo: {window: 7d}`, nil},
		"autoscaling":                   {`autoscaling: {minReplicas: 3, targetCPUUtilization: 40}`, []string{autoscaler}},
		"observability.metrics, absent": {`observability: {metrics: {interval: 30s, labels: {release: prometheus}}}`, nil},
		// Rolling: the Deployment changes.
		"image":                       {`image: registry.example/checkout:v2`, []string{deployment}},
		"imagePullPolicy":             {`imagePullPolicy: Always`, []string{deployment}},
		"imagePullSecrets":            {`imagePullSecrets: [{name: registry}]`, []string{deployment}},
		"port":                        {`port: 9000`, []string{deployment}},
		"env":                         {`env: [{name: A, value: b}]`, []string{deployment}},
		"envFrom":                     {`envFrom: [{configMapRef: {name: settings}}]`, []string{deployment}},
		"slo.latency.threshold":       {`slo: {latency: {threshold: 10s}}`, []string{configMap, deployment}},
		"shutdown":                    {`shutdown: {preStopDelay: 20s}`, []string{deployment}},
		"upstreams.url":               {`upstreams: [{name: billing, url: "https://billing.shop.svc"}]`, []string{deployment}},
		"upstreams.headersSecretName": {`upstreams: [{name: billing, url: "http://billing.shop.svc", headersSecretName: token}]`, []string{deployment}},
		"resources":                   {`resources: {limits: {memory: 1Gi}}`, []string{configMap, deployment}},
		"observability.tracing":       {`observability: {tracing: {endpoint: "http://other:4318"}}`, []string{deployment}},
		"observability.profiling":     {`observability: {profiling: {enabled: false}}`, []string{deployment}},
		"tls":                         {`tls: {secretName: checkout-tls}`, []string{deployment, "PATCH services/checkout"}},
		"probes":                      {`probes: {readiness: {tcpSocket: {}}}`, []string{deployment}},
		"pod.labels":                  {`pod: {labels: {team: shop}}`, []string{deployment}},
		"pod.annotations":             {`pod: {annotations: {team: shop}}`, []string{deployment}},
		"pod.nodeSelector":            {`pod: {nodeSelector: {disk: fast}}`, []string{deployment}},
		"pod.priorityClassName":       {`pod: {priorityClassName: high}`, []string{deployment}},
		"pod.serviceAccountName":      {`pod: {serviceAccountName: mine}`, []string{deployment}},
		"everything that is not live": {`{port: 9000, pod: {labels: {team: shop}}, shutdown: {drainTimeout: 33s}}`, []string{deployment}},
	}
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		c := cases[name]
		t.Run(name, func(t *testing.T) {
			applyService(t, namespace, changeBase)
			settled(t, namespace, serviceName)
			op.writes.forget()
			applyService(t, namespace, with(t, changeBase, c.change))
			settled(t, namespace, serviceName)
			written := slices.DeleteFunc(op.writes.written(), func(entry string) bool { return entry == "PATCH goservices/checkout/status" })
			slices.Sort(written)
			if diff := cmp.Diff(c.want, written, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestARemovedFieldIsRemovedFromTheChild(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	applyService(t, namespace, changeBase)
	settled(t, namespace, serviceName)
	var before appsv1.Deployment
	get(t, namespace, serviceName, &before)

	applyService(t, namespace, with(t, changeBase, `
image: registry.example/checkout:v2
imagePullSecrets: [{name: registry}]
env: [{name: A, value: b}]
envFrom: [{configMapRef: {name: settings}}]
tls: {secretName: checkout-tls}
resources: {limits: {cpu: "1"}}
rateLimit: {requestsPerSecond: 100}
pod:
  labels: {team: shop}
  annotations: {team: shop}
  nodeSelector: {disk: fast}
  tolerations: [{operator: Exists}]
  priorityClassName: high
  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Exists}]}]}}}
`))
	settled(t, namespace, serviceName)
	var between appsv1.Deployment
	get(t, namespace, serviceName, &between)
	if cmp.Equal(before.Spec, between.Spec) {
		t.Error("the Deployment did not change")
	}

	applyService(t, namespace, changeBase)
	settled(t, namespace, serviceName)
	var after appsv1.Deployment
	get(t, namespace, serviceName, &after)
	if diff := cmp.Diff(before.Spec, after.Spec); diff != "" {
		t.Errorf("something is left of the removed fields (-before +after):\n%s", diff)
	}
	document, err := documentOf(t.Context(), namespace, serviceName)
	if err != nil || document.RateLimit != nil {
		t.Errorf("the rate limit is left: %+v (%v)", document.RateLimit, err)
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		before, after string
		gone          string
	}{
		"a fixed size needs no autoscaler":   {`autoscaling: {maxReplicas: 5}`, `replicas: 3`, "HorizontalPodAutoscaler/checkout"},
		"nothing declared needs none either": {`slo: {availability: "99"}`, `port: 8080`, "HorizontalPodAutoscaler/checkout"},
		"another ServiceAccount is used":     {`replicas: 3`, `{replicas: 3, pod: {serviceAccountName: mine}}`, "ServiceAccount/checkout"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			namespace := newNamespace(t)
			startOperator(t, namespace, nil)
			applyService(t, namespace, c.before)
			settled(t, namespace, serviceName)
			before := names(childrenOf(t, namespace))
			applyService(t, namespace, c.after)
			settled(t, namespace, serviceName)
			want := slices.DeleteFunc(slices.Clone(before), func(child string) bool { return child == c.gone })
			if len(want) == len(before) {
				t.Errorf("%s was not there before", c.gone)
			}
			var deployment appsv1.Deployment
			get(t, namespace, serviceName, &deployment)
			setDeploymentStatus(t, namespace, appsv1.DeploymentStatus{ObservedGeneration: deployment.Generation}) // rolled out
			eventually(t, func(g gomega.Gomega) { g.Expect(names(childrenOf(t, namespace))).To(gomega.Equal(want)) })
		})
	}
}

func TestAServiceAccountOfTheUserIsNotTouched(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	mine := &corev1.ServiceAccount{}
	mine.Namespace, mine.Name = namespace, "mine"
	if err := api.Create(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	applyService(t, namespace, `pod: {serviceAccountName: mine}`)
	settled(t, namespace, serviceName)
	var after corev1.ServiceAccount
	get(t, namespace, "mine", &after)
	if after.ResourceVersion != mine.ResourceVersion {
		t.Error("the user's ServiceAccount was written")
	}
}
