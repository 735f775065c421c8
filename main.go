// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// The operator: from GoServices it deploys Go services and tunes them while they run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"

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
	flag.StringVar(&s.metricsAddress, "metrics-bind-address", "0", `where the operator's own metrics are served, such as ":8443"; "0" serves none`)
	flag.BoolVar(&s.secureMetrics, "metrics-secure", true, "serve metrics over HTTPS to authenticated and authorized clients only")
	flag.StringVar(&s.probeAddress, "health-probe-bind-address", ":8081", "where /healthz and /readyz are served")
	flag.StringVar(&s.pprofAddress, "pprof-bind-address", "", "where profiles are served, such as 127.0.0.1:6060; empty serves none")
	flag.BoolVar(&s.leaderElection, "leader-elect", false, "let one of several operators act at a time; the others stand by with warm caches")
	flag.StringVar(&s.leaderNamespace, "leader-election-namespace", os.Getenv("POD_NAMESPACE"), "where the leader's Lease is; outside a cluster it must be given")
	flag.StringVar(&s.controllers.WorkloadImage, "workload-image", os.Getenv("WORKLOAD_IMAGE"), "image of GoServices that name none (also $WORKLOAD_IMAGE)")
	flag.StringVar(&s.controllers.RunbookURL, "runbook-url", "", "page that alerts lead to, followed by # and the name of the alert in lower case; a copy of docs/runbooks.md for example")
	flag.IntVar(&s.controllers.UpgradeServices, "upgrade-services", 0,
		"how many services at a time have their pods replaced because an older operator rendered their template; 0 leaves them until a Rolling field of their spec changes")
	flag.IntVar(&s.controllers.MaxConcurrentReconciles, "max-concurrent-reconciles", 0, "GoServices that are worked on at once; 0 is 8")
	flag.TextVar(&s.controllers.PodAccess, "pod-access", controllers.PodAccessDirect,
		"how pods are asked for their live settings: direct (inside the cluster) or apiserver (through the API server's proxy, from outside)")
	flag.Func("prometheus-address", `URL of the Prometheus that measures services with spec.tuning.source Prometheus, such as http://prometheus.monitoring:9090; without it they are not measured`,
		func(text string) (err error) {
			s.controllers.PrometheusAddress, err = controllers.ParsePrometheusAddress(text)
			return err
		})
	flag.StringVar(&s.controllers.PrometheusCAFile, "prometheus-ca-file", "", "PEM file of the authorities that may vouch for that Prometheus; default: the system's, in the image those that Mozilla trusts")
	flag.StringVar(&s.controllers.PrometheusBearerTokenFile, "prometheus-bearer-token-file", "", "file with the token that is sent to that Prometheus; read again when it changes")
	flag.Func("prometheus-header", "header that is sent to that Prometheus, as name=value, such as X-Scope-OrgID=shop; may be repeated", s.controllers.AddPrometheusHeader)
	s.controllers.Version = version
	s.log.BindFlags(flag.CommandLine)
	flag.Parse()
	return s
}

func run(ctx context.Context, s settings) error {
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&s.log)))
	if s.controllers.WorkloadImage == "" {
		return errors.New("--workload-image (or $WORKLOAD_IMAGE) must name the image of GoServices that name none")
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
		Cache:                  controllers.CacheOptions(),
		Metrics:                metricsOptions(s),
		HealthProbeBindAddress: s.probeAddress,
		PprofBindAddress:       s.pprofAddress,
	}
	if s.leaderElection {
		if err := controllers.LeaderElection(&options, config, s.leaderNamespace); err != nil {
			return fmt.Errorf("%w: set --leader-election-namespace or $POD_NAMESPACE", err)
		}
	}
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
