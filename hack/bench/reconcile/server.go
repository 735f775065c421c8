// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-logr/logr"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

func startServer(s settings, folder string) (*server, error) {
	policy := filepath.Join(folder, "audit-policy.yaml")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return nil, err
	}
	started := &server{
		kubeconfig: filepath.Join(folder, "kubeconfig"),
		auditLog:   filepath.Join(folder, "audit.log"),
		environment: &envtest.Environment{
			CRDDirectoryPaths:     []string{filepath.Join(s.root, "config", "crd", "bases")},
			ErrorIfCRDPathMissing: true,
		},
	}
	if s.monitored {
		started.environment.CRDs = monitoringDefinitions()
	}
	started.environment.ControlPlane.GetAPIServer().Configure().
		Set("audit-policy-file", policy).
		Set("audit-log-path", started.auditLog).
		// By default a second file is begun after 100 MB, and only the last one would be counted.
		Set("audit-log-maxsize", strconv.Itoa(math.MaxInt32)).
		// As in a cluster: the usual range of a test server ends at 254 Services.
		Set("service-cluster-ip-range", "10.96.0.0/16")
	log.SetLogger(logr.Discard()) // what the environment tells of its work
	config, err := started.environment.Start()
	if err != nil {
		return nil, fmt.Errorf("starting the API server: %w", err)
	}
	started.config = config
	if err := os.WriteFile(started.kubeconfig, started.environment.KubeConfig, 0o600); err != nil {
		return nil, err
	}
	return started, nil
}

// monitoringDefinitions are those of the Prometheus Operator's kinds that the operator emits.
func monitoringDefinitions() []*apiextensionsv1.CustomResourceDefinition {
	const group = "monitoring.coreos.com"
	definition := func(kind, plural string) *apiextensionsv1.CustomResourceDefinition {
		return &apiextensionsv1.CustomResourceDefinition{
			ObjectMeta: metav1.ObjectMeta{Name: plural + "." + group},
			Spec: apiextensionsv1.CustomResourceDefinitionSpec{
				Group: group, Scope: apiextensionsv1.NamespaceScoped,
				Names: apiextensionsv1.CustomResourceDefinitionNames{Kind: kind, ListKind: kind + "List", Plural: plural, Singular: strings.ToLower(kind)},
				Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
					Name: "v1", Served: true, Storage: true,
					Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
						Type: "object", XPreserveUnknownFields: new(true),
					}},
				}},
			},
		}
	}
	return []*apiextensionsv1.CustomResourceDefinition{definition("ServiceMonitor", "servicemonitors"), definition("PrometheusRule", "prometheusrules")}
}

func (s *server) stop() error { return s.environment.Stop() }
