// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/controllers/internal/build"
)

// longLease is never waited for within a test: whoever takes over was let.
const longLease = time.Hour

func holder(t *testing.T, namespace string) string {
	t.Helper()
	var lease coordinationv1.Lease
	err := api.Get(context.Background(), client.ObjectKey{Namespace: namespace, Name: LeaseName}, &lease)
	if client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

func TestALeaderThatIsStoppedHandsOverToAWarmStandby(t *testing.T) {
	t.Parallel()
	namespace, pods := newNamespace(t), newWorkload()
	leader := startReplica(t, namespace, pods, longLease)
	eventually(t, func(g gomega.Gomega) { g.Expect(holder(t, namespace)).NotTo(gomega.BeEmpty()) })
	first := holder(t, namespace)
	standby := startReplica(t, namespace, pods, longLease)
	applyService(t, namespace, limited("600"))
	settled(t, namespace, serviceName)
	startPod(t, namespace, "a")
	startPod(t, namespace, "b")
	tuned(t, namespace, 2, "300/s")
	eventually(t, func(g gomega.Gomega) { g.Expect(standby.ready()).To(gomega.Succeed()) })

	leader.stop()
	eventually(t, func(g gomega.Gomega) {
		g.Expect(holder(t, namespace)).NotTo(gomega.Or(gomega.BeEmpty(), gomega.Equal(first)))
	})
	applyService(t, namespace, limited("800"))
	tuned(t, namespace, 2, "400/s")
	// What the new leader did before it saw the edit would be among its writes.
	want := []string{"PATCH configmaps/checkout-live-settings", "PATCH goservices/checkout/status", "PATCH pods/a", "PATCH pods/b"}
	gomega.NewWithT(t).Expect(standby.writes.writtenBut("leases")).To(gomega.ConsistOf(want))
}

// An operator whose role lacks what it needs must not replace one that works: it is not ready.
func TestAnOperatorThatMayNotListNamespacesIsNotReady(t *testing.T) {
	t.Parallel()
	var allowed atomic.Bool
	op := startOperator(t, newNamespace(t), nil, func(o *operatorOptions) {
		o.wrap = func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(request *http.Request) (*http.Response, error) {
				if request.URL.Path == "/api/v1/namespaces" && !allowed.Load() {
					return refusal(request, http.StatusForbidden, "Forbidden", "namespaces is forbidden"), nil
				}
				return next.RoundTrip(request)
			})
		}
	})
	eventually(t, func(g gomega.Gomega) {
		g.Expect(op.ready()).To(gomega.MatchError(gomega.ContainSubstring("the cache of Namespace is not filled")))
	})
	allowed.Store(true)
	eventually(t, func(g gomega.Gomega) { g.Expect(op.ready()).To(gomega.Succeed()) })
}

// A leader without an API server cannot renew: it ends, and the standby takes over when the lease has run out.
func TestALeaderThatIsCutOffEndsAndIsReplaced(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	var cut atomic.Bool
	ended := make(chan error, 1)
	startReplica(t, namespace, nil, 3*time.Second, func(o *operatorOptions) {
		o.wrap = func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(request *http.Request) (*http.Response, error) {
				if cut.Load() {
					return nil, errors.New("no route to the API server")
				}
				return next.RoundTrip(request)
			})
		}
		o.ended = func(err error) { ended <- err }
	})
	eventually(t, func(g gomega.Gomega) { g.Expect(holder(t, namespace)).NotTo(gomega.BeEmpty()) })
	first := holder(t, namespace)
	startReplica(t, namespace, nil, 3*time.Second)

	cut.Store(true)
	if err := <-ended; err == nil {
		t.Error("the manager ended without an error, and the process would end well")
	}
	eventually(t, func(g gomega.Gomega) {
		g.Expect(holder(t, namespace)).NotTo(gomega.Or(gomega.BeEmpty(), gomega.Equal(first)))
	})
	applyService(t, namespace, minimalSpec)
	settled(t, namespace, serviceName)
}

// Definitions are the whole cluster's, so this test runs alone.
func TestAStandbyFollowsOptionalKinds(t *testing.T) {
	namespace := newNamespace(t)
	uninstall := install(t)
	leader := startReplica(t, namespace, nil, longLease)
	applyService(t, namespace, minimalSpec)
	expectServiceMonitor(t, namespace, "15s")
	standby := startReplica(t, namespace, nil, longLease)
	eventually(t, func(g gomega.Gomega) { g.Expect(standby.ready()).To(gomega.Succeed()) })

	uninstall()
	eventually(t, func(g gomega.Gomega) {
		g.Expect(standby.reconciler.optional.present()[build.ServiceMonitorKind]).To(gomega.BeFalse())
		g.Expect(standby.ready()).To(gomega.Succeed())
	})
	leader.stop()
	applyService(t, namespace, with(t, minimalSpec, `port: 8081`))
	settled(t, namespace, serviceName)
}

// A kind may go after an operator has looked for it and before it follows definitions. This test runs alone, too.
func TestAKindThatGoesWhileTheOperatorStartsIsNoticed(t *testing.T) {
	namespace := newNamespace(t)
	uninstall := install(t)
	gone, follow := context.WithCancel(t.Context())
	op := startOperator(t, namespace, nil, func(o *operatorOptions) {
		o.wrap = func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(request *http.Request) (*http.Response, error) {
				if strings.HasSuffix(request.URL.Path, "/customresourcedefinitions") {
					<-gone.Done()
				}
				return next.RoundTrip(request)
			})
		}
	})
	eventually(t, func(g gomega.Gomega) {
		for kind, served := range op.reconciler.optional.present() {
			g.Expect(served).To(gomega.BeTrue())
			object := &unstructured.Unstructured{}
			object.SetGroupVersionKind(kind)
			g.Expect(synced(t.Context(), op.reconciler.optional.cache, object)).To(gomega.Succeed())
		}
	})
	uninstall()
	follow()
	eventually(t, func(g gomega.Gomega) { g.Expect(op.reconciler.optional.present()).To(gomega.HaveEach(false)) })
	applyService(t, namespace, minimalSpec)
	settled(t, namespace, serviceName)
}

func TestALeaderRenewsOnceASecondHoweverOftenItIsAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inner := &countingLock{}
		lock := &calmLock{Interface: inner}
		mine, released := resourcelock.LeaderElectionRecord{HolderIdentity: "me"}, resourcelock.LeaderElectionRecord{}
		end := time.Now().Add(10*time.Second - time.Nanosecond)
		for time.Now().Before(end) {
			if err := lock.Update(t.Context(), mine); err != nil {
				t.Fatal(err)
			}
			<-time.After(pollEvery)
		}
		if inner.updates != 10 {
			t.Errorf("%d renewals in 10 s", inner.updates)
		}
		// The release, and what comes after it, is never held back.
		for _, record := range []resourcelock.LeaderElectionRecord{mine, released, mine} {
			before := inner.updates
			if err := lock.Update(t.Context(), record); err != nil || inner.updates != before+1 {
				t.Errorf("%q: %d requests, %v", record.HolderIdentity, inner.updates-before, err)
			}
		}
		// A renewal that failed is tried again at once.
		<-time.After(renewEvery)
		inner.err = errors.New("no answer")
		for range 2 {
			if err := lock.Update(t.Context(), mine); err == nil {
				t.Error("a failed renewal went unnoticed")
			}
		}
	})
}

type countingLock struct {
	resourcelock.Interface
	updates int
	err     error
}

func (l *countingLock) Identity() string { return "me" }

func (l *countingLock) Update(context.Context, resourcelock.LeaderElectionRecord) error {
	l.updates++
	return l.err
}

func TestTheTimesOfTheElectionFitTogether(t *testing.T) {
	t.Parallel()
	poll := time.Duration((1 + leaderelection.JitterFactor) * float64(pollEvery.Nanoseconds()))
	if left := leaseDuration - (renewEvery + pollEvery + renewDeadline); left <= 0 {
		t.Errorf("a leader that cannot renew stops %s after another may have started", -left)
	}
	if replaced := leaseDuration + 2*poll; replaced >= 10*time.Second {
		t.Errorf("a leader that was killed is replaced after %s", replaced)
	}
	if renewDeadline <= 5*time.Second {
		t.Errorf("an API server that stalls for 5 s costs the leader its lease after %s", renewDeadline)
	}
	if err := leaderElection(nil, &rest.Config{}, "", leaseDuration, renewDeadline); err == nil {
		t.Error("a lease without a namespace is accepted")
	}
}

func TestAWorkerThatDoesNotComeBackMakesTheOperatorUnhealthy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r running
		name := types.NamespacedName{Namespace: "shop", Name: "checkout"}
		end := r.begin(name)
		<-time.After(stuckAfter)
		if err := r.check(nil); err != nil {
			t.Errorf("too early: %v", err)
		}
		<-time.After(time.Second)
		if r.check(nil) == nil {
			t.Error("a worker that is stuck goes unnoticed")
		}
		end()
		if err := r.check(nil); err != nil {
			t.Error(err)
		}
	})
}

// The short timeout of the election would end every watch of the operator, too.
func TestTheElectionLeavesTheOperatorsConfigAlone(t *testing.T) {
	t.Parallel()
	config := &rest.Config{Host: "https://127.0.0.1:1", UserAgent: "goservice-operator/v1"}
	if err := LeaderElection(&ctrl.Options{}, config, "goservice-system"); err != nil {
		t.Fatal(err)
	}
	if config.Timeout != 0 || config.UserAgent != "goservice-operator/v1" {
		t.Errorf("the operator's own requests time out after %s and are sent by %q", config.Timeout, config.UserAgent)
	}
}
