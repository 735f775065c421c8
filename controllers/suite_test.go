// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"go.uber.org/zap/zapcore"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
)

// One API server serves all tests; each works in a namespace of its own, with an operator of its own.
var (
	testConfig *rest.Config
	testScheme = runtime.NewScheme()
	// api reads and writes past every cache, as a user would.
	api client.Client
)

const (
	testImage = "goservice.dev/workload:test"
	// patience is how long a machine that is busy may take.
	patience = 2 * time.Minute
)

// testPace is how soon an operator under test tries again.
var testPace = pace{conflict: 100 * time.Millisecond, slow: 100 * time.Millisecond, slowest: 200 * time.Millisecond}

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		fmt.Fprintln(os.Stderr, "These tests need an API server: set KUBEBUILDER_ASSETS to the folder of etcd and kube-apiserver, "+
			"as in KUBEBUILDER_ASSETS=$(hack/cluster/envtest.sh) go test ./controllers/..., or run make test-unit, which does so.")
		return 1
	}
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr), zap.Level(logLevel())))
	gomega.SetDefaultEventuallyTimeout(patience)
	gomega.SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, v1alpha1.AddToScheme, apiextensionsv1.AddToScheme,
	} {
		if err := add(testScheme); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	environment := &envtest.Environment{
		CRDInstallOptions: envtest.CRDInstallOptions{
			Paths: []string{filepath.Join("..", "config", "crd", "bases")}, ErrorIfPathMissing: true, MaxTime: patience,
		},
		ControlPlaneStartTimeout: patience,
	}
	// All tests create more Services than the 254 addresses that envtest's own range has.
	environment.ControlPlane.GetAPIServer().Configure().Set("service-cluster-ip-range", "10.96.0.0/16")
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
	if api, err = client.New(config, client.Options{Scheme: testScheme}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if n := panics(); n != 0 {
		fmt.Fprintf(os.Stderr, "FAIL: %v reconciles panicked; TEST_LOG=1 shows where\n", n)
		return 1
	}
	return code
}

// panics of reconciles, which the controller catches and tries again: a test that passes nevertheless would hide them.
func panics() (total float64) {
	families, err := metrics.Registry.Gather()
	if err != nil {
		return math.NaN()
	}
	for _, family := range families {
		if family.GetName() == "controller_runtime_reconcile_panics_total" {
			for _, series := range family.GetMetric() {
				total += series.GetCounter().GetValue()
			}
		}
	}
	return total
}

// logLevel keeps the operator silent unless somebody looks for a failure's cause.
func logLevel() zapcore.Level {
	if os.Getenv("TEST_LOG") != "" {
		return -1
	}
	return 4
}

// newNamespace makes a namespace for one test.
func newNamespace(t *testing.T) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := api.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	return namespace.Name
}

// writeLog notes every request of an operator that is not a read.
type writeLog struct {
	mu      sync.Mutex
	entries []string
}

func (l *writeLog) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		if request.Method != http.MethodGet {
			_, what, _ := strings.Cut(strings.TrimPrefix(request.URL.Path, "/"), "/namespaces/")
			_, what, _ = strings.Cut(what, "/")
			l.mu.Lock()
			l.entries = append(l.entries, request.Method+" "+what)
			l.mu.Unlock()
		}
		return next.RoundTrip(request)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// forget starts the log anew.
func (l *writeLog) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
}

// all lists every request since the log was started anew, events among them.
func (l *writeLog) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// written lists the distinct requests since the log was started anew, but for events.
func (l *writeLog) written() []string { return l.writtenBut("events") }

// writtenBut lists the distinct requests since the log was started anew, but for events and those of another resource.
func (l *writeLog) writtenBut(resource string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var distinct []string
	seen := map[string]bool{"POST events": true}
	for _, entry := range l.entries {
		if _, path, _ := strings.Cut(entry, " "); path == resource || strings.HasPrefix(path, resource+"/") {
			continue
		}
		if !seen[entry] {
			distinct = append(distinct, entry)
		}
		seen[entry] = true
	}
	return distinct
}

// to lists every request, in order, that names a service or one of its objects.
func (l *writeLog) to(name string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.entries), func(entry string) bool { return !strings.Contains(entry, "/"+name) })
}

// count is how many requests began like that since the log was started anew.
func (l *writeLog) count(prefix string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, entry := range l.entries {
		if strings.HasPrefix(entry, prefix) {
			n++
		}
	}
	return n
}

// operator is one run of the operator on one namespace.
type operator struct {
	writes     *writeLog
	reconciler *GoServiceReconciler
	stop       func()
	// ready is what /readyz says of the caches.
	ready func() error
}

// operatorOptions of a run that differs from others.
type operatorOptions struct {
	Options
	// lease is for how long a leader holds on; 0: there is no election.
	lease time.Duration
	// impersonates the operator's ServiceAccount, so that it may do what its roles allow.
	impersonates bool
	// wrap stands between the operator and the API server.
	wrap func(http.RoundTripper) http.RoundTripper
	// ended takes the error that the operator ended with; without it an error fails the test.
	ended func(error)
}

// impersonating is a configuration with the permissions of the operator's ServiceAccount.
func impersonating(config *rest.Config) *rest.Config {
	config.Impersonate = rest.ImpersonationConfig{UserName: operatorUser, Groups: []string{"system:serviceaccounts", "system:authenticated"}}
	return config
}

// startOperator runs the operator until stop or the end of the test, in one namespace, or in those of its options. pods answers for the
// workload; nil answers nothing.
func startOperator(t *testing.T, namespace string, pods *workload, change ...func(*operatorOptions)) *operator {
	t.Helper()
	if pods == nil {
		pods = newWorkload()
	}
	op := &operator{writes: &writeLog{}}
	o := operatorOptions{Options: Options{
		WorkloadImage: testImage, ask: pods.ask, scrape: pods.scrape, query: pods.query, skipNameValidation: true, pace: testPace,
	}}
	for _, f := range change {
		f(&o)
	}
	config := rest.CopyConfig(testConfig)
	config.Wrap(op.writes.wrap)
	if o.wrap != nil {
		config.Wrap(o.wrap)
	}
	if o.impersonates {
		config = impersonating(config)
	}
	options := CacheOptions(o.WatchNamespaces...)
	if namespace != "" {
		options.DefaultNamespaces = map[string]cache.Config{namespace: {}}
	}
	scheme := runtime.NewScheme()
	if err := AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	managerOptions := ctrl.Options{
		Scheme: scheme, Cache: options, Metrics: metricsserver.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
	}
	if o.lease != 0 {
		if err := leaderElection(&managerOptions, config, namespace, o.lease, o.lease*3/4); err != nil {
			t.Fatal(err)
		}
	}
	mgr, err := ctrl.NewManager(config, managerOptions)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if op.reconciler, err = setup(ctx, mgr, o.Options); err != nil {
		cancel()
		t.Fatal(err)
	}
	op.ready = func() error {
		return op.reconciler.warm(mgr.GetCache())(httptest.NewRequest(http.MethodGet, "/readyz", nil))
	}
	ended := make(chan error, 1)
	go func() {
		err := mgr.Start(ctx)
		if o.ended != nil {
			o.ended(err)
			err = nil
		}
		ended <- err
	}()
	op.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the operator ended with: %v", err)
		}
	})
	t.Cleanup(op.stop)
	return op
}

// startReplica runs an operator that is one of several.
func startReplica(t *testing.T, namespace string, pods *workload, lease time.Duration, change ...func(*operatorOptions)) *operator {
	t.Helper()
	return startOperator(t, namespace, pods, append(change, func(o *operatorOptions) { o.lease = lease })...)
}

const serviceName = "checkout"

// applyService applies GoService checkout with a spec as a user writes it; fields that were in the last one and are not in
// this one are removed.
func applyService(t *testing.T, namespace, spec string) *v1alpha1.GoService {
	t.Helper()
	return applyNamed(t, namespace, serviceName, spec)
}

func applyNamed(t *testing.T, namespace, name, spec string) *v1alpha1.GoService {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"spec": parse(t, spec)}}
	object.SetGroupVersionKind(v1alpha1.GoServiceKind)
	object.SetNamespace(namespace)
	object.SetName(name)
	err := api.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("user"), client.ForceOwnership)
	if err != nil {
		t.Fatalf("applying GoService %s: %v", name, err)
	}
	var service v1alpha1.GoService
	get(t, namespace, name, &service)
	return &service
}

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	content := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &content); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return content
}

func get(t *testing.T, namespace, name string, into client.Object) {
	t.Helper()
	if err := api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, into); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until all assertions hold.
func eventually(t *testing.T, assertions func(g gomega.Gomega)) {
	t.Helper()
	gomega.NewWithT(t).Eventually(assertions).Should(gomega.Succeed())
}

// refusal is an API server's answer.
func refusal(request *http.Request, code int, reason, message string) *http.Response {
	body := fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"message":%q,"code":%d}`, reason, message, code)
	return &http.Response{
		Status: http.StatusText(code), StatusCode: code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: request,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}
