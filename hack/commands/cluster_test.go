// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package commands

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// patience is how long a machine that is busy may take.
const patience = 2 * time.Minute

// Each command line for which the table names this test succeeds on a real API server, and prints something. No pod runs there, and nobody acts
// on what is written.
func TestCommandsRunOnAnAPIServer(t *testing.T) {
	c := newCluster(t)
	blocks, err := Blocks(root)
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, block := range blocks {
		lines, err := block.Lines()
		if err != nil || block.Sentence {
			continue
		}
		filled := false
		for _, line := range lines {
			if !strings.Contains(runs[line.Page][entryOf(line)], onAnAPIServer) {
				continue
			}
			ran++
			if !filled {
				c.fill()
				filled = true
			}
			script, _, _ := strings.Cut(line.Text, " | jq ") // which has a test of its own
			output, err := c.run(strings.NewReplacer("NAMESPACE", "shop", "NAME", "checkout", "go run ./hack/migrate", "migrate").Replace(script))
			if err != nil || len(bytes.TrimSpace(output)) == 0 && !strings.Contains(script, " >") {
				t.Errorf("%s: %v, it prints %q", line, err, output)
			}
		}
	}
	if ran == 0 {
		t.Error("no commands")
	}
}

// cluster is an API server, and the folder of somebody who uses it.
type cluster struct {
	*testing.T
	folder, kubeconfig string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		t.Fatal("set KUBEBUILDER_ASSETS to the folder of etcd, kube-apiserver, and kubectl, as in KUBEBUILDER_ASSETS=$(hack/cluster/envtest.sh) go test .")
	}
	server := &envtest.Environment{
		CRDInstallOptions: envtest.CRDInstallOptions{
			Paths: []string{filepath.Join(root, "config/crd/bases"), "testdata/servicemonitors.yaml"}, ErrorIfPathMissing: true, MaxTime: patience,
		},
		ControlPlaneStartTimeout: patience,
	}
	if _, err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	c := &cluster{t, t.TempDir(), filepath.Join(t.TempDir(), "kubeconfig")}
	config, err := filepath.Abs(filepath.Join(root, "config"))
	if err == nil {
		err = os.Symlink(config, filepath.Join(c.folder, "config"))
	}
	if err == nil {
		err = os.CopyFS(c.folder, os.DirFS("testdata"))
	}
	if err == nil {
		err = os.WriteFile(c.kubeconfig, server.KubeConfig, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	programs := t.TempDir()
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", programs, "goservice.dev/operator/hack/migrate").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	t.Setenv("PATH", assets+":"+programs+":"+os.Getenv("PATH"))
	t.Setenv("KUBECONFIG", c.kubeconfig)
	t.Setenv("HOME", t.TempDir())
	c.must("kubectl config set-context --current --namespace shop")
	c.writeStatus()
	return c
}

// writeStatus of the service: that of a sample, all of whose conditions are True, so that nobody waits.
func (c *cluster) writeStatus() {
	c.Helper()
	status := sample()["status"].(map[string]any)
	for _, condition := range status["conditions"].([]any) {
		condition.(map[string]any)["status"] = "True"
	}
	text, err := json.Marshal(map[string]any{"status": status})
	if err == nil {
		err = os.WriteFile(filepath.Join(c.folder, "status.json"), text, 0o600)
	}
	if err != nil {
		c.Fatal(err)
	}
}

// fill the cluster with what the commands of a block expect, whatever those before have done.
func (c *cluster) fill() {
	c.Helper()
	c.must("kubectl apply --server-side --force-conflicts -f cluster.yaml -f deployment.yaml -f service.yaml")
	c.must("kubectl patch gosvc checkout --subresource=status --type=merge --patch-file=status.json")
}

func (c *cluster) must(script string) {
	c.Helper()
	if output, err := c.run(script); err != nil {
		c.Fatalf("%s: %v: %s", script, err, output)
	}
}

func (c *cluster) run(script string) ([]byte, error) {
	command := exec.CommandContext(c.Context(), "bash", "-euo", "pipefail", "-c", script)
	command.Dir = c.folder
	return command.CombinedOutput()
}
