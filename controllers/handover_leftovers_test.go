// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// small is a Deployment whose fields have owners in some way or other.
const small = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout, annotations: {helm.sh/resource-policy: keep}}
spec:
  replicas: 2
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec: {containers: [{name: app, image: "registry.example/checkout:1", env: [{name: THEIRS, value: "1"}], ports: [{name: http, containerPort: 8080}]}]}
`

// balancer is a Service that a cloud makes a load balancer of.
const balancer = `
apiVersion: v1
kind: Service
metadata: {name: checkout, annotations: {cloud.example/internal: "true"}}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  allocateLoadBalancerNodePorts: false
  loadBalancerClass: example.com/lb
  externalIPs: [192.0.2.1]
  selector: {app: a}
  ports: [{name: web, port: 80, targetPort: 8080}]
`

// scaler is an autoscaler of the older API.
const scaler = `
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: checkout}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: checkout}, minReplicas: 2, maxReplicas: 9, targetCPUUtilizationPercentage: 77}
`

func merge(t *testing.T, object *unstructured.Unstructured, version, manager, patch string) {
	t.Helper()
	object = object.DeepCopy()
	object.SetAPIVersion(version)
	if err := api.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, []byte(patch)), client.FieldOwner(manager)); err != nil {
		t.Fatal(err)
	}
}

// A field that nobody owns would stay for good, and might contradict what the service declares: all of a spec is taken.
func TestFieldsOfASpecGoWhoeverOwnedThem(t *testing.T) {
	t.Parallel()
	const spec = `{image: "registry.example/checkout:1", observability: {metrics: {enabled: false}}, pod: {containerName: app, selector: {app: a}}, MORE}`
	cases := map[string]struct {
		manifests, more string
		applier         bool
		prepare         func(t *testing.T, objects []*unstructured.Unstructured)
		expect          func(t *testing.T, namespace string)
	}{
		"a default that contradicts": {small, `replicas: 2, rollout: {strategy: Recreate}`, true, nil, func(t *testing.T, namespace string) {
			var deployment appsv1.Deployment
			get(t, namespace, serviceName, &deployment)
			if deployment.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType || deployment.Spec.Strategy.RollingUpdate != nil {
				t.Errorf("strategy %+v", deployment.Spec.Strategy)
			}
			if deployment.Annotations["helm.sh/resource-policy"] != "keep" {
				t.Errorf("nothing keeps Helm from deleting it: %v", deployment.Annotations)
			}
		}},
		"managers that were removed": {small, `replicas: 2`, false, func(t *testing.T, objects []*unstructured.Unstructured) {
			merge(t, objects[0], "apps/v1", "kubectl", `{"metadata":{"managedFields":[{}]}}`)
		}, func(t *testing.T, namespace string) {
			var deployment appsv1.Deployment
			get(t, namespace, serviceName, &deployment)
			for _, variable := range deployment.Spec.Template.Spec.Containers[0].Env {
				if variable.Name == "THEIRS" {
					t.Error("a variable is left of the former manager's")
				}
			}
		}},
		"two versions of the API": {small + "---\n" + scaler, `autoscaling: {minReplicas: 2, maxReplicas: 9}`, false, func(t *testing.T, objects []*unstructured.Unstructured) {
			merge(t, objects[1], "autoscaling/v2", "kubectl-edit", `{"spec":{"behavior":{"scaleDown":{"selectPolicy":"Disabled"}}}}`)
		}, func(t *testing.T, namespace string) {
			var autoscaler autoscalingv2.HorizontalPodAutoscaler
			get(t, namespace, serviceName, &autoscaler)
			if policy := autoscaler.Spec.Behavior.ScaleDown.SelectPolicy; policy == nil || *policy == autoscalingv2.DisabledPolicySelect {
				t.Errorf("scale-in is still disabled: %v", policy)
			}
			if len(autoscaler.Spec.Metrics) != 1 || autoscaler.Spec.Metrics[0].ContainerResource == nil {
				t.Errorf("metrics %+v", autoscaler.Spec.Metrics)
			}
		}},
		"a load balancer": {small + "---\n" + balancer, `replicas: 2, service: {type: LoadBalancer, externalTrafficPolicy: Local}`, true, nil, func(t *testing.T, namespace string) {
			var service corev1.Service
			get(t, namespace, serviceName, &service)
			spec := service.Spec
			if spec.LoadBalancerClass == nil || *spec.LoadBalancerClass != "example.com/lb" || spec.AllocateLoadBalancerNodePorts == nil || *spec.AllocateLoadBalancerNodePorts ||
				len(spec.ExternalIPs) != 1 || service.Annotations["cloud.example/internal"] != "true" || spec.HealthCheckNodePort == 0 || spec.Ports[0].Name != "http" {
				t.Errorf("the load balancer became another: %+v %v", spec, service.Annotations)
			}
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			objects := createdBy(t, namespace, c.manifests, c.applier)
			if c.prepare != nil {
				c.prepare(t, objects)
			}
			handOver(t, objects...)
			served(t, namespace)
			startOperator(t, namespace, nil)
			applyService(t, namespace, strings.Replace(spec, "MORE", c.more, 1))
			settled(t, namespace, serviceName)
			c.expect(t, namespace)
		})
	}
}

// Between the two writes that take a Deployment and its Service nothing is lost: pods are replaced only when the Service leads to them.
func TestPodsAreNotReplacedBeforeTheirServiceLeadsToThem(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	named := strings.Replace(small, "name: http", "name: web", 1) + "---\n" + `
apiVersion: v1
kind: Service
metadata: {name: checkout}
spec: {selector: {app: a}, ports: [{name: web, port: 80, targetPort: web}]}
`
	objects := createdBy(t, namespace, named, true)
	handOver(t, objects...)
	var allowed atomic.Bool
	startOperator(t, namespace, nil, func(o *operatorOptions) { // and no pod is available
		o.wrap = func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(request *http.Request) (*http.Response, error) {
				applied := request.Method == http.MethodPatch && request.Header.Get("Content-Type") == string(types.ApplyYAMLPatchType)
				if applied && strings.HasSuffix(request.URL.Path, "/services/checkout") && !allowed.Load() {
					body, err := io.ReadAll(request.Body)
					if err != nil {
						return nil, err
					}
					request.Body = io.NopCloser(bytes.NewReader(body))
					if !bytes.Contains(body, []byte(`"resourceVersion"`)) { // no creation
						return refusal(request, http.StatusForbidden, "Forbidden", "services are frozen"), nil
					}
				}
				return next.RoundTrip(request)
			})
		}
	})
	applyService(t, namespace, `{image: "registry.example/checkout:1", observability: {metrics: {enabled: false}}, replicas: 2, pod: {containerName: app, selector: {app: a}}}`)
	eventually(t, func(g gomega.Gomega) {
		g.Expect(expectCondition(t, namespace, v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonDenied)).To(gomega.ContainSubstring("services are frozen"))
	})
	var service corev1.Service
	var deployment appsv1.Deployment
	get(t, namespace, serviceName, &service)
	get(t, namespace, serviceName, &deployment)
	for _, taken := range []client.Object{&service, &deployment} {
		if metav1.GetControllerOf(taken) == nil {
			t.Errorf("%T was not taken", taken)
		}
	}
	if to, port := service.Spec.Ports[0].TargetPort.StrVal, deployment.Spec.Template.Spec.Containers[0].Ports[0].Name; to != "web" || port != "web" {
		t.Errorf("the Service leads to %s, and the pods have %s", to, port)
	}
	allowed.Store(true)
	settled(t, namespace, serviceName)
	get(t, namespace, serviceName, &service)
	get(t, namespace, serviceName, &deployment)
	if to, port := service.Spec.Ports[0].TargetPort.IntVal, deployment.Spec.Template.Spec.Containers[0].Ports[0].Name; to != 8080 || port != "http" {
		t.Errorf("the Service leads to %d, and the pods have %s", to, port)
	}
}
