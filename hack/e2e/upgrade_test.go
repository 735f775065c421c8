// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/load/loadgen"
)

// firstInstaller is what `hack/deploy.sh installer` of commit 9f9234a writes, with images tagged by the commit.
const firstInstaller = "testdata/install-9f9234a.yaml"

var servicesBeforeUpgrade = []struct {
	name string
	pods int
	spec map[string]any
}{
	{"plain", 2, map[string]any{"replicas": 2, "resources": smallResources}},
	{"limited", 3, map[string]any{"replicas": 3, "rateLimit": map[string]any{"requestsPerSecond": 30_000}, "pool": roomy, "resources": smallResources}},
	{"scaled", 2, map[string]any{
		"slo":         map[string]any{"availability": "99.9", "latency": map[string]any{"threshold": "100ms"}},
		"autoscaling": map[string]any{"minReplicas": 2, "maxReplicas": 3},
		"pool":        roomy,
		"resources":   smallResources,
	}},
}

// The operator is upgraded from commit 9f9234a under load, and goes back to it. The upgrade replaces no pod, and running pods are
// retuned in the form that they know; the newer image comes with the user's next rollout. Going back rolls the one service
// whose pods are of the newer operator (the older one renders their template its own way and keeps none), and no other.
func TestChaosUpgradeAndBack(t *testing.T) {
	j := newJourney(t)
	j.Expect(os.Getenv("OLD_IMG")).NotTo(gomega.BeEmpty(), "OLD_IMG must name the image of commit 9f9234a: make test-chaos builds it")
	j.eventually(func() ([]v1alpha1.GoService, error) {
		var left v1alpha1.GoServiceList
		err := cluster.client.List(j.ctx, &left)
		return left.Items, err
	}).Should(gomega.BeEmpty(), "what earlier tests made is gone")
	j.deployScript("undeploy")
	t.Cleanup(func() {
		// Whatever happened, the cluster is left with the operator of this checkout.
		if output, err := runDeployScript(context.Background(), "deploy"); err != nil {
			t.Errorf("deploying this checkout's operator: %v: %s", err, output)
		}
	})
	j.installFirst()
	for _, service := range servicesBeforeUpgrade {
		j.apply(manifest(service.name, service.spec))
	}
	for _, service := range servicesBeforeUpgrade {
		j.ready(service.name)
		j.settled(service.name, service.pods)
	}
	j.expose("limited")
	load := j.startClients(
		stream{"limited, fresh", loadgen.Config{URL: cluster.url, Rate: 150, Fresh: true}},
		stream{"limited, slow", loadgen.Config{URL: cluster.url + "/work?sleep=10ms", Rate: 200, Connections: 32}},
		stream{"scaled", loadgen.Config{URL: j.exposeSecond("scaled") + "/work?cpu=1ms", Rate: 20, Connections: 32}},
	)
	before := j.everybody()

	t.Log("upgrade")
	j.deployScript("deploy")
	j.operatorReady()
	j.upgraded()
	j.untouched(before)

	t.Log("pods of the older version are retuned")
	j.patchRate("limited", 33_000)
	j.enforced("limited", 3, 33_000)
	j.untouched(before)

	t.Log("the user's next rollout brings the newer image")
	j.patch("limited", `{"spec":{"env":[{"name":"COLOR","value":"blue"}]}}`)
	j.images("limited", 3, os.Getenv("WORKLOAD_IMG"))
	j.enforced("limited", 3, 33_000)
	delete(before, "limited")
	j.untouched(before)

	t.Log("back")
	j.installFirst()
	j.images("limited", 3, os.Getenv("OLD_WORKLOAD_IMG"))
	j.patchRate("limited", 36_000)
	j.enforced("limited", 3, 36_000)
	j.untouched(before)

	t.Log("and upgraded again")
	before = j.everybody()
	j.deployScript("deploy")
	j.operatorReady()
	j.upgraded()
	j.patchRate("limited", 39_000)
	j.enforced("limited", 3, 39_000)
	j.untouched(before)
	load.lossless(j)
}

func runDeployScript(ctx context.Context, command string) (string, error) {
	script := exec.CommandContext(ctx, "../deploy.sh", command)
	output, err := script.CombinedOutput()
	return string(output), err
}

func (j *journey) deployScript(command string) {
	j.t.Helper()
	output, err := runDeployScript(j.ctx, command)
	j.Expect(err).NotTo(gomega.HaveOccurred(), output)
}

// installFirst installs the operator of commit 9f9234a over whatever is there, as its documentation says.
func (j *journey) installFirst() {
	j.t.Helper()
	j.operator("apply", "--server-side", "--force-conflicts", "--field-manager=goservice-install", "-f", firstInstaller)
	j.operator("rollout", "status", "deployment/"+operatorDeployment, "--timeout="+patience.String())
	j.eventually(func() int {
		output, _ := exec.CommandContext(j.ctx, "kubectl", "-n", operatorNamespace, "get", "pods", "-l", "control-plane=controller-manager", "--no-headers").Output()
		return strings.Count(string(output), "\n")
	}).Should(gomega.Equal(1), "the first version runs one operator")
}

// everybody are the pods of all services.
func (j *journey) everybody() map[string]map[string]int32 {
	j.t.Helper()
	pods := map[string]map[string]int32{}
	for _, service := range servicesBeforeUpgrade {
		pods[service.name] = j.identities(service.name)
	}
	return pods
}

// upgraded waits until the operator of this checkout has taken over every service.
func (j *journey) upgraded() {
	j.t.Helper()
	for _, service := range servicesBeforeUpgrade {
		j.waitFor(service.name, "Applied")
		j.ready(service.name)
	}
}

// enforced waits until the pods themselves count with their parts of the limit.
func (j *journey) enforced(name string, pods int, limit float64) {
	j.t.Helper()
	inForce := regexp.MustCompile(`(?m)^goservice_rate_limit_requests_per_second (\S+)$`)
	j.eventually(func(g gomega.Gomega) {
		running := j.pods(name)
		g.Expect(running).To(gomega.HaveLen(pods))
		sum := 0.0
		for i := range running {
			metrics, err := cluster.clientset.CoreV1().Pods(j.namespace).ProxyGet("http", running[i].Name, "9100", "/metrics", nil).DoRaw(j.ctx)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			found := inForce.FindSubmatch(metrics)
			g.Expect(found).NotTo(gomega.BeNil())
			part, err := strconv.ParseFloat(string(found[1]), 64)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			sum += part
		}
		g.Expect(sum).To(gomega.BeNumerically("~", limit, 0.01))
	}).Should(gomega.Succeed())
	j.waitFor(name, "Tuned")
}

// images waits until all pods of the service run the image.
func (j *journey) images(name string, pods int, image string) {
	j.t.Helper()
	j.eventually(func() []string {
		var running []string
		for _, pod := range j.pods(name) {
			running = append(running, pod.Spec.Containers[0].Image)
		}
		return running
	}).Should(gomega.And(gomega.HaveLen(pods), gomega.HaveEach(image)))
	j.settled(name, pods)
}
