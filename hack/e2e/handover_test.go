// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// teamManifests are what a team runs: its container, the container's port, its labels, and its autoscaler have names that the operator would not
// give them. The Service's port has the operator's, as docs/migrate.md asks of those who may lose nothing: a port that is renamed leads nowhere
// until its EndpointSlices follow, which on a busy machine takes long enough to be seen.
const teamManifests = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, labels: {app: shop}}
spec:
  replicas: 2
  selector: {matchLabels: {app.kubernetes.io/name: web, app.kubernetes.io/instance: shop}}
  template:
    metadata: {labels: {app.kubernetes.io/name: web, app.kubernetes.io/instance: shop, team: red}, annotations: {prometheus.io/port: "8080"}}
    spec:
      automountServiceAccountToken: false
      securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: app
        image: %[1]s
        imagePullPolicy: IfNotPresent
        args: ["-metrics=otelhttp"]
        env: [{name: PORT, value: "8080"}, {name: THEIRS, value: "1"}]
        ports: [{name: web, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /, port: web}, periodSeconds: 1}
        lifecycle: {preStop: {sleep: {seconds: 5}}}
        resources: {requests: {cpu: 20m, memory: 32Mi}, limits: {memory: 128Mi}}
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {type: NodePort, selector: {app.kubernetes.io/name: web, app.kubernetes.io/instance: shop}, ports: [{name: http, port: 80, targetPort: web, nodePort: %[2]d}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: shop-cpu}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}
  minReplicas: 2
  maxReplicas: 3
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 90}}}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: shop-budget}
spec: {maxUnavailable: 1, selector: {matchLabels: {app.kubernetes.io/instance: shop}}}
`

// A Deployment with all that belongs to it is converted, handed over, and given back under load, and no request is lost.
func TestADeploymentIsHandedOverAndBack(t *testing.T) {
	j := newJourney(t)
	t.Cleanup(func() { _, _ = j.tryKubectl("", "delete", "service/shop", "--ignore-not-found") }) // other tests have the same node port
	theirs := fmt.Sprintf(teamManifests, os.Getenv("FOREIGN_IMG"), nodePort)
	j.apply(theirs)
	j.kubectl("", "rollout", "status", "deployment/shop", "--timeout="+patience.String())
	j.eventually(func() (int, error) { return get(j.ctx, cluster.url) }).Should(gomega.Equal(200))
	load := j.send(cluster.url+healthyPath, perSecond)

	t.Log("the GoService waits")
	converted := j.convert(theirs, "-indicators=OpenTelemetry")
	j.apply(converted)
	j.eventually(func() metav1.Condition { return j.condition("shop", v1alpha1.ConditionApplied) }).Should(gomega.SatisfyAll(
		gomega.HaveField("Reason", v1alpha1.ReasonConflict), gomega.HaveField("Message", gomega.ContainSubstring("goservice.dev/adopt"))))
	before := j.deployment("shop")

	t.Log("it is handed over")
	began := time.Now()
	j.kubectl("", "annotate", "deployment/shop", "service/shop", "hpa/shop-cpu", "pdb/shop-budget", "goservice.dev/adopt=shop")
	j.eventually(func() *v1alpha1.TemplateStatus { return j.service("shop").Status.Template }).Should(gomega.HaveField("Cause", v1alpha1.TemplateFromHandOver))
	t.Logf("it was taken after %s", since(began))
	j.waitFor("shop", v1alpha1.ConditionReady)
	t.Logf("and rolled out after %s", since(began))
	after := j.deployment("shop")
	j.Expect(after.UID).To(gomega.Equal(before.UID))
	j.Expect(*after.Spec.Replicas).To(gomega.BeNumerically(">=", 2))
	j.Expect(after.Spec.Template.Spec.Containers).To(gomega.HaveLen(1))
	j.Expect(after.Spec.Template.Spec.Containers[0].Name).To(gomega.Equal("app"))
	j.Expect(after.Annotations).NotTo(gomega.HaveKey("kubectl.kubernetes.io/last-applied-configuration"))
	j.eventually(func() (names []string, err error) {
		var autoscalers autoscalingv2.HorizontalPodAutoscalerList
		err = cluster.client.List(j.ctx, &autoscalers, client.InNamespace(j.namespace))
		for i := range autoscalers.Items {
			names = append(names, autoscalers.Items[i].Name)
		}
		return names, err
	}).Should(gomega.Equal([]string{"shop"}), "the service's own autoscaler is the only one")
	j.Expect(j.service("shop").Status.Conditions).NotTo(gomega.ContainElement(gomega.HaveField("Type", v1alpha1.ConditionEvictionBlocked)))
	j.kubectl("", "patch", "gosvc/shop", "--type=merge", "-p", `{"spec":{"slo":{"availability":"99","latency":{"threshold":"500ms","percentile":"90"}}}}`)
	j.eventually(func() metav1.Condition { return j.condition("shop", v1alpha1.ConditionMeasured) }).Should(gomega.HaveField("Status", metav1.ConditionTrue))

	t.Log("it is given back")
	j.kubectl("", "annotate", "gosvc/shop", "goservice.dev/give-back=true")
	j.eventually(func() metav1.Condition { return j.condition("shop", v1alpha1.ConditionApplied) }).Should(gomega.HaveField("Reason", v1alpha1.ReasonGivenBack))
	generation := j.deployment("shop").Generation
	j.kubectl("", "delete", "gosvc/shop", "--wait")
	j.kubectl("", "wait", "--for=delete", "service/shop-metrics", "--timeout="+patience.String())
	given := j.deployment("shop")
	j.Expect(given.Generation).To(gomega.Equal(generation), "nothing of it changed")
	j.Expect(given.OwnerReferences).To(gomega.BeEmpty())
	// The pods name their port differently from now on, so the Service must lead to its number until the last of the operator's is gone.
	j.kubectl("", "patch", "service/shop", "-p", `{"spec":{"ports":[{"port":80,"targetPort":8080}]}}`)
	deployment, rest, _ := strings.Cut(theirs, "---\n")
	j.apply(deployment)
	j.kubectl("", "rollout", "status", "deployment/shop", "--timeout="+patience.String())
	j.kubectl("", "delete", "hpa/shop", "pdb/shop") // theirs have other names
	j.apply(rest)
	j.Expect(j.deployment("shop").Spec.Template.Spec.Containers[0].Env).To(gomega.ContainElement(gomega.HaveField("Name", "THEIRS")))
	load.lossless(j)
}

// convert runs the converter on manifests.
func (j *journey) convert(manifests string, options ...string) string {
	j.t.Helper()
	file := filepath.Join(j.t.TempDir(), "manifests.yaml")
	j.Expect(os.WriteFile(file, []byte(manifests), 0o600)).To(gomega.Succeed())
	command := exec.CommandContext(j.ctx, "go", append([]string{"run", "goservice.dev/operator/hack/migrate", "-f", file}, options...)...)
	var notes strings.Builder
	command.Stderr = &notes
	converted, err := command.Output()
	j.Expect(err).NotTo(gomega.HaveOccurred(), notes.String())
	j.t.Logf("notes of the converter:\n%s", notes.String())
	return string(converted)
}

func (j *journey) deployment(name string) *appsv1.Deployment {
	j.t.Helper()
	var deployment appsv1.Deployment
	j.Expect(cluster.client.Get(j.ctx, client.ObjectKey{Namespace: j.namespace, Name: name}, &deployment)).To(gomega.Succeed())
	return &deployment
}
