// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

// Package e2e tests what a user sees, on a real cluster: the operator from its image, real kubelets, a real autoscaler.
// hack/e2e.sh brings the cluster up and says where it is.
package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

const (
	operatorNamespace  = "goservice-system"
	operatorDeployment = "goservice-controller-manager"
	// nodePort is the one that leads to loopback; tests run one after another and share it.
	nodePort = 30080
	// patience is how long a test waits for what must happen. How soon it does is the machine's affair: it ends what hangs.
	patience = 5 * time.Minute
	interval = 200 * time.Millisecond
)

var cluster struct {
	client    client.Client
	clientset *kubernetes.Clientset
	url       string
}

func TestMain(m *testing.M) {
	if err := connect(); err != nil {
		fmt.Fprintln(os.Stderr, "end-to-end tests need a cluster with the operator; `make test-e2e` brings one up:", err)
		os.Exit(1)
	}
	state := runWithFaults(m)
	for _, failure := range failures {
		fmt.Fprintln(os.Stderr, "failed:", failure)
	}
	os.Exit(state)
}

func connect() error {
	cluster.url = os.Getenv("E2E_URL")
	if cluster.url == "" || os.Getenv("KUBECONFIG") == "" {
		return fmt.Errorf("E2E_URL and KUBECONFIG must be set")
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config.QPS = -1
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	config.WarningHandler = rest.NoWarnings{}
	if cluster.client, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	cluster.clientset, err = kubernetes.NewForConfig(config)
	return err
}

// journey is one test: a namespace of its own, in which only restricted pods may run.
type journey struct {
	gomega.Gomega
	t         *testing.T
	ctx       context.Context
	namespace string
}

func newJourney(t *testing.T) *journey {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	j := &journey{Gomega: gomega.NewWithT(repeated{t}), t: t, ctx: ctx}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "e2e-", Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}
	j.Expect(cluster.client.Create(ctx, namespace)).To(gomega.Succeed())
	j.namespace = namespace.Name
	t.Cleanup(func() {
		defer cancel()
		if t.Failed() {
			j.explain()
		}
		if err := cluster.client.Delete(ctx, namespace); client.IgnoreNotFound(err) != nil {
			t.Errorf("removing namespace %s: %v", namespace.Name, err)
		}
	})
	return j
}

// failures are what the tests of the run failed for.
var failures []string

// repeated says at the end of the run once more what a test failed for: pages of what explains it follow where it failed.
type repeated struct{ *testing.T }

func (r repeated) note(format string, arguments []any) {
	lines := strings.Split(strings.TrimSpace(fmt.Sprintf(format, arguments...)), "\n")
	failures = append(failures, r.Name()+": "+strings.Join(lines[:min(len(lines), 20)], "\n"))
}

func (r repeated) Errorf(format string, arguments ...any) {
	r.Helper()
	r.note(format, arguments)
	r.T.Errorf(format, arguments...)
}

func (r repeated) Fatalf(format string, arguments ...any) {
	r.Helper()
	r.note(format, arguments)
	r.T.Fatalf(format, arguments...)
}

// explain prints what a person would look at first.
func (j *journey) explain() {
	for _, command := range [][]string{
		{"get", "gosvc,deployment,replicaset,pod,hpa,svc,events", "-o", "wide"}, {"describe", "gosvc"},
	} {
		output, _ := j.tryKubectl("", command...)
		j.t.Logf("kubectl %s\n%s", strings.Join(command, " "), output)
	}
	output, _ := exec.CommandContext(j.ctx, "kubectl", "-n", operatorNamespace, "logs", "-l", "control-plane=controller-manager", "--prefix", "--tail=40").CombinedOutput()
	j.t.Logf("operator:\n%s", output)
}

func (j *journey) tryKubectl(stdin string, arguments ...string) (string, error) {
	command := exec.CommandContext(j.ctx, "kubectl", append([]string{"-n", j.namespace}, arguments...)...)
	command.Stdin = strings.NewReader(stdin)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	err := command.Run()
	return output.String(), err
}

// kubectl runs what a user would type.
func (j *journey) kubectl(stdin string, arguments ...string) string {
	j.t.Helper()
	output, err := j.tryKubectl(stdin, arguments...)
	j.Expect(err).NotTo(gomega.HaveOccurred(), "kubectl %s: %s", strings.Join(arguments, " "), output)
	return output
}

func (j *journey) apply(manifest string) { j.t.Helper(); j.kubectl(manifest, "apply", "-f", "-") }

// ready waits as a user would.
func (j *journey) ready(name string) {
	j.t.Helper()
	j.waitFor(name, v1alpha1.ConditionReady)
	j.waitFor(name, v1alpha1.ConditionTuned)
}

func (j *journey) waitFor(name, conditionType string) {
	j.t.Helper()
	j.kubectl("", "wait", "gosvc/"+name, "--for=condition="+conditionType, "--timeout="+patience.String())
}

func (j *journey) service(name string) *v1alpha1.GoService {
	j.t.Helper()
	var service v1alpha1.GoService
	j.Expect(cluster.client.Get(j.ctx, client.ObjectKey{Namespace: j.namespace, Name: name}, &service)).To(gomega.Succeed())
	return &service
}

func (j *journey) condition(name, conditionType string) metav1.Condition {
	j.t.Helper()
	found := meta.FindStatusCondition(j.service(name).Status.Conditions, conditionType)
	if found == nil {
		return metav1.Condition{}
	}
	return *found
}

func (j *journey) eventually(actual any) gomega.AsyncAssertion {
	return j.Eventually(actual).WithTimeout(patience).WithPolling(interval)
}

// pods are those of the service that are not leaving.
func (j *journey) pods(name string) []corev1.Pod {
	j.t.Helper()
	var list corev1.PodList
	j.Expect(cluster.client.List(j.ctx, &list, client.InNamespace(j.namespace),
		client.MatchingLabels{"app.kubernetes.io/name": name})).To(gomega.Succeed())
	var pods []corev1.Pod
	for i := range list.Items {
		if list.Items[i].DeletionTimestamp == nil {
			pods = append(pods, list.Items[i])
		}
	}
	return pods
}

// expose leads the loopback port to the service until the test ends.
func (j *journey) expose(name string) {
	j.t.Helper()
	j.exposeAt(name, "", http.StatusOK)
}

// exposeAt is for services that answer something else than 200 on /.
func (j *journey) exposeAt(name, path string, status int) {
	j.t.Helper()
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: j.namespace, Name: name + "-loopback"},
		Spec: corev1.ServiceSpec{
			Type:     corev1.ServiceTypeNodePort,
			Selector: map[string]string{"app.kubernetes.io/name": name},
			Ports:    []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromString("http"), NodePort: nodePort}},
		},
	}
	j.Expect(cluster.client.Create(j.ctx, service)).To(gomega.Succeed())
	j.t.Cleanup(func() {
		if err := cluster.client.Delete(context.Background(), service); err != nil {
			j.t.Errorf("removing %s: %v", service.Name, err)
		}
	})
	j.eventually(func() (int, error) { return get(j.ctx, cluster.url+path) }).Should(gomega.Equal(status))
}

func get(ctx context.Context, url string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	response, err := freshConnections.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}
