// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"os/exec"
	"strings"
	"testing"
)

// An engine that the test bed starts by hand may be killed. The next one must not bring the cluster back beside whichever is asked for
// then: two of them on a small machine starve each other. In a person's own Docker, kind's policy stays.
func TestOnlyTheClusterThatIsAskedForRuns(t *testing.T) {
	output, err := exec.Command("bash", "-euc", `eval "$(../cluster/docker.sh env)"
		docker inspect --format "${DOCKER_HOST:-none} {{.HostConfig.RestartPolicy.Name}}" \
			$(docker ps --quiet --filter "label=io.x-k8s.kind.cluster=$(kubectl config current-context | sed s/^kind-//)")`).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	nodes := strings.Split(strings.TrimSpace(string(output)), "\n")
	for _, node := range nodes {
		engine, policy, _ := strings.Cut(node, " ")
		if strings.Contains(engine, "goservice-testbed") && policy != "no" {
			t.Errorf("a node of a cluster returns with the engine: its restart policy is %q, and must be no", policy)
		}
	}
}
