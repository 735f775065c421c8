// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package controllers holds everything that the operator decides and does. One reconcile runs in one direction: observe,
// plan, build, apply and prune, confirm, status.
package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/controllers/internal/measure"
	"goservice.dev/operator/controllers/internal/observe"
	"goservice.dev/operator/controllers/internal/status"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/tuner"
)

// GoServiceReconciler makes the cluster equal to what GoServices declare.
type GoServiceReconciler struct {
	client.Client
	Scheme        *runtime.Scheme
	Events        events.EventRecorder
	WorkloadImage string
	RunbookURL    string
	MonitorLabels map[string]string
	Version       string

	engine     *apply.Engine
	references *references
	peers      *peers
	tracker    *confirm.Tracker
	observer   *observe.Observer
	loop       *measure.Loop // nil: nothing is measured
	limits     limits
	identities identities
	optional   *optionalKinds
	written    writtenStatuses
	running    running
	upgrades   *upgrades // nil: nobody asked for them
	retries    retries
	// metricsAccess is for every NetworkPolicy.
	metricsAccess metricsAccess
	gateways      gateways
	// knowsTolerance says whether the API server knows the tolerance of a HorizontalPodAutoscaler's rules.
	knowsTolerance bool
}

// environment of a service, and after what time another one is to be expected although nothing happens; 0: never.
func (r *GoServiceReconciler) environment(ctx context.Context, service *v1alpha1.GoService, seen observe.State) (build.Environment, time.Duration, error) {
	template, err := r.templateInForce(ctx, service, seen.Deployment)
	if err != nil {
		return build.Environment{}, 0, err
	}
	assigned, err := r.assignsUsers(ctx, service.Namespace)
	if err != nil {
		return build.Environment{}, 0, err
	}
	taken, err := r.references.of(ctx, service)
	if err != nil {
		return build.Environment{}, 0, err
	}
	held := r.references.pace.hold(client.ObjectKeyFromObject(service), build.ReferencesChanged(&service.Spec, template, taken), time.Now())
	formerPorts, formerHandOff := r.formerPorts(service, seen)
	return build.Environment{
		WorkloadImage: r.WorkloadImage, RunbookURL: r.RunbookURL, MonitorLabels: r.MonitorLabels, OptionalKinds: r.optional.present(), AutoscalerTolerance: r.knowsTolerance,
		Version: r.Version, Template: template, HasDeployment: seen.Deployment != nil, Replacing: r.replacing(service, seen), Upgrade: r.upgrades.grants(client.ObjectKeyFromObject(service)),
		References: taken, HoldReferences: held > 0, AssignedUsers: assigned, OlderPods: seen.Older,
		ClassicHistograms: r.optional.knowsClassicHistograms(),
		MetricsFrom:       r.metricsAccess.from, MetricsFromAnywhere: r.metricsAccess.anywhere, FormerPorts: formerPorts, FormerHandOff: formerHandOff,
	}, held, nil
}

// +kubebuilder:rbac:groups=goservice.dev,resources=goservices,verbs=get;list;watch
// +kubebuilder:rbac:groups=goservice.dev,resources=goservices/status,verbs=patch
// +kubebuilder:rbac:groups=goservice.dev,resources=goservices/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=configmaps;serviceaccounts,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=secrets,verbs=create;update
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=autoscaling,resources=horizontalpodautoscalers,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=monitoring.coreos.com,resources=prometheusrules,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=monitoring.coreos.com,resources=servicemonitors,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=ingresses,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=gateway.networking.k8s.io,resources=httproutes;grpcroutes,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=gateway.networking.k8s.io,resources=gateways,verbs=get
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile makes the cluster equal to what one GoService declares.
func (r *GoServiceReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	defer r.running.begin(request.NamespacedName)()
	var service v1alpha1.GoService
	err := r.Get(ctx, request.NamespacedName, &service)
	if apierrors.IsNotFound(err) || err == nil && collected(&service) {
		r.forget(request.NamespacedName)
		r.identities.forget(request.NamespacedName)
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	r.recognize(&service)
	ends, err := r.ends(ctx, request.Namespace)
	if err != nil {
		return ctrl.Result{}, err
	}
	if ends {
		r.stop(request.NamespacedName)
		return ctrl.Result{}, nil
	}
	r.written.refresh(&service)

	seen, err := r.observer.Observe(ctx, &service)
	if err != nil {
		return ctrl.Result{}, err
	}
	if r.retries.foreignPods(&service) {
		seen = seen.WithoutPods()
	}
	measured := r.follow(&service, seen)
	inForce := measured
	if recommends(&service.Spec) {
		inForce = nil
	}
	divided := r.divide(&service, seen, inForce)
	observed := figures(&service, seen, inForce, divided)
	if measured != nil { // what counts is no recommendation
		observed.LatencyBound = measured.LatencyBound
	}
	recommended := r.recommended(&service, seen, measured, observed)
	figures := plan.Compute(&service.Spec, observed)
	observeFloor(request.NamespacedName, figures)
	environment, held, err := r.environment(ctx, &service, seen)
	if err != nil {
		return ctrl.Result{}, err
	}
	done := r.converge(ctx, &service, seen, figures, environment, inForce)
	verdict := r.retries.judge(&service, apply.Failures(done.err), time.Now())
	if verdict.silent {
		return ctrl.Result{RequeueAfter: verdict.after}, nil
	}

	exposed := apply.Key{Name: service.Name}
	exposed.Kind, _ = build.Exposure(&service.Spec, environment.OptionalKinds)
	next, again := status.Compute(status.Situation{
		Service: &service, Observed: done.seen, Plan: figures, ApplyErr: done.err, Template: done.template, Outcome: measured,
		Generation:        r.engine.Generation(request.NamespacedName, apply.Key{Kind: build.DeploymentKind, Name: service.Name}),
		ExposedGeneration: r.engine.Generation(request.NamespacedName, exposed), Listeners: r.gateways.of(ctx, &service, done.seen.Children[exposed]),
		Confirmed: done.confirmed, Optional: environment.OptionalKinds, References: environment.References, MaxReplicas: observed.MaxReplicas, Recommended: recommended, HandOff: r.sharing(&service, done.handOff), Now: metav1.Now(),
	})
	if err := r.writeStatus(ctx, &service, next, done.confirmed, measured); err != nil {
		if apierrors.IsConflict(err) {
			return ctrl.Result{RequeueAfter: r.retries.pace.stale}, nil
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if verdict.backOff {
		return ctrl.Result{}, done.err
	}
	return ctrl.Result{RequeueAfter: earlier(earlier(verdict.after, again), earlier(done.again, earlier(held, until(divided.Again))))}, nil
}

// converged is what became of one attempt to put a spec into force.
type converged struct {
	// seen is what was observed, without the pods if they turned out to be another one's.
	seen      observe.State
	confirmed confirm.Result
	template  v1alpha1.TemplateStatus // zero where nothing was built
	handOff   status.HandOff
	again     time.Duration // until the keys of peers change, or are tried again; 0: never
	err       error
}

// converge builds and applies the children and has the pods confirm their live settings. A paused service is left as it is.
func (r *GoServiceReconciler) converge(
	ctx context.Context, service *v1alpha1.GoService, seen observe.State, figures plan.Plan, environment build.Environment, measured *tuner.Outcome,
) converged {
	name := client.ObjectKeyFromObject(service)
	if service.Spec.Paused {
		r.tracker.Forget(name)
		return converged{seen: seen, handOff: status.HandOff{Written: service.Status.HandOff}}
	}
	done := converged{seen: seen}
	done.handOff, done.again = r.peers.ensure(ctx, service) // before the pods that want the keys
	if build.GivenBack(service) {
		r.tracker.Forget(name)
		done.err = r.engine.GiveBack(ctx, service, seen.Children)
		return done
	}
	desired, err := build.Build(service, figures, environment)
	if err != nil {
		done.err = &apply.Failure{Class: apply.Invalid, Err: fmt.Errorf("the spec cannot be applied: %w", err)}
		return done
	}
	err = r.engine.Apply(ctx, apply.Pass{
		Owner: service, OwnerKind: v1alpha1.GoServiceKind, Desired: desired.Children, Existing: seen.Children, HandedOver: seen.HandedOver,
		UpdateOnly: service.DeletionTimestamp != nil,
	})
	if foreignDeployment(apply.Failures(err)) {
		done.seen = seen.WithoutPods()
	}
	if err == nil && figures.Autoscaled && measured != nil {
		err = r.engine.Raise(ctx, seen.Deployment, figures.ReplicaFloor.Value)
	}
	done.template, done.err = desired.Template, err
	if !figures.OnToolkit {
		r.tracker.Forget(name) // nothing takes live settings
		return done
	}
	done.confirmed = r.tracker.Ensure(name, target(service, desired, figures, done.seen))
	return done
}

// earlier is the shorter of two waits, of which 0 is none.
func earlier(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return a + b
	}
	return min(a, b)
}

// collected reports whether the garbage collector removes or releases the children at this moment. A service that somebody
// else's finalizer holds keeps its pods until that is done, and they are kept up to date.
func collected(service *v1alpha1.GoService) bool {
	return service.DeletionTimestamp != nil && (len(service.Finalizers) == 0 ||
		slices.Contains(service.Finalizers, metav1.FinalizerDeleteDependents) || slices.Contains(service.Finalizers, metav1.FinalizerOrphanDependents))
}

// target is what the pods have to confirm.
func target(service *v1alpha1.GoService, desired build.Desired, figures plan.Plan, seen observe.State) confirm.Target {
	label := "no rate limit"
	switch {
	case figures.PodShares != nil:
		label = fmt.Sprintf("%g/s by demand", plan.SharedLimit(&service.Spec))
	case figures.SharePerPod != nil:
		label = figures.ShareText() + " per pod"
	}
	return confirm.Target{
		Revision: desired.LiveSettings.Revision, OlderRevision: desired.OlderRevision,
		Label: label, Generation: service.Generation, Pods: seen.Tunable,
	}
}

// recognize a service, or forget what is remembered of another one that had its name before.
func (r *GoServiceReconciler) recognize(service *v1alpha1.GoService) {
	if r.identities.replaces(service) {
		r.forget(client.ObjectKeyFromObject(service))
	}
}

// forget drops everything that is remembered of a service that is gone.
func (r *GoServiceReconciler) forget(name client.ObjectKey) {
	r.stop(name)
	r.retries.forget(name)
}

// stop ends what goes on in the background for a service.
func (r *GoServiceReconciler) stop(name client.ObjectKey) {
	r.engine.Forget(name)
	r.tracker.Forget(name)
	if r.loop != nil {
		r.loop.Forget(name)
	}
	r.limits.forget(name)
	r.references.pace.forget(name)
	r.peers.forget(name)
	r.written.forget(name)
	r.gateways.forget(name)
	forgetMetrics(name)
}
