// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// captureNamespace is where requests are logged with their bodies.
const captureNamespace = "bench-captured"

// auditPolicy logs one line per request; with the body where the template of the floor is captured.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- level: Request
  namespaces: [` + captureNamespace + `]
  verbs: [patch]
- level: Metadata
`

// server is an API server with its etcd, for this run alone.
type server struct {
	environment *envtest.Environment
	config      *rest.Config
	kubeconfig  string
	auditLog    string
}

func startServer(root, folder string) (*server, error) {
	policy := filepath.Join(folder, "audit-policy.yaml")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return nil, err
	}
	s := &server{
		kubeconfig: filepath.Join(folder, "kubeconfig"),
		auditLog:   filepath.Join(folder, "audit.log"),
		environment: &envtest.Environment{
			CRDDirectoryPaths:     []string{filepath.Join(root, "config", "crd", "bases")},
			ErrorIfCRDPathMissing: true,
		},
	}
	s.environment.ControlPlane.GetAPIServer().Configure().
		Set("audit-policy-file", policy).
		Set("audit-log-path", s.auditLog).
		// As in a cluster: the usual range of a test server ends at 254 Services.
		Set("service-cluster-ip-range", "10.96.0.0/16")
	log.SetLogger(logr.Discard()) // what the environment tells of its work
	config, err := s.environment.Start()
	if err != nil {
		return nil, fmt.Errorf("starting the API server: %w", err)
	}
	s.config = config
	if err := os.WriteFile(s.kubeconfig, s.environment.KubeConfig, 0o600); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *server) stop() error { return s.environment.Stop() }
