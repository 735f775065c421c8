// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	rbacclient "k8s.io/client-go/kubernetes/typed/rbac/v1"

	"goservice.dev/operator/hack/kubectl-gosvc/internal/check"
)

var kubernetesVersion = regexp.MustCompile(`v1\.\d+\.\d+[-+.\w]*`)

// installOperator makes the Deployment and the Lease that an operator of a version leaves, renewed some time before noon.
func installOperator(t *testing.T, namespace, version string, ready int32, renewed time.Duration) {
	t.Helper()
	labels := map[string]string{"control-plane": "controller-manager", "app.kubernetes.io/name": "goservice-operator"}
	replicas := int32(2)
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "goservice-controller-manager", Namespace: namespace, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "manager", Image: "registry.example:5000/goservice-manager:" + version}}},
			},
		},
	}
	if err := api.Create(t.Context(), deployment); err != nil {
		t.Fatal(err)
	}
	deployment.Status = appsv1.DeploymentStatus{Replicas: 2, ReadyReplicas: ready, AvailableReplicas: ready}
	if err := api.Status().Update(t.Context(), deployment); err != nil {
		t.Fatal(err)
	}
	holder, seconds := "goservice-controller-manager-7c9-abcde_5d0c", int32(15)
	if err := api.Create(t.Context(), &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: "operator.goservice.dev", Namespace: namespace},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: &holder, LeaseDurationSeconds: &seconds, RenewTime: &metav1.MicroTime{Time: noon.Add(-renewed)},
		},
	}); err != nil {
		t.Fatal(err)
	}
}

// checked is what check prints of an operator's namespace. The test's API server has no metrics.k8s.io, so it always fails.
func checked(t *testing.T, namespace string, arguments ...string) string {
	t.Helper()
	r := gosvc(t, namespace, append([]string{"check", "--operator-namespace", namespace}, arguments...)...)
	if r.code != 1 || r.err != "" {
		t.Fatalf("exit code %d, and it says %q", r.code, r.err)
	}
	return kubernetesVersion.ReplaceAllString(r.out, "v1.X.Y")
}

func TestCheckSaysWhatIsMissingAndHowToMendIt(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	isGolden(t, "check-empty.txt", namespace, checked(t, namespace))
}

func TestCheckOfAnOperatorThatRuns(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	installOperator(t, namespace, "v0.2.1", 2, 3*time.Second)
	isGolden(t, "check.txt", namespace, checked(t, namespace))
}

func TestCheckOfAnOperatorThatHangs(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	installOperator(t, namespace, "v0.9.0", 1, 5*time.Minute)
	var result check.Result
	if err := json.Unmarshal([]byte(checked(t, namespace, "-o", "json")), &result); err != nil {
		t.Fatal(err)
	}
	states := map[string]check.State{}
	for _, item := range result.Items {
		states[item.Name] = item.State
	}
	if result.Passed || states["operator"] != check.Warning || states["leader"] != check.Missing || states["operator's version"] != check.Warning {
		t.Errorf("passed %t: %v", result.Passed, states)
	}
}

// The test does not run in parallel with others, because their checks would report this kube-proxy, too.
func TestCheckSaysThatKubeProxyRequestsNoCPU(t *testing.T) {
	labels := map[string]string{"k8s-app": "kube-proxy"}
	proxy := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "kube-proxy", Namespace: metav1.NamespaceSystem},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "kube-proxy", Image: "kube-proxy"}}},
			},
		},
	}
	if err := api.Create(t.Context(), proxy); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := api.Delete(context.Background(), proxy); err != nil {
			t.Error(err)
		}
	})
	namespace := newNamespace(t)
	told := func() string {
		var lines []string
		for line := range strings.Lines(checked(t, namespace)) {
			if strings.Contains(line, "kube-proxy ") || len(lines) > 0 && strings.HasPrefix(line, "    ") {
				lines = append(lines, strings.TrimSpace(line))
			} else if len(lines) > 0 {
				break
			}
		}
		return strings.Join(lines, " ")
	}
	const want = "! kube-proxy                   requests no CPU: on a node whose pods want all of it, it sends new connections to pods that have left " +
		"→ kubectl -n kube-system set resources daemonset/kube-proxy --requests=cpu=100m"
	if got := told(); got != want {
		t.Errorf("%q", got)
	}
	proxy.Spec.Template.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m")}
	if err := api.Update(t.Context(), proxy); err != nil {
		t.Fatal(err)
	}
	if got := told(); got != "✓ kube-proxy                   requests 100m of CPU" {
		t.Errorf("%q", got)
	}
}

func TestCheckTellsSomebodyWithoutPermissionsWhatToAskFor(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	out := gosvc(t, namespace, "check", "--as", "eve").out
	for _, want := range []string{"you may not get goservices in namespace " + namespace, "ask for the ClusterRole goservice-viewer", "--operator-namespace"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// Somebody who may read everything, and no more: each permission that a command lacks is named with the command and with the role that has it.
func TestCheckNamesThePermissionsThatSomeCommandsLack(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	roles, err := rbacclient.NewForConfig(testConfig)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := roles.Roles(namespace).Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "reader"},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{"goservice.dev"}, Resources: []string{"goservices"}, Verbs: []string{"get", "list", "watch"}},
			{APIGroups: []string{""}, Resources: []string{"events", "pods"}, Verbs: []string{"list"}},
		},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := roles.RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "reader"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "reader"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "ruth"}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	allowed := func() check.Item { return check.Item{State: check.OK, Found: "allowed in namespace " + namespace} }
	lacks := func(what, commands, role string) check.Item {
		return check.Item{
			State: check.Warning, Found: "you may not " + what + " in namespace " + namespace + "; needed by " + commands,
			Do: "ask for the ClusterRole " + role + " in this namespace",
		}
	}
	want := map[string]check.Item{
		"you: read goservices": allowed(), "you: list events": allowed(), "you: list pods": allowed(),
		"you: patch goservices":        lacks("patch goservices", "retune, pause, resume", "goservice-editor"),
		"you: create goservices":       lacks("create goservices", "adopt", "goservice-editor"),
		"you: patch deployments":       lacks("patch deployments", "adopt", "edit"),
		"you: get pods/proxy":          lacks("get pods/proxy", "top NAME, console", "edit"),
		"you: create pods/portforward": lacks("create pods/portforward", "profile", "edit"),
	}
	var result check.Result
	if err := json.Unmarshal([]byte(gosvc(t, namespace, "check", "--as", "ruth", "-o", "json").out), &result); err != nil {
		t.Fatal(err)
	}
	got := map[string]check.Item{}
	for _, item := range result.Items {
		if name := item.Name; strings.HasPrefix(name, "you: ") {
			item.Name = ""
			got[name] = item
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
