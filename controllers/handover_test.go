// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// team is what a team runs today: its selector has labels that the operator sets itself, with other values.
const team = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout, labels: {app: checkout}, annotations: {reloader: "true"}}
spec:
  replicas: 5
  minReadySeconds: 3
  strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 2}}
  selector: {matchLabels: {app.kubernetes.io/name: shop, app.kubernetes.io/instance: live}}
  template:
    metadata: {labels: {app.kubernetes.io/name: shop, app.kubernetes.io/instance: live, team: red}}
    spec:
      nodeSelector: {disk: ssd}
      containers:
      - name: app
        image: registry.example/checkout:1
        env: [{name: THEIRS, value: "1"}]
        ports: [{name: web, containerPort: 8080}]
        lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}
---
apiVersion: v1
kind: Service
metadata: {name: checkout, labels: {app: checkout}}
spec: {type: NodePort, selector: {app.kubernetes.io/name: shop, app.kubernetes.io/instance: live}, ports: [{name: web, port: 80, targetPort: web, nodePort: NODEPORT}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: AUTOSCALER}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: checkout}, minReplicas: 3, maxReplicas: 9}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: BUDGET}
spec: {minAvailable: 2, selector: {matchLabels: {app.kubernetes.io/name: shop}}}
`

// goServiceOfTeam is what its GoService says.
const goServiceOfTeam = `{image: "registry.example/checkout:1", observability: {metrics: {enabled: false}}, service: {type: NodePort},
	pod: {containerName: app, selector: {app.kubernetes.io/name: shop, app.kubernetes.io/instance: live}, labels: {team: red}}, autoscaling: {minReplicas: 3, maxReplicas: 9}}`

// createdBy makes the team's objects as kubectl apply does, by an update, or as an applier does, and returns them.
func createdBy(t *testing.T, namespace, manifests string, applier bool) []*unstructured.Unstructured {
	t.Helper()
	var result []*unstructured.Unstructured
	for _, document := range strings.Split(manifests, "---\n") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			t.Fatal(err)
		}
		object.SetNamespace(namespace)
		var err error
		if applier {
			err = api.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("helm"))
		} else {
			last, _ := json.Marshal(object.Object)
			annotations := object.GetAnnotations()
			if annotations == nil {
				annotations = map[string]string{}
			}
			annotations[corev1.LastAppliedConfigAnnotation] = string(last)
			object.SetAnnotations(annotations)
			err = api.Create(t.Context(), object, client.FieldOwner("kubectl-client-side-apply"))
		}
		if err != nil {
			t.Fatalf("%s: %v", object.GetKind(), err)
		}
		result = append(result, object)
	}
	return result
}

func handOver(t *testing.T, objects ...*unstructured.Unstructured) {
	t.Helper()
	for _, object := range objects {
		annotate(t, object, build.AnnotationAdopt, serviceName)
	}
}

func annotate(t *testing.T, object client.Object, key, value string) {
	t.Helper()
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, key, value)
	if err := api.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, []byte(patch)), client.FieldOwner("kubectl-annotate")); err != nil {
		t.Fatal(err)
	}
}

// served says that the Deployment's pods are available, as its controller does.
func served(t *testing.T, namespace string) {
	t.Helper()
	servedBy(t, namespace, serviceName)
}

// servedBy says so of a Deployment of any name.
func servedBy(t *testing.T, namespace, name string) {
	t.Helper()
	var deployment appsv1.Deployment
	get(t, namespace, name, &deployment)
	replicas := *deployment.Spec.Replicas
	patch := fmt.Sprintf(`{"status":{"replicas":%[1]d,"readyReplicas":%[1]d,"availableReplicas":%[1]d,"updatedReplicas":%[1]d,"observedGeneration":%[2]d}}`, replicas, deployment.Generation)
	if err := api.Status().Patch(t.Context(), &deployment, client.RawPatch(types.MergePatchType, []byte(patch)), client.FieldOwner("kube-controller-manager")); err != nil {
		t.Fatal(err)
	}
}

func manifestsOfTeam(nodePort int, autoscaler, budget string) string {
	return strings.NewReplacer("NODEPORT", fmt.Sprint(nodePort), "AUTOSCALER", autoscaler, "BUDGET", budget).Replace(team)
}

// What runs is taken over in place: nothing but what the GoService says is left of the former manager's, the count stays, and so does what
// the cluster assigned.
func TestWhatIsHandedOverIsTakenInPlace(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		applier            bool
		nodePort           int
		autoscaler, budget string
		scaled             bool // by an autoscaler, which then owns the count
	}{
		"applied by a client, other names":  {false, 30101, "theirs", "theirs", false},
		"applied by a client, scaled":       {false, 30102, "theirs", "theirs", true},
		"applied by an applier, same names": {true, 30103, serviceName, serviceName, false},
		"applied by an applier, scaled":     {true, 30104, serviceName, serviceName, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			objects := createdBy(t, namespace, manifestsOfTeam(c.nodePort, c.autoscaler, c.budget), c.applier)
			edit := `{"spec":{"template":{"spec":{"containers":[{"name":"app","env":[{"name":"EDITED","value":"1"}]}]}}}}`
			if err := api.Patch(t.Context(), objects[0].DeepCopy(), client.RawPatch(types.StrategicMergePatchType, []byte(edit)), client.FieldOwner("kubectl-set")); err != nil {
				t.Fatal(err)
			}
			if c.scaled {
				autoscale(t, namespace, 7)
			}
			served(t, namespace)
			counts := watchCounts(t, namespace)
			handOver(t, objects...)
			startOperator(t, namespace, nil)
			applyService(t, namespace, goServiceOfTeam)
			service := settled(t, namespace, serviceName)

			var deployment appsv1.Deployment
			get(t, namespace, serviceName, &deployment)
			want := int32(5)
			if c.scaled {
				want = 7
			}
			if all := counts.follows(t, namespace); slices.ContainsFunc(all, func(n int32) bool { return n != want }) {
				t.Errorf("counts of replicas: %v, want %d only", all, want)
			}
			pod := deployment.Spec.Template.Spec
			if len(pod.Containers) != 1 || pod.Containers[0].Name != "app" {
				t.Errorf("containers: %v", pod.Containers)
			}
			for _, variable := range pod.Containers[0].Env {
				if variable.Name == "THEIRS" || variable.Name == "EDITED" {
					t.Errorf("%s is left in the environment", variable.Name)
				}
			}
			if pod.Containers[0].Lifecycle.PreStop.Exec != nil || pod.NodeSelector["disk"] != "" || deployment.Spec.MinReadySeconds != 0 ||
				deployment.Spec.Strategy.RollingUpdate.MaxUnavailable.IntVal != 0 {
				t.Errorf("left of the former: %v %v %d %v", pod.Containers[0].Lifecycle, pod.NodeSelector, deployment.Spec.MinReadySeconds, deployment.Spec.Strategy)
			}
			for _, key := range []string{"reloader", build.AnnotationAdopt, corev1.LastAppliedConfigAnnotation} {
				if _, left := deployment.Annotations[key]; left {
					t.Errorf("the annotation %s is left", key)
				}
			}
			labels := deployment.Spec.Template.Labels
			if labels["app.kubernetes.io/name"] != "shop" || labels["team"] != "red" || build.ServiceOfPod(labels) != serviceName {
				t.Errorf("labels of the pods: %v", labels)
			}
			if service.Status.Template.Cause != v1alpha1.TemplateFromHandOver {
				t.Errorf("cause: %s", service.Status.Template.Cause)
			}
			var entrance corev1.Service
			get(t, namespace, serviceName, &entrance)
			ports := []corev1.ServicePort{{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80, TargetPort: intstr.FromInt32(8080), NodePort: int32(c.nodePort)}}
			if diff := cmp.Diff(ports, entrance.Spec.Ports); diff != "" {
				t.Errorf("ports of the Service (-want +got):\n%s", diff)
			}
			if entrance.Spec.ClusterIP != objects[1].Object["spec"].(map[string]any)["clusterIP"] && !c.applier {
				t.Errorf("cluster IP %s", entrance.Spec.ClusterIP)
			}
			if diff := cmp.Diff(deployment.Spec.Selector.MatchLabels, entrance.Spec.Selector); diff != "" {
				t.Errorf("the Service selects otherwise than the Deployment (-want +got):\n%s", diff)
			}
			var budgets policyv1.PodDisruptionBudgetList
			var autoscalers autoscalingv2.HorizontalPodAutoscalerList
			eventually(t, func(g gomega.Gomega) {
				g.Expect(api.List(t.Context(), &budgets, client.InNamespace(namespace))).To(gomega.Succeed())
				g.Expect(api.List(t.Context(), &autoscalers, client.InNamespace(namespace))).To(gomega.Succeed())
				g.Expect(len(budgets.Items)).To(gomega.Equal(1))
				g.Expect(len(autoscalers.Items)).To(gomega.Equal(1))
			})
			if budget := &budgets.Items[0]; budget.Name != serviceName || budget.Spec.MinAvailable != nil {
				t.Errorf("the budget is %s, %+v", budget.Name, budget.Spec)
			}
			if autoscaler := &autoscalers.Items[0]; autoscaler.Name != serviceName || autoscaler.Spec.Metrics[0].ContainerResource.Container != "app" {
				t.Errorf("the autoscaler is %s, %+v", autoscaler.Name, autoscaler.Spec)
			}
			for name, child := range childrenOf(t, namespace) {
				owner := metav1.GetControllerOf(child)
				if owner == nil || owner.UID != service.UID {
					t.Errorf("%s belongs to %v", name, owner)
				}
				for _, entry := range child.GetManagedFields() {
					if strings.HasPrefix(entry.Manager, "former-") || entry.Manager == "helm" || entry.Manager == "kubectl-client-side-apply" || entry.Manager == "kubectl-set" {
						t.Errorf("%s still has the manager %s", name, entry.Manager)
					}
				}
			}

			// When all pods are the new ones, the Service names its port again.
			served(t, namespace)
			eventually(t, func(g gomega.Gomega) {
				g.Expect(api.Get(t.Context(), client.ObjectKeyFromObject(&entrance), &entrance)).To(gomega.Succeed())
				g.Expect(entrance.Spec.Ports[0].TargetPort).To(gomega.Equal(intstr.FromString("http")))
				g.Expect(entrance.Spec.Ports[0].NodePort).To(gomega.Equal(int32(c.nodePort)))
			})
		})
	}
}

// Whatever stands in the way is named, and until it is gone nothing is touched.
func TestWhatStandsInTheWayOfAHandOverIsNamed(t *testing.T) {
	t.Parallel()
	nodePort := 30120
	cases := map[string]struct {
		spec string
		// prepare makes the obstacle and returns what removes it.
		prepare func(t *testing.T, deployment, service, autoscaler *unstructured.Unstructured) func(t *testing.T)
		message string
	}{
		"another selector": {
			strings.Replace(goServiceOfTeam, "selector: {app.kubernetes.io/name: shop, app.kubernetes.io/instance: live},", "", 1),
			func(_ *testing.T, deployment, _, _ *unstructured.Unstructured) func(*testing.T) {
				return func(t *testing.T) { applyService(t, deployment.GetNamespace(), goServiceOfTeam) }
			},
			`nobody can change its selector; set spec.pod.selector to {app.kubernetes.io/instance: live, app.kubernetes.io/name: shop}`,
		},
		"an autoscaler that stays": {
			goServiceOfTeam,
			func(t *testing.T, _, _, autoscaler *unstructured.Unstructured) func(*testing.T) {
				annotate(t, autoscaler.DeepCopy(), build.AnnotationAdopt, "somebody-else")
				return func(t *testing.T) { annotate(t, autoscaler.DeepCopy(), build.AnnotationAdopt, serviceName) }
			},
			`HorizontalPodAutoscaler "theirs" scales it; annotate that one with goservice.dev/adopt: checkout as well, or delete it`,
		},
		"a chart": {
			goServiceOfTeam,
			func(t *testing.T, deployment, _, _ *unstructured.Unstructured) func(*testing.T) {
				annotate(t, deployment.DeepCopy(), "meta.helm.sh/release-name", "shop")
				return func(t *testing.T) {
					patch := []byte(`{"metadata":{"annotations":{"meta.helm.sh/release-name":null}}}`)
					if err := api.Patch(t.Context(), deployment.DeepCopy(), client.RawPatch(types.MergePatchType, patch)); err != nil {
						t.Fatal(err)
					}
				}
			},
			`Helm release "shop" still applies it; take it out of there without deleting it, then remove meta.helm.sh/release-name from it`,
		},
		"a Service that leads to the port by its name": {
			goServiceOfTeam,
			func(t *testing.T, _, service, _ *unstructured.Unstructured) func(*testing.T) {
				annotate(t, service.DeepCopy(), build.AnnotationAdopt, "")
				return func(t *testing.T) { annotate(t, service.DeepCopy(), build.AnnotationAdopt, serviceName) }
			},
			`Service "checkout" leads to the port named web, which the new pods do not have`,
		},
		"a Service that its chart still has": {
			goServiceOfTeam,
			func(t *testing.T, _, service, _ *unstructured.Unstructured) func(*testing.T) {
				annotate(t, service.DeepCopy(), "meta.helm.sh/release-name", "shop")
				return func(t *testing.T) {
					merge(t, service, "v1", "kubectl", `{"metadata":{"annotations":{"meta.helm.sh/release-name":null}}}`)
				}
			},
			`Service "checkout" leads to it, and cannot be taken: Helm release "shop" still applies it`,
		},
		"a Service that would have another type": {
			strings.Replace(goServiceOfTeam, "service: {type: NodePort},", "", 1),
			func(_ *testing.T, deployment, _, _ *unstructured.Unstructured) func(*testing.T) {
				return func(t *testing.T) { applyService(t, deployment.GetNamespace(), goServiceOfTeam) }
			},
			`Service "checkout" leads to it, and cannot be taken: its type is NodePort; set spec.service.type to NodePort`,
		},
		"a Service that selects by another label": {
			strings.Replace(goServiceOfTeam, "team: red", "squad: red", 1),
			func(t *testing.T, _, service, _ *unstructured.Unstructured) func(*testing.T) {
				second := service.DeepCopy()
				second.SetResourceVersion("")
				second.SetName("second")
				second.Object["spec"] = map[string]any{"selector": map[string]any{"team": "red"}, "ports": []any{map[string]any{"port": int64(80)}}}
				if err := api.Create(t.Context(), second); err != nil {
					t.Fatal(err)
				}
				return func(t *testing.T) { applyService(t, second.GetNamespace(), goServiceOfTeam) }
			},
			`Service "second" selects its pods by labels that the new pods do not have (team=red); set them in spec.pod.labels`,
		},
	}
	for name, c := range cases {
		nodePort++
		port := nodePort
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			objects := createdBy(t, namespace, manifestsOfTeam(port, "theirs", "theirs"), false)
			served(t, namespace)
			handOver(t, objects...)
			remove := c.prepare(t, objects[0], objects[1], objects[2])
			startOperator(t, namespace, nil)
			before := specsOf(t, objects)
			applyService(t, namespace, c.spec)
			eventually(t, func(g gomega.Gomega) {
				g.Expect(expectCondition(t, namespace, v1alpha1.ConditionApplied, metav1.ConditionFalse, v1alpha1.ReasonConflict)).To(gomega.ContainSubstring(c.message))
			})
			if diff := cmp.Diff(before, specsOf(t, objects)); diff != "" {
				t.Errorf("touched (-before +after):\n%s", diff)
			}
			remove(t)
			settled(t, namespace, serviceName)
		})
	}
}
