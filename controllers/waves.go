// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/waves"
)

// wavePace is how quickly upgrades follow one another; tests are in a hurry.
type wavePace struct {
	// look is how often statuses are looked at.
	look time.Duration
	// settle is how long a service holds its place at least, so that what ails it has time to show.
	settle time.Duration
}

var defaultWavePace = wavePace{look: 5 * time.Second, settle: time.Minute}

// upgrades grants services the template that this operator renders, where whoever runs the operator asked for it. What it
// knows of services it reads from their statuses; what it granted is forgotten by the next leader, which sees by the statuses
// who is under way. Nobody's turn comes before this operator has written every status: until then an older one's says who
// is behind.
type upgrades struct {
	reader client.Reader
	// refresh brings a service up to date with what was written last.
	refresh func(*v1alpha1.GoService)
	atOnce  int
	pace    wavePace
	changed func(types.NamespacedName)

	mu      sync.Mutex
	granted map[types.NamespacedName]time.Time
	seen    map[types.NamespacedName]bool // whose status is this operator's
	halted  string
}

// startUpgrades grants upgrades if that is asked for.
func (r *GoServiceReconciler) startUpgrades(mgr manager.Manager, options Options, changed func(types.NamespacedName)) error {
	if options.UpgradeServices <= 0 {
		return nil
	}
	r.upgrades = &upgrades{
		reader: mgr.GetCache(), refresh: r.written.refresh, atOnce: options.UpgradeServices,
		pace: cmp.Or(options.wavePace, defaultWavePace), changed: changed,
		granted: map[types.NamespacedName]time.Time{}, seen: map[types.NamespacedName]bool{},
	}
	return mgr.Add(r.upgrades)
}

// Start looks until ctx ends. It runs on the leader.
func (u *upgrades) Start(ctx context.Context) error {
	ticker := time.NewTicker(u.pace.look)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := u.step(ctx, time.Now()); err != nil && ctx.Err() == nil {
				ctrl.Log.Error(err, "granting upgrades")
			}
		}
	}
}

// grants reports whether it is a service's turn.
func (u *upgrades) grants(name types.NamespacedName) bool {
	if u == nil {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	_, granted := u.granted[name]
	return granted
}

// note that a service's status is this operator's.
func (u *upgrades) note(name types.NamespacedName) {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.seen[name] = true
}

func (u *upgrades) step(ctx context.Context, now time.Time) error {
	var list v1alpha1.GoServiceList
	if err := u.reader.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing GoServices: %w", err)
	}
	services := make([]waves.Service, 0, len(list.Items))
	for i := range list.Items {
		service := list.Items[i] // the cache's own must stay as it is
		if u.refresh(&service); service.DeletionTimestamp == nil && !service.Spec.Paused && service.Status.Template != nil {
			services = append(services, asOfStatus(&service))
		}
	}
	decision := u.decide(services, now)
	for _, name := range decision.Start {
		ctrl.Log.Info("replacing the pods of an older operator's template", "GoService", name)
		u.changed(name)
	}
	return nil
}

// decide ends grants that are used up and notes the new ones.
func (u *upgrades) decide(services []waves.Service, now time.Time) waves.Decision {
	u.mu.Lock()
	defer u.mu.Unlock()
	started := map[types.NamespacedName]time.Duration{}
	for _, s := range services {
		if !u.seen[s.Name] {
			return waves.Decision{}
		}
		if at, granted := u.granted[s.Name]; granted && (s.Behind || !s.Ready || now.Sub(at) < u.pace.settle) {
			started[s.Name] = now.Sub(at)
		}
	}
	for name := range u.granted {
		if _, is := started[name]; !is {
			delete(u.granted, name)
		}
	}
	decision := waves.Next(services, started, u.atOnce)
	for _, name := range decision.Start {
		u.granted[name] = now
	}
	halted := ""
	if decision.Halted != nil {
		halted = decision.Halted.String()
	}
	observeHalt(decision.Halted != nil)
	if halted != u.halted {
		ctrl.Log.Info("upgrades of services: a service halts them whose upgrade cannot be applied, or whose rollout stalls", "haltedBy", halted)
		u.halted = halted
	}
	return decision
}

// asOfStatus is a service as its status shows it.
func asOfStatus(service *v1alpha1.GoService) waves.Service {
	s := waves.Service{
		Name: client.ObjectKeyFromObject(service), BudgetLeft: waves.FullBudget,
		Behind:   service.Status.Template.Behind,
		Upgraded: service.Status.Template.Cause == v1alpha1.TemplateFromUpgrade,
		Ready:    meta.IsStatusConditionTrue(service.Status.Conditions, v1alpha1.ConditionReady),
	}
	if c := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionProgressing); c != nil {
		s.Stalled = c.Reason == v1alpha1.ReasonRolloutStalled ||
			c.Reason == v1alpha1.ReasonRollingOut && meta.IsStatusConditionTrue(service.Status.Conditions, v1alpha1.ConditionStalled)
	}
	if f := service.Status.Figures; f != nil && f.ErrorBudgetLeftPermille != nil {
		s.BudgetLeft = *f.ErrorBudgetLeftPermille
	}
	return s
}
