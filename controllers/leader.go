// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	ctrl "sigs.k8s.io/controller-runtime"
)

// LeaseName is the Lease by which operators agree on who of them acts.
const LeaseName = "operator.goservice.dev"

// The times of the election. A leader that is killed is replaced after leaseDuration and a poll or two of the standby, less
// than 10 s. A leader whose API server stalls for 5 s stays: renewDeadline leaves it another second to renew afterwards. One
// that cannot renew stops at most renewEvery + pollEvery + renewDeadline after its last renewal, before the standby may start.
// A leader that is stopped in order releases the Lease, which the standby sees at its next poll, after 0.2 to 0.44 s
// (client-go jitters by up to 1.2).
const (
	leaseDuration = 8 * time.Second
	renewDeadline = 6 * time.Second
	renewEvery    = time.Second
	pollEvery     = 200 * time.Millisecond
	// shutdownTimeout bounds what the release of the Lease waits for: reconciles in flight, whose contexts have ended.
	shutdownTimeout = 5 * time.Second
)

// LeaderElection makes the manager wait for the Lease LeaseName in the namespace before it reconciles. Until then it is a
// standby whose caches are warm. When it loses the Lease its Start returns an error, and the process has to end.
func LeaderElection(options *ctrl.Options, config *rest.Config, namespace string) error {
	return leaderElection(options, config, namespace, leaseDuration, renewDeadline)
}

func leaderElection(options *ctrl.Options, config *rest.Config, namespace string, lease, deadline time.Duration) error {
	if namespace == "" {
		return errors.New("leader election needs the namespace of its Lease")
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("naming this operator: %w", err)
	}
	config = rest.AddUserAgent(rest.CopyConfig(config), "leader-election") // which changes what it gets
	// One request that hangs must leave time for another within the deadline.
	config.Timeout = deadline / 2
	client, err := coordinationv1.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("reaching Leases: %w", err)
	}
	options.LeaderElection = true
	options.LeaderElectionID = LeaseName
	options.LeaderElectionResourceLockInterface = &calmLock{Interface: &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: LeaseName},
		Client:     client,
		LockConfig: resourcelock.ResourceLockConfig{Identity: host + "_" + string(uuid.NewUUID())},
	}}
	options.LeaderElectionReleaseOnCancel = true
	options.LeaseDuration, options.RenewDeadline, options.RetryPeriod = new(lease), new(deadline), new(pollEvery)
	options.GracefulShutdownTimeout = new(shutdownTimeout)
	return nil
}

// calmLock lets the standby look often and the leader write seldom, though client-go has one period for both: a renewal
// that comes within renewEvery of the last one is answered without a request. The elector calls from one goroutine.
type calmLock struct {
	resourcelock.Interface
	renewed time.Time // when this operator last wrote that it holds the Lease; zero if it does not
}

// Create the Lease.
func (l *calmLock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.wrote(record, l.Interface.Create(ctx, record))
}

// Update the Lease, unless that would only renew it too early.
func (l *calmLock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	if record.HolderIdentity == l.Identity() && time.Since(l.renewed) < renewEvery {
		return nil
	}
	return l.wrote(record, l.Interface.Update(ctx, record))
}

func (l *calmLock) wrote(record resourcelock.LeaderElectionRecord, err error) error {
	l.renewed = time.Time{}
	if err == nil && record.HolderIdentity == l.Identity() {
		l.renewed = time.Now()
	}
	return err
}
