// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package journey

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
)

// The commands of the plugin do on a cluster what their page says.
func TestThePluginOnACluster(t *testing.T) {
	j := newJourney(t, helms[0])
	j.makeRoom()
	j.install("install", j.chart)
	j.serve()
	clients := j.send()
	in := []string{"--namespace", shop}
	gosvc := func(arguments ...string) string {
		t.Helper()
		return j.gosvc(append(arguments, in...)...)
	}
	names := strings.Fields(j.kubectl("get", "pods", "--namespace", shop, "--selector", "app.kubernetes.io/name=checkout", "--output=jsonpath={.items[*].metadata.name}"))
	j.Expect(names).To(gomega.HaveLen(2))

	j.Expect(gosvc("check")).To(gomega.ContainSubstring("2 of 2 pods ready in namespace " + namespace))
	j.Expect(gosvc("explain", "checkout")).To(gomega.ContainSubstring("2 of 2 ready"))
	j.Expect(gosvc("top", "--once")).To(gomega.MatchRegexp(`checkout .* 2/2`))
	pods := gosvc("top", "checkout", "--once")
	for _, name := range names {
		j.Expect(pods).To(gomega.ContainSubstring(name))
	}

	var retuned struct {
		Confirmed, Total int
		PerPod           string `json:"requestsPerSecondPerPod"`
	}
	j.Expect(json.Unmarshal([]byte(gosvc("retune", "checkout", "--rate", "1600", "--wait", "--output", "json")), &retuned)).To(gomega.Succeed())
	j.Expect(retuned.Confirmed).To(gomega.Equal(2))
	j.Expect(retuned.PerPod).To(gomega.Equal("800/s"))
	console := j.beginning(j.documented("docs/kubectl.md", "kubectl gosvc console -A"))
	j.Eventually(func() string { return j.page(console) }).WithTimeout(time.Minute).WithPolling(time.Second).Should(gomega.ContainSubstring("checkout"))
	eventually := func(what string, arguments ...string) {
		t.Helper()
		j.Eventually(func() string { return gosvc(arguments...) }).WithTimeout(time.Minute).WithPolling(time.Second).Should(gomega.ContainSubstring(what))
	}
	eventually("Retuned", "history", "checkout")
	j.Expect(gosvc("pause", "checkout")).To(gomega.ContainSubstring("paused"))
	eventually("aused", "explain", "checkout")
	j.Expect(gosvc("resume", "checkout")).To(gomega.ContainSubstring("resumed"))

	for _, kind := range []string{"cpu", "heap", "goroutine"} {
		file := filepath.Join(t.TempDir(), kind+".pb.gz")
		command := []string{"profile", "checkout", kind, "--output", file}
		if kind == "cpu" {
			command = append(command, "--seconds", "2")
		}
		t.Log(gosvc(command...))
		tags := j.run("go", "tool", "pprof", "-tags", file)
		for _, name := range names {
			if kind != "cpu" { // a pod that does next to nothing may not be sampled
				j.Expect(tags).To(gomega.ContainSubstring(name), kind)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "trace")
	t.Log(gosvc("profile", "checkout", "trace", "--seconds", "1", "--output", file))
	trace, err := os.ReadFile(file)
	j.Expect(err).NotTo(gomega.HaveOccurred())
	j.Expect(string(trace)).To(gomega.HavePrefix("go 1."))
	j.readsPrometheus()
	clients.goOn(j, 200)
	clients.lossless(j)

	j.feed(deployment(j.tag), "kubectl", "apply", "--filename", "-")
	j.kubectl("rollout", "status", "--namespace", shop, "deployment/plain", "--timeout="+patience)
	converted := gosvc("adopt", "deployment/plain", "--dry-run")
	j.Expect(converted).To(gomega.ContainSubstring("kind: GoService"))
	j.Expect(gosvc("adopt", "deployment/plain", "--yes")).To(gomega.ContainSubstring("plain"))
	j.kubectl("wait", "--namespace", shop, "goservice/plain", "--for=condition=Ready", "--timeout="+patience)
	j.remove()
}

// readsPrometheus waits until replay has as many values as it needs, thirty scrapes, and looks at the console with the same Prometheus.
func (j *journey) readsPrometheus() {
	j.t.Helper()
	j.run(root+"/hack/cluster/cluster.sh", "addons", "prometheus")
	forwarded := j.beginning("kubectl port-forward --namespace monitoring service/prometheus :9090") // Forwarding from 127.0.0.1:41873 -> 9090
	address := "http://" + strings.Fields(forwarded)[2]
	var replayed string
	j.Eventually(func() error {
		output, problem, err := j.try("", "kubectl", "gosvc", "replay", "checkout", "--namespace", shop, "--prometheus", address, "--since", "30m", "--step", "15s", "--hpa", "50")
		if replayed = output; err != nil {
			err = fmt.Errorf("%w: %s", err, problem)
		}
		return err
	}).WithTimeout(15 * time.Minute).WithPolling(10 * time.Second).Should(gomega.Succeed())
	j.t.Log(replayed)
	for _, row := range []string{"as it ran", "declared", "HPA 50%, 300 s"} {
		j.Expect(replayed).To(gomega.MatchRegexp(`(?m)^` + row + ` +[0-9.]+ +[0-9.]+ +(1\.[0-9]|2(\.0)?) +2 `))
	}
	console := j.beginning(strings.Replace(j.documented("docs/kubectl.md", "kubectl gosvc console -A --prometheus"), "http://localhost:9090", address, 1))
	j.Eventually(func() string { return j.page(console + "s/" + shop + "/checkout") }).WithTimeout(time.Minute).WithPolling(time.Second).
		Should(gomega.ContainSubstring("From Prometheus. "))
}

// deployment of a service that knows nothing of the operator, in an image that is on the nodes.
func deployment(tag string) string {
	return `
apiVersion: apps/v1
kind: Deployment
metadata: {name: plain, namespace: shop, labels: {app: plain}}
spec:
  replicas: 2
  selector: {matchLabels: {app: plain}}
  template:
    metadata: {labels: {app: plain}}
    spec:
      containers:
        - name: web
          image: goservice.dev/workload:` + tag + `
          ports: [{name: web, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /, port: web}}
          resources: {requests: {cpu: 50m, memory: 32Mi}}
`
}
