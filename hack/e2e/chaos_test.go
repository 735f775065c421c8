// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// secondPort is the NodePort that the second loopback port of the cluster leads to.
const secondPort = 30443

// figures are what a run adds up for the RESULT line of hack/chaos.sh.
var figures tally

type tally struct {
	mu                                       sync.Mutex
	requests, failed, failedPaused, replaced int64
	lines                                    []string
}

func (f *tally) add(requests, failed int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests += requests
	f.failed += failed
}

// excuse moves failures that the cluster itself caused, by sending to a node that it took for alive, to a count of their own.
func (f *tally) excuse(failed int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed -= failed
	f.failedPaused += failed
}

func (f *tally) replacedPods(count int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replaced += int64(count)
}

func (f *tally) line(format string, values ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = append(f.lines, fmt.Sprintf(format, values...))
}

// write appends the figures to the file that hack/chaos.sh reads; without one, nobody wants them.
func (f *tally) write() error {
	path := os.Getenv("CHAOS_FIGURES")
	if path == "" {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "requests=%d failed=%d failed_paused_node=%d pods_replaced=%d\n%s\n",
		f.requests, f.failed, f.failedPaused, f.replaced, strings.Join(f.lines, "\n"))
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}

// runWithFaults runs the tests, and with CHAOS_KILL_EVERY set kills the operator's leader meanwhile.
func runWithFaults(m *testing.M) int {
	state, every := 0, os.Getenv("CHAOS_KILL_EVERY")
	if every == "" {
		state = m.Run()
	} else {
		k, err := startKiller(every)
		if err != nil {
			fmt.Fprintln(os.Stderr, "starting to kill leaders:", err)
			return 1
		}
		state = m.Run()
		if err := k.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "killing leaders:", err)
			state = 1
		}
	}
	if err := figures.write(); err != nil {
		fmt.Fprintln(os.Stderr, "writing the figures:", err)
		state = 1
	}
	return state
}

// docker runs a command of the container engine that the nodes run in.
func docker(ctx context.Context, arguments ...string) (string, error) {
	output, err := exec.CommandContext(ctx, "docker", arguments...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("docker %s: %w: %s", strings.Join(arguments, " "), err, output)
	}
	return strings.TrimSpace(string(output)), nil
}

// docker runs a command of the container engine; the test ends if it fails.
func (j *journey) docker(arguments ...string) string {
	j.t.Helper()
	output, err := docker(j.ctx, arguments...)
	j.Expect(err).NotTo(gomega.HaveOccurred())
	return output
}

// node is the name of the only one with or without the control plane.
func (j *journey) node(controlPlane bool) string {
	j.t.Helper()
	var nodes corev1.NodeList
	j.Expect(cluster.client.List(j.ctx, &nodes)).To(gomega.Succeed())
	for i := range nodes.Items {
		if strings.HasSuffix(nodes.Items[i].Name, "-control-plane") == controlPlane {
			return nodes.Items[i].Name
		}
	}
	j.t.Fatal("the cluster needs a node with the control plane and one without: make test-chaos brings one up")
	return ""
}

// exposeSecond leads the cluster's second loopback port to the service, in plain HTTP, and returns its URL.
func (j *journey) exposeSecond(name string) string {
	j.t.Helper()
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: j.namespace, Name: name + "-second"},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeNodePort, Selector: map[string]string{"app.kubernetes.io/name": name},
			Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromString("http"), NodePort: secondPort}},
		},
	}
	url := "http://" + j.docker("port", j.node(true), fmt.Sprintf("%d/tcp", secondPort))
	j.Expect(cluster.client.Create(j.ctx, service)).To(gomega.Succeed())
	j.t.Cleanup(func() {
		if err := cluster.client.Delete(context.Background(), service); err != nil {
			j.t.Errorf("removing %s: %v", service.Name, err)
		}
	})
	j.eventually(func() (int, error) { return get(j.ctx, url) }).Should(gomega.Equal(200))
	return url
}

// untouched demands that no pod of the services was replaced or restarted since, and counts those that were. More pods than
// before are an autoscaler's doing.
func (j *journey) untouched(before map[string]map[string]int32) {
	j.t.Helper()
	for name, pods := range before {
		now := j.identities(name)
		lost := 0
		for uid, restarts := range pods {
			if found, is := now[uid]; !is || found != restarts {
				lost++
			}
		}
		figures.replacedPods(lost)
		j.Expect(lost).To(gomega.BeZero(), "%s: pods were replaced or restarted: %v, now %v", name, pods, now)
	}
}

// operatorReady waits for both operators and for one of them to hold the Lease.
func (j *journey) operatorReady() {
	j.t.Helper()
	j.eventually(func(g gomega.Gomega) {
		var pods corev1.PodList
		g.Expect(cluster.client.List(j.ctx, &pods, client.InNamespace(operatorNamespace),
			client.MatchingLabels{"control-plane": "controller-manager"})).To(gomega.Succeed())
		g.Expect(pods.Items).To(gomega.HaveLen(2))
		for i := range pods.Items {
			g.Expect(pods.Items[i].Status.ContainerStatuses).To(gomega.ContainElement(gomega.HaveField("Ready", true)))
		}
		holder, err := leader(j.ctx)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(holder).NotTo(gomega.BeEmpty())
	}).Should(gomega.Succeed())
}
