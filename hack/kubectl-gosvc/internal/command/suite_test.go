// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/golden"
)

// One API server serves all tests; each works in a namespace of its own.
var (
	testConfig *rest.Config
	api        client.WithWatch
)

// patience is how long a machine that is busy may take.
const patience = 2 * time.Minute

// noon is the clock of all commands under test.
var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	flag.Parse()
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		fmt.Fprintln(os.Stderr, "These tests need an API server: set KUBEBUILDER_ASSETS to the folder of etcd and kube-apiserver, "+
			"as in KUBEBUILDER_ASSETS=$(hack/cluster/envtest.sh), or run make test-unit, which does so.")
		return 1
	}
	environment := &envtest.Environment{
		CRDInstallOptions:        envtest.CRDInstallOptions{Paths: []string{crdFile}, ErrorIfPathMissing: true, MaxTime: patience},
		ControlPlaneStartTimeout: patience,
	}
	config, err := environment.Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, "starting the API server:", err)
		return 1
	}
	defer func() {
		if err := environment.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stopping the API server:", err)
		}
	}()
	config.QPS = -1
	testConfig = config
	scheme, mapper, err := kinds()
	if err == nil {
		api, err = client.NewWithWatch(config, client.Options{Scheme: scheme, Mapper: mapper})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

var crdFile = filepath.Join("..", "..", "..", "..", "config", "crd", "bases", "goservice.dev_goservices.yaml")

// newNamespace makes a namespace for one test, and a kubeconfig whose only context has it.
func newNamespace(t *testing.T) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := api.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	return namespace.Name
}

// kubeconfig for a test: a context of the namespace, and another one whose cluster does not answer.
func kubeconfig(t *testing.T, config *rest.Config, namespace string) string {
	t.Helper()
	cluster := &clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	user := &clientcmdapi.AuthInfo{ClientCertificateData: config.CertData, ClientKeyData: config.KeyData, Token: config.BearerToken}
	file := filepath.Join(t.TempDir(), "config")
	if err := clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:  map[string]*clientcmdapi.Cluster{"here": cluster, "nowhere": {Server: "https://127.0.0.1:1"}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{"me": user},
		Contexts: map[string]*clientcmdapi.Context{
			"here":    {Cluster: "here", AuthInfo: "me", Namespace: namespace},
			"nowhere": {Cluster: "nowhere", AuthInfo: "me", Namespace: namespace},
		},
		CurrentContext: "here",
	}, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// result of a command line.
type result struct {
	code     int
	out, err string
}

// gosvc runs a command line in the context of a namespace.
func gosvc(t *testing.T, namespace string, arguments ...string) result {
	t.Helper()
	return run(t.Context(), t, testConfig, namespace, arguments...)
}

func run(ctx context.Context, t *testing.T, config *rest.Config, namespace string, arguments ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	code := Run(ctx, Environment{
		In: strings.NewReader(""), Out: &out, ErrOut: &errOut, Version: "v0.1.0", Now: func() time.Time { return noon },
	}, append([]string{"--kubeconfig", kubeconfig(t, config, namespace)}, arguments...))
	return result{code, out.String(), errOut.String()}
}

// succeeds runs a command line that must not fail or say anything beside its output.
func succeeds(t *testing.T, namespace string, arguments ...string) string {
	t.Helper()
	r := gosvc(t, namespace, arguments...)
	if r.code != 0 || r.err != "" {
		t.Fatalf("%s: exit code %d\n%s%s", strings.Join(arguments, " "), r.code, r.err, r.out)
	}
	return r.out
}

// fails runs a command line that must fail, with nothing on stdout, and returns what it says.
func fails(t *testing.T, code int, namespace string, arguments ...string) string {
	t.Helper()
	r := gosvc(t, namespace, arguments...)
	if r.code != code || r.out != "" {
		t.Fatalf("%s: exit code %d, want %d; it prints %q and says %q", strings.Join(arguments, " "), r.code, code, r.out, r.err)
	}
	return r.err
}

// isGolden compares an output with a file of testdata, in which NAMESPACE stands for the test's own.
func isGolden(t *testing.T, name, namespace, got string) {
	t.Helper()
	golden.Check(t, filepath.Join("testdata", name), strings.ReplaceAll(got, namespace, "NAMESPACE"))
}

// create a GoService as an operator left it, from a file of the explain package.
func create(t *testing.T, namespace, file string, change ...func(*v1alpha1.GoService)) *v1alpha1.GoService {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "explain", "testdata", file+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var service v1alpha1.GoService
	if err := yaml.Unmarshal(text, &service); err != nil {
		t.Fatal(err)
	}
	service.Namespace = namespace
	for _, f := range change {
		f(&service)
	}
	status := service.Status
	service.CreationTimestamp, service.ResourceVersion, service.UID = metav1.Time{}, "", ""
	if err := api.Create(t.Context(), &service, client.FieldOwner("team")); err != nil {
		t.Fatal(err)
	}
	service.Status = status
	setStatus(t, &service)
	return &service
}

// setStatus writes a status as an operator does.
func setStatus(t *testing.T, service *v1alpha1.GoService) {
	t.Helper()
	if service.Status.ObservedGeneration > 0 {
		service.Status.ObservedGeneration = service.Generation
	}
	if err := api.Status().Update(t.Context(), service, client.FieldOwner("goservice-operator")); err != nil {
		t.Fatal(err)
	}
}
