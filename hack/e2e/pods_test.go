// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"os"
	"testing"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/api/v1alpha1"
)

// A service with what a team's own one has: a file, a migration, a sidecar on a second port, probes of its own, and an overlay.
func ledger(servicePort int) string {
	return manifest("ledger", map[string]any{
		"replicas":     1,
		"resources":    smallResources,
		"ports":        []any{map[string]any{"name": "beside", "port": 8081, "servicePort": servicePort}},
		"volumes":      []any{map[string]any{"name": "settings", "configMap": map[string]any{"name": "ledger"}}},
		"volumeMounts": []any{map[string]any{"name": "settings", "mountPath": "/etc/ledger", "readOnly": true}},
		"initContainers": []any{map[string]any{
			"name": "beside", "restartPolicy": "Always", "image": os.Getenv("WORKLOAD_IMG"), "imagePullPolicy": "IfNotPresent",
			"env": []any{
				map[string]any{"name": "GOSERVICE_NAME", "valueFrom": map[string]any{"configMapKeyRef": map[string]any{"name": "ledger", "key": "name"}}},
				map[string]any{"name": "GOSERVICE_PORT", "value": "8081"},
				map[string]any{"name": "GOSERVICE_ADMIN_PORT", "value": "9101"}, map[string]any{"name": "GOSERVICE_LIVE_SETTINGS_FILE", "value": ""},
			},
			"startupProbe": map[string]any{"httpGet": map[string]any{"path": "/startupz", "port": 9101}, "periodSeconds": 1},
		}, map[string]any{
			"name": "migrate", "image": os.Getenv("LOAD_IMG"), "imagePullPolicy": "IfNotPresent", "args": []any{"-h"},
		}},
		"probes": map[string]any{
			"liveness":  map[string]any{"tcpSocket": map[string]any{}},
			"readiness": map[string]any{"httpGet": map[string]any{"path": "/readyz", "port": "admin"}, "periodSeconds": 1},
		},
		"pod": map[string]any{"overlay": map[string]any{
			"metadata": map[string]any{"annotations": map[string]any{"example.com/backup": "nightly"}},
			"spec":     map[string]any{"shareProcessNamespace": true},
		}},
	})
}

func TestAPodHasWhatItsSpecSays(t *testing.T) {
	j := newJourney(t)
	j.apply(ledger(81))
	j.eventually(func() metav1.Condition { return j.condition("ledger", v1alpha1.ConditionReferences) }).Should(
		gomega.HaveField("Reason", v1alpha1.ReasonMissingConfigMap))
	settings := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: j.namespace, Name: "ledger"}, Data: map[string]string{"name": "beside"}}
	j.Expect(cluster.client.Create(j.ctx, settings)).To(gomega.Succeed())
	j.ready("ledger")

	pod := j.pods("ledger")[0]
	j.Expect(pod.Annotations).To(gomega.HaveKeyWithValue("example.com/backup", "nightly"))
	j.Expect(pod.Spec.ShareProcessNamespace).To(gomega.HaveValue(gomega.BeTrue()))
	ended := map[string]bool{}
	for _, status := range pod.Status.InitContainerStatuses {
		ended[status.Name] = status.State.Terminated != nil && status.State.Terminated.ExitCode == 0
	}
	j.Expect(ended).To(gomega.Equal(map[string]bool{"beside": false, "migrate": true}))
	j.Expect(j.askThrough("ledger", "beside")).To(gomega.ContainSubstring(`"name":"beside"`))
	j.Expect(j.askThrough("ledger", "http")).To(gomega.ContainSubstring(`"name":"ledger"`))

	// Nothing keeps the pod on its node but its budget.
	j.kubectl("", "drain", pod.Spec.NodeName, "--dry-run=server", "--ignore-daemonsets", "--pod-selector=app.kubernetes.io/name=ledger")

	// What only the Service has replaces no pod.
	j.apply(ledger(82))
	j.eventually(func(g gomega.Gomega) {
		var service corev1.Service
		g.Expect(cluster.client.Get(j.ctx, types.NamespacedName{Namespace: j.namespace, Name: "ledger"}, &service)).To(gomega.Succeed())
		g.Expect(service.Spec.Ports).To(gomega.ContainElement(gomega.HaveField("Port", int32(82))))
	}).Should(gomega.Succeed())
	j.waitFor("ledger", v1alpha1.ConditionApplied)
	j.Expect(j.pods("ledger")).To(gomega.HaveLen(1))
	j.Expect(j.pods("ledger")[0].UID).To(gomega.Equal(pod.UID))

	// What the pods take does.
	settings.Data["name"] = "renamed"
	j.Expect(cluster.client.Update(j.ctx, settings)).To(gomega.Succeed())
	j.eventually(func() string { return j.askThrough("ledger", "beside") }).Should(gomega.ContainSubstring(`"name":"renamed"`))
}

// TestSecretsAreFollowedOnceThatIsGranted grants it while the operator runs.
func TestSecretsAreFollowedOnceThatIsGranted(t *testing.T) {
	j := newJourney(t)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: j.namespace, Name: "identity"}, StringData: map[string]string{"name": "first"}}
	j.Expect(cluster.client.Create(j.ctx, secret)).To(gomega.Succeed())
	j.apply(manifest("vault", map[string]any{
		"replicas": 1, "resources": smallResources,
		"env": []any{map[string]any{"name": "GREETING", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": "identity", "key": "name"}}}},
	}))
	j.ready("vault")
	j.Expect(j.condition("vault", v1alpha1.ConditionReferences).Reason).To(gomega.Equal(v1alpha1.ReasonSecretsUnreadable))
	pod := j.pods("vault")[0]

	grants := []string{"../../config/secret-references/secret_reader.yaml", "../../config/secret-references/key.yaml"}
	for _, file := range grants {
		j.kubectl("", "-n", operatorNamespace, "apply", "-f", file)
		defer j.kubectl("", "-n", operatorNamespace, "delete", "-f", file)
	}
	j.eventually(func() metav1.Condition { return j.condition("vault", v1alpha1.ConditionReferences) }).Should(
		gomega.HaveField("Reason", v1alpha1.ReasonFollowed))
	j.Expect(j.pods("vault")[0].UID).To(gomega.Equal(pod.UID), "what is seen for the first time replaces no pod")
	secret.StringData = map[string]string{"name": "second"}
	j.Expect(cluster.client.Update(j.ctx, secret)).To(gomega.Succeed())
	j.eventually(func(g gomega.Gomega) {
		pods := j.pods("vault")
		g.Expect(pods).To(gomega.HaveLen(1))
		g.Expect(pods[0].UID).NotTo(gomega.Equal(pod.UID))
	}).Should(gomega.Succeed())
}

// askThrough is the answer of a port of the service, by the API server's proxy.
func (j *journey) askThrough(service, port string) string {
	j.t.Helper()
	var answer []byte
	j.eventually(func() (err error) {
		answer, err = cluster.clientset.CoreV1().Services(j.namespace).ProxyGet("http", service, port, "/", nil).DoRaw(j.ctx)
		return err
	}).Should(gomega.Succeed())
	return string(answer)
}
