// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package journey

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"goservice.dev/operator/hack/load/loadgen"
)

const (
	release   = "goservice-operator"
	namespace = "goservice-system"
	// shop is where the service is.
	shop = "shop"
	// patience of each command that waits.
	patience = "3m"
)

// service is a GoService with objectives and a limit, and its loopback.
const service = `
apiVersion: goservice.dev/v1alpha1
kind: GoService
metadata: {name: checkout, namespace: shop}
spec:
  replicas: 2
  slo:
    availability: "99.9"
    latency: {threshold: 250ms, percentile: "99"}
  rateLimit: {requestsPerSecond: 2000}
  resources: {requests: {cpu: 50m, memory: 32Mi}}
---
` + loopback

// loopback is the Service by which this machine reaches the pods.
const loopback = `
apiVersion: v1
kind: Service
metadata: {name: checkout-loopback, namespace: shop}
spec:
  type: NodePort
  selector: {app.kubernetes.io/name: checkout}
  ports: [{port: 80, targetPort: http, nodePort: 30080}]
`

// journey runs commands as a user types them; the first that fails ends the test.
type journey struct {
	*gomega.WithT
	t *testing.T
	// helm is the program; chart and older are folders of charts, of this checkout and of an earlier commit; sample is the README's GoService; tag is
	// the images'.
	helm, chart, older, sample, tag, url string
}

func newJourney(t *testing.T, helm string) *journey {
	t.Helper()
	setting := func(name string) string {
		value := os.Getenv(name)
		if value == "" {
			t.Fatalf("$%s is not set: run hack/journey.sh", name)
		}
		return value
	}
	return &journey{
		WithT: gomega.NewWithT(t), t: t, helm: filepath.Join(setting("HELMS"), helm),
		chart: setting("CHART"), older: setting("OLDER_CHART"), sample: setting("SAMPLE"), tag: setting("TAG"), url: setting("URL"),
	}
}

// run returns standard output.
func (j *journey) run(program string, arguments ...string) string {
	j.t.Helper()
	return j.feed("", program, arguments...)
}

func (j *journey) feed(input, program string, arguments ...string) string {
	j.t.Helper()
	output, problem, err := j.try(input, program, arguments...)
	if err != nil {
		j.t.Fatalf("%s %s: %v\n%s%s", filepath.Base(program), strings.Join(arguments, " "), err, output, problem)
	}
	return output
}

func (j *journey) try(input, program string, arguments ...string) (output, problem string, err error) {
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(context.WithoutCancel(j.t.Context()), program, arguments...)
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(input), &stdout, &stderr
	err = command.Run()
	return stdout.String(), stderr.String(), err
}

func (j *journey) kubectl(arguments ...string) string {
	j.t.Helper()
	return j.run("kubectl", arguments...)
}

// gosvc runs the plugin as kubectl finds it.
func (j *journey) gosvc(arguments ...string) string {
	j.t.Helper()
	return j.run("kubectl", append([]string{"gosvc"}, arguments...)...)
}

// install or upgrade to a chart, and wait as Helm does.
func (j *journey) install(command, chart string, more ...string) {
	j.t.Helper()
	arguments := []string{command, release, chart, "--namespace", namespace, "--create-namespace", "--wait", "--timeout", patience, "--set", "image.tag=" + j.tag}
	j.run(j.helm, append(arguments, more...)...)
}

// serve applies the service and waits until its pods have confirmed their settings.
func (j *journey) serve() {
	j.t.Helper()
	j.feed(service, "kubectl", "apply", "--filename", "-")
	for _, condition := range []string{"Ready", "Tuned"} {
		j.kubectl("wait", "--namespace", shop, "goservice/checkout", "--for=condition="+condition, "--timeout="+patience)
	}
}

// makeRoom for the service. What a test leaves that fails is removed for the next one.
func (j *journey) makeRoom() {
	j.t.Helper()
	j.kubectl("create", "namespace", shop)
	j.t.Cleanup(func() {
		if !j.t.Failed() {
			return
		}
		for _, command := range j.removal() {
			if output, problem, err := j.try("", command[0], command[1:]...); err != nil {
				j.t.Logf("removing what is left: %v: %s%s", err, output, problem)
			}
		}
	})
}

// remove everything.
func (j *journey) remove() {
	j.t.Helper()
	for _, command := range j.removal() {
		j.run(command[0], command[1:]...)
	}
}

// removal is what docs/operations.md says.
func (j *journey) removal() [][]string {
	return [][]string{
		{"kubectl", "delete", "goservices", "--all", "--all-namespaces", "--cascade=foreground", "--timeout=" + patience},
		{j.helm, "uninstall", release, "--namespace", namespace, "--wait", "--timeout", patience},
		{"kubectl", "delete", "customresourcedefinition", "goservices.goservice.dev", "--timeout=" + patience},
		{"kubectl", "delete", "namespace", namespace, shop, "--timeout=" + patience},
	}
}

// pods of the service: their identities and how often their containers began again.
func (j *journey) pods() string {
	j.t.Helper()
	return j.kubectl("get", "pods", "--namespace", shop, "--selector", "app.kubernetes.io/name=checkout",
		"--output", "jsonpath={range .items[*]}{.metadata.name} {.metadata.uid} {.status.containerStatuses[0].restartCount}{\"\\n\"}{end}")
}

// left is what a cluster has with a name or label of the operator or its services.
func (j *journey) left() string {
	j.t.Helper()
	kinds := strings.Join(strings.Fields(j.kubectl("api-resources", "--verbs=list", "--output=name")), ",")
	var left []string
	for line := range strings.SplitSeq(j.kubectl("get", kinds, "--all-namespaces", "--ignore-not-found", "--no-headers", "--show-kind",
		"--output=custom-columns=KIND:.kind,NAMESPACE:.metadata.namespace,NAME:.metadata.name,LABELS:.metadata.labels"), "\n") {
		if strings.Contains(line, "goservice") && !strings.HasPrefix(line, "Event") {
			left = append(left, line)
		}
	}
	return strings.Join(left, "\n")
}

// beginning of what a command prints that runs until the test ends: its first line.
func (j *journey) beginning(line string) string {
	j.t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(j.t.Context()))
	command := exec.CommandContext(ctx, "bash", "-c", "exec "+line)
	command.Stderr = j.t.Output()
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	output, err := command.StdoutPipe()
	j.Expect(err).NotTo(gomega.HaveOccurred())
	j.Expect(command.Start()).To(gomega.Succeed())
	j.t.Cleanup(func() {
		stop()
		_ = command.Wait() // interrupted
	})
	reader := bufio.NewReader(output)
	first, err := reader.ReadString('\n')
	j.Expect(err).NotTo(gomega.HaveOccurred())
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	return strings.TrimSpace(first)
}

// get what an address answers.
func get(address string) (status int, body string, err error) {
	response, err := http.Get(address)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), err
}

// page at an address.
func (j *journey) page(address string) string {
	j.t.Helper()
	status, body, err := get(address)
	j.Expect(err).NotTo(gomega.HaveOccurred())
	j.Expect(status).To(gomega.Equal(http.StatusOK))
	return body
}

// served is what the service of the loopback port answers to a path, once it does.
func (j *journey) served(path string) (body string) {
	j.t.Helper()
	j.Eventually(func() (status int, err error) {
		status, body, err = get(j.url + path)
		return status, err
	}).WithTimeout(time.Minute).Should(gomega.Equal(http.StatusOK))
	return body
}

// keptConnections of the clients that keep them.
const keptConnections = 4

// clients of the service: on connections that they keep, and on fresh ones.
type clients struct {
	generators []*loadgen.Generator
	running    sync.WaitGroup
	stop       context.CancelFunc
}

// send requests until the clients end, or the test.
func (j *journey) send() *clients {
	j.t.Helper()
	j.served("")
	ctx, stop := context.WithCancel(j.t.Context())
	c := &clients{stop: stop}
	j.t.Cleanup(stop)
	for _, fresh := range []bool{false, true} {
		generator, err := loadgen.New(loadgen.Config{URL: j.url, Rate: 20, Duration: 30 * time.Minute, Poisson: true, Fresh: fresh, Connections: keptConnections})
		j.Expect(err).NotTo(gomega.HaveOccurred())
		c.generators = append(c.generators, generator)
		c.running.Go(func() { generator.Run(ctx) })
	}
	return c
}

// goOn until each of the clients has sent so many more requests.
func (c *clients) goOn(j *journey, requests int64) {
	j.t.Helper()
	for _, generator := range c.generators {
		before := generator.Total().Sent()
		j.Eventually(func() int64 { return generator.Total().Sent() }).WithTimeout(5 * time.Minute).WithPolling(time.Second).
			Should(gomega.BeNumerically(">=", before+requests))
	}
}

// sentAgain bounds the requests that Go's client sends a second time by itself: one in so many. A kept connection may close just as a
// request is sent on it, once for each pod that is replaced.
const sentAgain = 100

// lossless ends the clients: each request was sent, and served, and hardly any sent twice.
func (c *clients) lossless(j *journey) {
	j.t.Helper()
	c.stop()
	c.running.Wait()
	for _, generator := range c.generators {
		total := generator.Total()
		j.t.Logf("%d requests, p99 %s", total.Sent(), total.Latency(99))
		j.Expect(total.Accepted()).To(gomega.Equal(total.Sent()), "%v", total.Failures)
		j.Expect(total.Unsent).To(gomega.BeZero())
		j.Expect(total.Retried).To(gomega.BeNumerically("<=", keptConnections+total.Sent()/sentAgain), "sent again by the client itself, which not every client does")
	}
}
