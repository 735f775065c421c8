// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package journey

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
)

// root of the checkout.
const root = "../.."

// documented is the command line of a page that begins so.
func (j *journey) documented(page, beginning string) string {
	j.t.Helper()
	text, err := os.ReadFile(filepath.Join(root, page))
	j.Expect(err).NotTo(gomega.HaveOccurred())
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimPrefix(strings.TrimSpace(line), "$ "); strings.HasPrefix(line, beginning) {
			return line
		}
	}
	j.t.Fatalf("%s has no line that begins with %s", page, beginning)
	return ""
}

// typed is what a line prints that is typed into a shell in a folder.
func (j *journey) typed(folder, line string) string {
	j.t.Helper()
	return j.run("env", "--chdir="+folder, "bash", "-euo", "pipefail", "-c", line)
}

// An operator looks after the namespaces that it is told of, also after an upgrade that names none, and its services stay without it.
func TestAnOperatorForSomeNamespaces(t *testing.T) {
	for _, helm := range helms {
		t.Run(helm, func(t *testing.T) {
			j := newJourney(t, helm)
			j.makeRoom()
			j.kubectl("create", "namespace", "billing")
			t.Cleanup(func() { _, _, _ = j.try("", "kubectl", "delete", "namespace", "billing", "--ignore-not-found") })
			j.install("install", j.chart, "--set", "watchNamespaces={shop,billing}")
			j.serve()
			j.kubectl("apply", "--namespace", "default", "--filename", j.sample)
			j.install("upgrade", j.chart, "--reset-then-reuse-values")
			j.Expect(j.gosvc("retune", "checkout", "--namespace", shop, "--rate", "1500", "--wait")).To(gomega.ContainSubstring("2 of 2 enforce 750/s"))
			j.Expect(j.kubectl("get", "goservice/checkout", "--namespace", "default", "--output=jsonpath={.status.conditions}")).To(gomega.BeEmpty(), "nobody looks after it")
			j.kubectl("delete", "goservice/checkout", "--namespace", "default")
			for _, line := range []string{"kubectl -n NAMESPACE logs -l", "kubectl -n goservice-system logs -l"} {
				logged := j.typed(".", strings.NewReplacer("NAMESPACE", shop, "NAME", "checkout").Replace(j.documented("docs/runbooks.md", line)))
				j.Expect(logged).To(gomega.HavePrefix("[pod/"), line)
			}

			before := j.pods()
			for _, line := range []string{"kubectl -n goservice-system scale", "kubectl delete goservices --all"} {
				j.typed(".", j.documented("docs/operations.md", line))
			}
			j.run(j.helm, "uninstall", release, "--namespace", namespace, "--wait", "--timeout", patience)
			j.kubectl("delete", "customresourcedefinition", "goservices.goservice.dev", "--timeout="+patience)
			j.Expect(j.pods()).To(gomega.Equal(before))
			j.install("install", j.chart)
			j.serve()
			j.Expect(j.pods()).To(gomega.Equal(before))
			// Without an operator, a namespace with services can be deleted all the same.
			j.run(j.helm, "uninstall", release, "--namespace", namespace, "--wait", "--timeout", patience)
			j.kubectl("delete", "namespace", shop, "billing", "--timeout="+patience)
			j.kubectl("delete", "customresourcedefinition", "goservices.goservice.dev", "--timeout="+patience)
			j.kubectl("delete", "namespace", namespace, "--timeout="+patience)
			j.Eventually(j.left).WithTimeout(time.Minute).WithPolling(5*time.Second).Should(gomega.BeEmpty(), "after")
		})
	}
}

// The README of the toolkit leads from nothing to a service of one's own that is deployed.
func TestANewServiceIsDeployed(t *testing.T) {
	j := newJourney(t, helms[0])
	j.makeRoom()
	j.install("install", j.chart)
	folder := t.TempDir()
	clone, err := filepath.Abs(root)
	j.Expect(err).NotTo(gomega.HaveOccurred())
	j.Expect(os.Symlink(clone, filepath.Join(folder, "goservice"))).To(gomega.Succeed())
	j.typed(folder, j.documented("workload/README.md", "go -C goservice/workload build"))
	made := filepath.Join(folder, "checkout")
	j.typed(made, strings.TrimPrefix(j.documented("workload/README.md", "cd checkout && "), "cd checkout && "))
	j.typed(made, j.documented("workload/README.md", "printf "))
	t.Cleanup(func() { _, _, _ = j.try("", "docker", "image", "rm", "--force", "registry.example/checkout:v1") })
	j.run(filepath.Join(root, "hack/cluster/cluster.sh"), "load", "registry.example/checkout:v1")
	j.kubectl("apply", "--namespace", shop, "--filename", filepath.Join(made, "goservice.yaml"))
	for _, condition := range []string{"Ready", "Tuned"} {
		j.kubectl("wait", "--namespace", shop, "goservice/checkout", "--for=condition="+condition, "--timeout="+patience)
	}
	j.feed(loopback, "kubectl", "apply", "--filename", "-")
	j.Expect(j.served("/greetings/Ada")).To(gomega.ContainSubstring("Ada"))
	j.remove()
}
