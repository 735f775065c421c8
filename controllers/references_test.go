// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// readingSecrets is an operator whose installer grants it.
func readingSecrets(namespace string) func(*operatorOptions) {
	return func(o *operatorOptions) { o.Namespace, o.hurriesReferences = namespace, true }
}

func aConfigMap(namespace, name, value string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: map[string]string{"color": value}}
}

func aSecret(namespace, name, value string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, StringData: map[string]string{"password": value}}
}

func create(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := api.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

func update(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		object.SetResourceVersion("")
		if err := api.Update(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

// templateNow is the pod template of checkout, and why it is in force.
func templateNow(t *testing.T, namespace string) (string, v1alpha1.TemplateCause) {
	t.Helper()
	var deployment appsv1.Deployment
	get(t, namespace, serviceName, &deployment)
	var service v1alpha1.GoService
	get(t, namespace, serviceName, &service)
	return deployment.Spec.Template.String(), service.Status.Template.Cause
}

// awaitReferences waits for the condition References.
func awaitReferences(t *testing.T, namespace string, status metav1.ConditionStatus, reason, words string) {
	t.Helper()
	eventually(t, func(g gomega.Gomega) {
		var service v1alpha1.GoService
		g.Expect(api.Get(t.Context(), clientKey(namespace, serviceName), &service)).To(gomega.Succeed())
		c := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionReferences)
		g.Expect(c).NotTo(gomega.BeNil())
		g.Expect(c.Status).To(gomega.Equal(status), c.Message)
		g.Expect(c.Reason).To(gomega.Equal(reason))
		g.Expect(c.Message).To(gomega.ContainSubstring(words))
	})
}

// awaitReplacement waits until a template other than the one before is in force, by a change of data.
func awaitReplacement(t *testing.T, namespace, before string) {
	t.Helper()
	eventually(t, func(g gomega.Gomega) {
		now, cause := templateNow(t, namespace)
		g.Expect(now).NotTo(gomega.Equal(before))
		g.Expect(cause).To(gomega.Equal(v1alpha1.TemplateFromReferences))
	})
}

// untouched reports a template that is another one, after the operator has seen all that came before.
func untouched(t *testing.T, namespace, before, after string) {
	t.Helper()
	create(t, aConfigMap(namespace, "barrier-"+after, ""))
	applyService(t, namespace, `{envFrom: [{configMapRef: {name: config}}, {secretRef: {name: password, optional: true}}], rollout: {minReadySeconds: 1}}`)
	settled(t, namespace, serviceName)
	if now, _ := templateNow(t, namespace); now != before {
		t.Errorf("%s replaced the pods:\n%s\nbefore:\n%s", after, now, before)
	}
}

const referring = `{envFrom: [{configMapRef: {name: config}}, {secretRef: {name: password, optional: true}}]}`

func TestDataThatChangesReplacesThePods(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	config, password := aConfigMap(namespace, "config", "blue"), aSecret(namespace, "password", "hunter2")
	create(t, config, password)
	op := startOperator(t, namespace, nil, readingSecrets(namespace))
	applyService(t, namespace, referring)
	settled(t, namespace, serviceName)
	awaitReferences(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonFollowed, "ConfigMap config, Secret password")
	before, _ := templateNow(t, namespace)

	config.Labels, password.Annotations = map[string]string{"team": "shop"}, map[string]string{"reviewed": "yes"}
	update(t, config, password)
	untouched(t, namespace, before, "labels")

	config.Data["color"] = "red"
	update(t, config)
	awaitReplacement(t, namespace, before)

	before, _ = templateNow(t, namespace)
	password.StringData = map[string]string{"password": "correct horse"}
	update(t, password)
	awaitReplacement(t, namespace, before)

	t.Log("data changes while no operator runs")
	before, _ = templateNow(t, namespace)
	op.stop()
	config.Data["color"] = "green"
	update(t, config)
	op = startOperator(t, namespace, nil, readingSecrets(namespace))
	awaitReplacement(t, namespace, before)
	before, _ = templateNow(t, namespace)
	op.stop()
	startOperator(t, namespace, nil, readingSecrets(namespace))
	untouched(t, namespace, before, "restart")

	t.Log("nobody wants that")
	applyService(t, namespace, with(t, referring, `rollout: {followData: false}`))
	awaitReferences(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonNotFollowed, "replaces no pods")
	config.Data["color"] = "yellow"
	update(t, config)
	applyService(t, namespace, with(t, referring, `rollout: {followData: false, minReadySeconds: 2}`))
	settled(t, namespace, serviceName)
	if now, _ := templateNow(t, namespace); now != before {
		t.Error("data that is not followed replaced the pods")
	}
	applyService(t, namespace, referring)
	awaitReplacement(t, namespace, before)
}

// TestWhatIsMissingIsNamed lets pods wait for what they need; when it is there they start by themselves.
func TestWhatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	startOperator(t, namespace, nil, readingSecrets(namespace))
	applyService(t, namespace, `{env: [{name: A, valueFrom: {secretKeyRef: {name: password, key: password}}}], volumes: [{name: a, configMap: {name: config}}]}`)
	awaitReferences(t, namespace, metav1.ConditionFalse, v1alpha1.ReasonMissingConfigMap, "ConfigMap config is missing")
	before, _ := templateNow(t, namespace)
	create(t, aConfigMap(namespace, "config", "blue"))
	awaitReferences(t, namespace, metav1.ConditionFalse, v1alpha1.ReasonMissingSecret, "Secret password is missing")
	create(t, aSecret(namespace, "password", "hunter2"))
	awaitReferences(t, namespace, metav1.ConditionTrue, v1alpha1.ReasonFollowed, "ConfigMap config, Secret password")
	if now, _ := templateNow(t, namespace); now != before {
		t.Error("pods that waited for what was missing are replaced")
	}
}

// TestSecretsAreReadOnlyWhereThatIsGranted lets an operator say so that may not.
func TestSecretsAreReadOnlyWhereThatIsGranted(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	create(t, aConfigMap(namespace, "config", "blue"), aSecret(namespace, "password", "hunter2"))
	var read atomic.Bool
	startOperator(t, namespace, nil, func(o *operatorOptions) {
		o.wrap = func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(request *http.Request) (*http.Response, error) {
				if strings.Contains(request.URL.Path, "/secrets") {
					read.Store(true)
				}
				return next.RoundTrip(request)
			})
		}
	})
	applyService(t, namespace, referring)
	awaitReferences(t, namespace, metav1.ConditionUnknown, v1alpha1.ReasonSecretsUnreadable, "a change of Secret password replaces no pods")
	if read.Load() {
		t.Error("an operator that may not read Secrets asked for them")
	}
}

// TestWhatChangesTogetherReplacesPodsOnce follows a service through changes of its data at moments, in seconds.
func TestWhatChangesTogetherReplacesPodsOnce(t *testing.T) {
	t.Parallel()
	name, start := types.NamespacedName{Namespace: "shop", Name: serviceName}, time.Now()
	pace := referencePace{settle: 5 * time.Second, gap: time.Minute}
	for _, step := range []struct {
		at   float64
		what string
		wait float64
		why  string
	}{
		{0, "", 0, "nothing changed"},
		{1, "a", 5, "a ConfigMap changed"},
		{2, "ab", 4, "and the Secret that belongs to it"},
		{6, "ab", 0, "both are taken"},
		{7, "ab", 0, "which does not show yet"},
		{8, "", 0, "applied"},
		{9, "c", 57, "changed again"},
		{30, "d", 36, "and again"},
		{31, "", 0, "and back"},
		{40, "e", 26, "and again"},
		{66, "e", 0, "a minute later that is taken"},
		{66.5, "f", 59.5, "the next one comes before it was applied"},
		{200, "f", 0, "and is taken when its time has come"},
		{201, "", 0, "applied"},
		{300, "", 0, "nothing changed for long"},
		{301, "g", 5, "a change after that"},
	} {
		got := pace.hold(name, step.what, start.Add(time.Duration(step.at*float64(time.Second))))
		if want := time.Duration(step.wait * float64(time.Second)); (got - want).Abs() > time.Millisecond {
			t.Fatalf("after %g s (%s): wait %s, want %s", step.at, step.why, got, want)
		}
	}
	taken := 0
	for i := range 240 { // a change every half second, two minutes long
		if pace.hold(name, fmt.Sprint(i), start.Add(400*time.Second+time.Duration(i)*time.Second/2)) == 0 {
			taken++
		}
	}
	if taken < 1 || taken > 3 {
		t.Errorf("%d replacements within two minutes", taken)
	}
	pace.hold(name, "", start.Add(600*time.Second))
	if len(pace.services) != 0 {
		t.Errorf("kept %v", pace.services)
	}
}
