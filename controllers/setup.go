// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/controllers/internal/fair"
	"goservice.dev/operator/controllers/internal/measure"
	"goservice.dev/operator/controllers/internal/observe"
	"goservice.dev/operator/controllers/internal/podhttp"
)

// Options of Setup.
type Options struct {
	// WorkloadImage runs in services that name no image.
	WorkloadImage string
	// Version of this operator, which the status of services names.
	Version string
	// UpgradeServices is how many services at a time get the pod template that this operator renders although their users
	// changed nothing; 0: none, the newer template comes with the next change of a Rolling field.
	UpgradeServices int
	// RunbookURL is the page that alerts lead to; default build.DefaultRunbookURL.
	RunbookURL string
	// MonitorLabels are labels of the ServiceMonitors and PrometheusRules of all services, for a Prometheus that selects by label;
	// AddMonitorLabel adds one. Those that a service sets itself take precedence.
	MonitorLabels map[string]string
	// MaxConcurrentReconciles of GoServices; default 8.
	MaxConcurrentReconciles int
	// PodAccess is how pods are asked for their live settings; default PodAccessDirect.
	PodAccess PodAccess
	// PrometheusAddress is where services with spec.tuning.source Prometheus are measured; nil: nowhere. Only whoever runs
	// the operator names it, so that no GoService can make the operator send requests elsewhere.
	PrometheusAddress *url.URL
	// PrometheusCAFile holds the authorities, in PEM, that may vouch for it; default: the system's, or Mozilla's where the
	// system has none. PrometheusBearerTokenFile holds the token that is sent to it. Both are read again when they change.
	PrometheusCAFile, PrometheusBearerTokenFile string
	// PrometheusHeaders are sent with each question, such as X-Scope-OrgID; AddPrometheusHeader adds one.
	PrometheusHeaders http.Header
	// MetricsFrom may connect to the metrics of services with a NetworkPolicy, besides the operator's own pods; AddMetricsFrom adds one.
	// Default: pods that the Prometheus Operator or Prometheus' Helm charts made, in any namespace.
	MetricsFrom []networkingv1.NetworkPolicyPeer

	// WatchNamespaces are the namespaces whose GoServices the operator looks after; empty: all. SetWatchNamespaces reads them.
	WatchNamespaces []string
	// Namespace of the operator, where it keeps the key of the digests of Secrets and that of the keys of peers; without it Secrets are not
	// followed, and pods do not share their queue.
	Namespace string

	// leftOut of WatchNamespaces, for want of permission.
	leftOut []string
	// ask stands in for PodAccess in tests, where no kubelet runs pods.
	ask func(context.Context, confirm.Pod) (confirm.Answer, error)
	// scrape stands in for the pods' metrics; without it and with ask nothing is measured.
	scrape measure.Scraper
	// query stands in for PrometheusAddress.
	query measure.Questioner
	// wavePace is shorter in tests.
	wavePace wavePace
	// skipNameValidation lets tests run several managers in one process.
	skipNameValidation bool
	// hurriesReferences lets tests wait less for what follows from changed data.
	hurriesReferences bool
	// pace is quicker in tests.
	pace pace
	// clock of the keys of peers, which tests put forward.
	clock func() time.Time
}

const defaultConcurrency = 8

func (o *Options) peers(mgr manager.Manager) *peers {
	p := &peers{client: mgr.GetClient(), live: mgr.GetAPIReader(), namespace: o.Namespace, pace: o.pace.orDefault(), now: o.clock}
	if p.now == nil {
		p.now = time.Now
	}
	return p
}

// AddToScheme registers what the operator handles: GoServices, their pods and the typed kinds of their children. All of
// Kubernetes would be several MiB of tables.
func AddToScheme(scheme *runtime.Scheme) error {
	for _, add := range []func(*runtime.Scheme) error{
		v1alpha1.AddToScheme, authorizationv1.AddToScheme, corev1.AddToScheme, appsv1.AddToScheme, policyv1.AddToScheme, autoscalingv2.AddToScheme,
		networkingv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	return nil
}

// ownedTypes are the typed kinds that are watched from the start.
func ownedTypes() []client.Object {
	return []client.Object{
		&corev1.ServiceAccount{}, &corev1.ConfigMap{}, &corev1.Service{},
		&networkingv1.NetworkPolicy{}, &appsv1.Deployment{}, &policyv1.PodDisruptionBudget{}, &autoscalingv2.HorizontalPodAutoscaler{}, &networkingv1.Ingress{},
	}
}

// Setup registers every controller with the manager, and the checks of its health and readiness.
func Setup(ctx context.Context, mgr manager.Manager, options Options) error {
	_, err := setup(ctx, mgr, options)
	return err
}

func setup(ctx context.Context, mgr manager.Manager, options Options) (*GoServiceReconciler, error) {
	if options.MaxConcurrentReconciles == 0 {
		options.MaxConcurrentReconciles = defaultConcurrency
	}
	news := make(chan event.GenericEvent, 1024)
	r := &GoServiceReconciler{
		Client:        mgr.GetClient(),
		Scheme:        mgr.GetScheme(),
		Events:        mgr.GetEventRecorder("goservice-operator"),
		WorkloadImage: options.WorkloadImage,
		RunbookURL:    options.RunbookURL, MonitorLabels: options.MonitorLabels,
		retries:       retries{pace: options.pace.orDefault()},
		Version:       options.Version,
		metricsAccess: options.metricsAccess(ctrl.LoggerFrom(ctx)),
		engine:        &apply.Engine{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Record: countApply},
		gateways:      gateways{live: mgr.GetAPIReader()}, peers: options.peers(mgr),
	}
	ask := options.ask
	if ask == nil {
		var err error
		if ask, err = options.PodAccess.ask(mgr); err != nil {
			return nil, err
		}
	}
	changed := reporter(ctx, news)
	questions := podhttp.Slots(observeWait("question"))
	r.tracker = confirm.NewTracker(confirm.Options{
		Ask: ask, Nudge: r.nudge, Settled: observeRetune, Changed: changed, Slots: questions,
		NudgeSlots: confirm.NudgeSlots(observeWait("nudge")),
	})
	if err := errors.Join(r.startLoop(mgr, options, questions, changed), r.startUpgrades(mgr, options, changed), options.followLeftOut(mgr)); err != nil {
		return nil, err
	}
	if err := mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		<-ctx.Done()
		r.tracker.Close()
		return nil
	})); err != nil {
		return nil, err
	}
	if err := index(ctx, mgr.GetFieldIndexer()); err != nil {
		return nil, err
	}
	owner, err := r.buildController(mgr, options, news)
	if err != nil {
		return nil, err
	}
	if err := r.setupReferences(ctx, mgr, owner, options, changed); err != nil {
		return nil, err
	}
	discoveryClient, err := discovery.NewDiscoveryClientForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return nil, err
	}
	if r.knowsTolerance, err = knowsTolerance(discoveryClient); err != nil {
		return nil, err
	}
	r.optional = &optionalKinds{
		cache:     mgr.GetCache(),
		live:      mgr.GetAPIReader(),
		discovery: discoveryClient,
		owner:     owner,
		handler:   handler.EnqueueRequestForOwner(mgr.GetScheme(), mgr.GetRESTMapper(), &v1alpha1.GoService{}, handler.OnlyControllerOwner()),
		reconcile: news,
		served:    map[schema.GroupVersionKind]bool{},
	}
	r.observer = &observe.Observer{Client: mgr.GetClient(), Cache: mgr.GetCache(), Scheme: mgr.GetScheme(), Present: r.optional.present}
	if err := errors.Join(mgr.AddReadyzCheck("caches", r.warm(mgr.GetCache())), mgr.AddHealthzCheck("workers", r.running.check)); err != nil {
		return nil, err
	}
	return r, r.optional.setup(ctx, mgr, options.skipNameValidation)
}

// index what observe looks for in the caches.
func index(ctx context.Context, indexer client.FieldIndexer) error {
	if err := indexer.IndexField(ctx, &corev1.Pod{}, observe.PodIndex, observe.IndexPod); err != nil {
		return fmt.Errorf("indexing pods by service: %w", err)
	}
	if err := indexer.IndexField(ctx, &policyv1.PodDisruptionBudget{}, observe.ForeignIndex, observe.IndexForeign); err != nil {
		return fmt.Errorf("indexing foreign PodDisruptionBudgets: %w", err)
	}
	for _, object := range ownedTypes() {
		if err := indexer.IndexField(ctx, object, observe.OwnerIndex, observe.IndexOwner); err != nil {
			return fmt.Errorf("indexing %T by owner: %w", object, err)
		}
	}
	return nil
}

// reporter makes a reconcile of a service wanted.
func reporter(ctx context.Context, news chan<- event.GenericEvent) func(types.NamespacedName) {
	return func(name types.NamespacedName) {
		service := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name}}
		select {
		case news <- event.GenericEvent{Object: service}:
		case <-ctx.Done():
		}
	}
}

// startLoop measures services. Where something stands in for the pods' live settings, something must for their metrics, too.
func (r *GoServiceReconciler) startLoop(mgr manager.Manager, options Options, questions *fair.Scheduler, changed func(types.NamespacedName)) error {
	scrape := options.scrape
	if scrape == nil {
		if options.ask != nil {
			return nil
		}
		var err error
		if scrape, err = options.PodAccess.scrape(mgr); err != nil {
			return err
		}
	}
	query := options.query
	if query == nil && options.PrometheusAddress != nil {
		var err error
		if query, err = options.prometheus().Query(build.MetricsServiceName); err != nil {
			return err
		}
	}
	r.loop = measure.NewLoop(measure.LoopOptions{
		Slots: questions, Scrape: scrape, Query: query, Changed: changed, Moves: r.limits.move, Decided: countDecision,
	})
	return mgr.Add(r.loop)
}

func (r *GoServiceReconciler) buildController(mgr manager.Manager, options Options, news chan event.GenericEvent) (controller.Controller, error) {
	b := ctrl.NewControllerManagedBy(mgr).
		Named("goservice").
		WithOptions(controller.Options{
			MaxConcurrentReconciles: options.MaxConcurrentReconciles,
			ReconciliationTimeout:   reconcileTimeout,
			// A standby watches everything, so that it needs no list when it takes over.
			EnableWarmup:       new(true),
			RateLimiter:        backOff(),
			SkipNameValidation: &options.skipNameValidation,
		}).
		For(&v1alpha1.GoService{}, builder.WithPredicates(r.written.predicate(), serviceMatters)).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(podToService), builder.WithPredicates(podMatters)).
		Watches(&policyv1.PodDisruptionBudget{}, handler.EnqueueRequestsFromMapFunc(r.budgetToServices), builder.WithPredicates(foreignBudgetMatters)).
		WatchesMetadata(aNamespace(), handler.EnqueueRequestsFromMapFunc(r.namespaceToServices), builder.WithPredicates(namespaceEnds)).
		WatchesRawSource(source.Channel(news, &handler.EnqueueRequestForObject{}))
	for _, object := range ownedTypes() {
		b = b.Owns(object, builder.WithPredicates(childMatters))
	}
	return b.Build(r)
}

// nudge annotates a pod; only that annotation is touched.
func (r *GoServiceReconciler) nudge(ctx context.Context, pod confirm.Pod, value string) error {
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, build.AnnotationLiveSettings, value)
	object := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}}
	return client.IgnoreNotFound(r.Client.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(apply.FieldManager)))
}

// podToService leads from a pod to the GoService whose selector it has.
func podToService(_ context.Context, pod client.Object) []reconcile.Request {
	name := build.ServiceOfPod(pod.GetLabels())
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: pod.GetNamespace(), Name: name}}}
}
