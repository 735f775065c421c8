// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// The operator deploys Go services from GoServices and tunes them while they run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"

	// Root certificates for an image that has none; the system's come first.
	_ "golang.org/x/crypto/x509roots/fallback"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"goservice.dev/operator/controllers"
)

// version is set when a release is linked.
var version = "devel"

// settings are the operator's flags.
type settings struct {
	metricsAddress, probeAddress, pprofAddress string
	secureMetrics                              bool
	leaderElection                             bool
	leaderNamespace                            string
	controllers                                controllers.Options
	log                                        zap.Options
}

// gcPercent is lower than Go's own 100: most of the heap are caches that live on, so that little work keeps it small. At 25 the
// operator needs a tenth less memory, and a tenth more time for a thousand services.
const gcPercent = 50

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if err := run(ctrl.SetupSignalHandler(), readSettings()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func readSettings() settings {
	var s settings
	flag.StringVar(&s.metricsAddress, "metrics-bind-address", "0", `address of the operator's own metrics, such as ":8443"; "0" disables them`)
	flag.BoolVar(&s.secureMetrics, "metrics-secure", true, "serve metrics over HTTPS to authenticated and authorized clients only")
	flag.StringVar(&s.probeAddress, "health-probe-bind-address", ":8081", "address of /healthz and /readyz")
	flag.StringVar(&s.pprofAddress, "pprof-bind-address", "", "address of profiles, such as 127.0.0.1:6060; empty disables them")
	flag.BoolVar(&s.leaderElection, "leader-elect", false, "enable leader election: only one of several operators acts at a time; the others stand by with warm caches")
	flag.StringVar(&s.leaderNamespace, "leader-election-namespace", os.Getenv("POD_NAMESPACE"), "namespace of the leader's Lease, and of the key of digests of Secrets (also $POD_NAMESPACE); required outside a cluster")
	flag.StringVar(&s.controllers.WorkloadImage, "workload-image", os.Getenv("WORKLOAD_IMAGE"), "required: image of GoServices that don't set spec.image (also $WORKLOAD_IMAGE)")
	flag.StringVar(&s.controllers.RunbookURL, "runbook-url", "", "page that the alerts of GoServices link to, such as a copy of docs/runbooks.md; # and the alert's name in lower case are appended")
	flag.Func("watch-namespaces", "namespaces whose GoServices the operator looks after, such as shop,billing (also $WATCH_NAMESPACES); default: all. It needs permissions in these alone",
		s.controllers.SetWatchNamespaces)
	flag.IntVar(&s.controllers.UpgradeServices, "upgrade-services", 0,
		"number of services at a time whose pods are replaced because an older operator rendered their template; with 0, a service keeps its template until a Rolling field of its spec changes")
	flag.IntVar(&s.controllers.MaxConcurrentReconciles, "max-concurrent-reconciles", 0, "number of GoServices that are reconciled at the same time; 0 means 8")
	flag.TextVar(&s.controllers.PodAccess, "pod-access", controllers.PodAccessDirect,
		"how pods are asked for their live settings: direct (inside the cluster) or apiserver (through the API server's proxy, from outside)")
	flag.Func("prometheus-address", `URL of the Prometheus for services with spec.tuning.source Prometheus, such as http://prometheus.monitoring:9090; without it, they are not measured`,
		func(text string) (err error) {
			s.controllers.PrometheusAddress, err = controllers.ParsePrometheusAddress(text)
			return err
		})
	flag.StringVar(&s.controllers.PrometheusCAFile, "prometheus-ca-file", "", "PEM file of certificate authorities for --prometheus-address; default: those of the system, or in the image those that Mozilla trusts")
	flag.StringVar(&s.controllers.PrometheusBearerTokenFile, "prometheus-bearer-token-file", "", "file with the bearer token for --prometheus-address; read again when it changes")
	flag.Func("prometheus-header", "header for requests to --prometheus-address, as name=value, such as X-Scope-OrgID=shop; may be repeated", s.controllers.AddPrometheusHeader)
	flag.Func("metrics-from", `who scrapes the pods of services with spec.networkPolicy, as a peer of a NetworkPolicy in YAML or JSON, such as {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}; may be repeated; default: pods with the label app.kubernetes.io/name=prometheus or prometheus-agent in any namespace. The operator's own pods always may`,
		s.controllers.AddMetricsFrom)
	flag.Func("monitor-label", "label of the ServiceMonitors and PrometheusRules of all services, as name=value, such as release=kube-prometheus-stack; may be repeated. spec.observability.metrics.labels of a service take precedence", s.controllers.AddMonitorLabel)
	s.controllers.Version = version
	s.log.BindFlags(flag.CommandLine)
	flag.Parse()
	return s
}

func run(ctx context.Context, s settings) error {
	s.controllers.Namespace = s.leaderNamespace
	if names := os.Getenv("WATCH_NAMESPACES"); names != "" && len(s.controllers.WatchNamespaces) == 0 {
		if err := s.controllers.SetWatchNamespaces(names); err != nil {
			return fmt.Errorf("$WATCH_NAMESPACES: %w", err)
		}
	}
	ctrl.SetLogger(withoutEndings(zap.New(zap.UseFlagOptions(&s.log))))
	if s.controllers.WorkloadImage == "" {
		return errors.New("--workload-image (or $WORKLOAD_IMAGE) is required: it is the image of GoServices that don't set spec.image")
	}
	scheme := runtime.NewScheme()
	if err := controllers.AddToScheme(scheme); err != nil {
		return err
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("finding the cluster: %w", err)
	}
	// The API server's own fairness decides who waits, not a guess on this side.
	config.QPS = -1
	config.UserAgent = "goservice-operator/" + version
	options := ctrl.Options{
		Scheme:                 scheme,
		Metrics:                metricsOptions(s),
		HealthProbeBindAddress: s.probeAddress,
		PprofBindAddress:       s.pprofAddress,
	}
	if s.leaderElection {
		if err := controllers.LeaderElection(&options, config, s.leaderNamespace); err != nil {
			return fmt.Errorf("%w: set --leader-election-namespace or $POD_NAMESPACE", err)
		}
	}
	if err := controllers.AwaitServer(ctx, config); err != nil {
		if ctx.Err() != nil {
			return nil // stopped while it waited
		}
		return err
	}
	if err := s.controllers.LeaveOutNamespaces(ctx, config); err != nil {
		return err
	}
	options.Cache = controllers.CacheOptions(s.controllers.WatchNamespaces...)
	mgr, err := ctrl.NewManager(config, options)
	if err != nil {
		return err
	}
	if err := controllers.Setup(ctx, mgr, s.controllers); err != nil {
		return err
	}
	ctrl.Log.Info("starting", "version", version, "workloadImage", s.controllers.WorkloadImage)
	return mgr.Start(ctx)
}

func metricsOptions(s settings) metricsserver.Options {
	options := metricsserver.Options{BindAddress: s.metricsAddress, SecureServing: s.secureMetrics}
	if s.secureMetrics {
		options.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	return options
}
