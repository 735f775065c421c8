// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/hack/load/loadgen"
)

// flow is one kind of client in a pod of the cluster, which calls a service by its name.
type flow struct {
	name string
	// service, port, and path of it.
	service string
	port    int
	path    string
	options []string
	kept    int64 // connections
}

// inside are clients in a pod of the cluster, a container for each flow.
type inside struct {
	j     *journey
	flows []flow
}

const (
	insidePod = "clients"
	// firstControl is the port at which the first of them is controlled.
	firstControl = 7001
)

// startInside sends all flows from a pod on the node of the control plane, which no test drains. Names are resolved by its hosts file: a
// drained node may have taken the cluster's name service with it, which is no affair of the services.
func (j *journey) startInside(flows ...flow) *inside {
	j.t.Helper()
	no, yes := false, true
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: j.namespace, Name: insidePod},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, AutomountServiceAccountToken: &no, EnableServiceLinks: &no,
			NodeSelector:    map[string]string{"node-role.kubernetes.io/control-plane": ""},
			SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: &yes, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
		},
	}
	known := map[string]bool{}
	for i, f := range flows {
		host := f.service + "." + j.namespace + ".svc"
		if !known[host] {
			known[host] = true
			var service corev1.Service
			j.Expect(cluster.client.Get(j.ctx, client.ObjectKey{Namespace: j.namespace, Name: f.service}, &service)).To(gomega.Succeed())
			pod.Spec.HostAliases = append(pod.Spec.HostAliases, corev1.HostAlias{IP: service.Spec.ClusterIP, Hostnames: []string{host}})
		}
		address := url.URL{Scheme: "http", Host: fmt.Sprintf("%s:%d", host, f.port)}
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{
			Name: fmt.Sprintf("flow-%d", i), Image: os.Getenv("LOAD_IMG"), ImagePullPolicy: corev1.PullIfNotPresent,
			Args: append([]string{
				"-json", "-await", patience.String(), "-for", loadgen.MaxDuration.String(), "-outstanding", strconv.Itoa(mostOutstanding),
				"-control", fmt.Sprintf(":%d", firstControl+i), "-url", address.String() + f.path,
			}, f.options...),
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m")}},
			SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			},
		})
	}
	j.Expect(cluster.client.Create(j.ctx, pod)).To(gomega.Succeed())
	c := &inside{j, flows}
	c.goOn()
	return c
}

// counted is what a client of the cluster reports.
type counted struct {
	Sent, Accepted, Refused, Failed, Unsent, Retried int64

	Failures []loadgen.Failure
}

// ask a client: for the counts so far, or to stop and for those at the end.
func (c *inside) ask(i int, stop bool) (counted, error) {
	name := utilnet.JoinSchemeNamePort("http", insidePod, strconv.Itoa(firstControl+i))
	request, path := cluster.clientset.CoreV1().RESTClient().Get(), "/"
	if stop {
		request, path = cluster.clientset.CoreV1().RESTClient().Post(), "stop"
	}
	var counts counted
	body, err := request.Namespace(c.j.namespace).Resource("pods").Name(name).SubResource("proxy").Suffix(path).DoRaw(c.j.ctx)
	if err == nil {
		err = json.Unmarshal(body, &counts)
	}
	return counts, err
}

func (c *inside) each(stop bool) []counted {
	c.j.t.Helper()
	all := make([]counted, len(c.flows))
	for i := range c.flows {
		c.j.eventually(func() (err error) {
			all[i], err = c.ask(i, stop)
			return err
		}).Should(gomega.Succeed(), c.flows[i].name)
	}
	return all
}

// total of all flows so far.
func (c *inside) total() counted {
	c.j.t.Helper()
	return sum(c.each(false))
}

func sum(all []counted) (total counted) {
	for _, counts := range all {
		total.Sent += counts.Sent
		total.Accepted += counts.Accepted
		total.Refused += counts.Refused
		total.Failed += counts.Failed
		total.Unsent += counts.Unsent
		total.Retried += counts.Retried
		total.Failures = append(total.Failures, counts.Failures...)
	}
	return total
}

// goOn waits until each client has got another answer.
func (c *inside) goOn() {
	c.j.t.Helper()
	before := c.each(false)
	for i := range c.flows {
		c.j.eventually(func() (int64, error) {
			counts, err := c.ask(i, false)
			return counts.Sent, err
		}).Should(gomega.BeNumerically(">", before[i].Sent), c.flows[i].name)
	}
}

// lossless ends the clients and demands that each request that was due was sent and served.
func (c *inside) lossless() counted {
	c.j.t.Helper()
	c.goOn()
	all := c.each(true)
	var failures []string
	for i, counts := range all {
		c.j.t.Logf("%-32s %6d sent, %6d served, %d refused, %d failed, %d not sent; %d sent again by the client itself",
			c.flows[i].name, counts.Sent, counts.Accepted, counts.Refused, counts.Failed, counts.Unsent, counts.Retried)
		for _, failure := range counts.Failures {
			failures = append(failures, fmt.Sprintf("%s %s after %s: %s %s", failure.At.Format(time.StampMilli), c.flows[i].name,
				failure.Took.Round(time.Millisecond), failure.Cause, failure.Stage))
		}
	}
	total := sum(all)
	figures.add(total.Sent, total.Sent-total.Accepted)
	c.j.Expect(total.Accepted).To(gomega.Equal(total.Sent), "%+v\n%s", total, strings.Join(failures, "\n"))
	c.j.Expect(total.Failed+total.Refused+total.Unsent).To(gomega.BeZero(), "%+v", total)
	for i, counts := range all {
		c.j.Expect(counts.Retried).To(gomega.BeNumerically("<=", c.flows[i].kept+counts.Sent/sentAgain),
			"%s: sent again by the client itself, which not every client does", c.flows[i].name)
	}
	return total
}
