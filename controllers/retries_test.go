// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
)

func failedAs(classes ...apply.Class) []apply.Failure {
	var failures []apply.Failure
	for _, class := range classes {
		failures = append(failures, apply.Failure{Class: class})
	}
	return failures
}

func TestTheMostUrgentFailureSetsThePace(t *testing.T) {
	now := time.Unix(0, 0)
	cases := map[string]struct {
		failures        []apply.Failure
		least, most     time.Duration
		backOff, silent bool
	}{
		"nothing failed":                  {nil, 0, 0, false, false},
		"a busy API server":               {failedAs(apply.Transient), 0, 0, true, false},
		"a foreign object":                {failedAs(apply.Conflict), 30 * time.Second, 30 * time.Second, false, false},
		"a policy":                        {failedAs(apply.Denied), 48 * time.Second, 72 * time.Second, false, false},
		"a wrong value":                   {failedAs(apply.Invalid), 48 * time.Second, 72 * time.Second, false, false},
		"a lagging cache":                 {failedAs(apply.Stale), 200 * time.Millisecond, 200 * time.Millisecond, false, true},
		"a policy hides no broken answer": {failedAs(apply.Denied, apply.Transient), 48 * time.Second, 72 * time.Second, true, false},
		"a policy and a foreign object":   {failedAs(apply.Denied, apply.Conflict), 30 * time.Second, 30 * time.Second, false, false},
		"the cache knows not yet of the end of the namespace": {failedAs(apply.Transient, apply.Terminating), 30 * time.Second, 30 * time.Second, false, true},
		"a lagging cache hides no conflict":                   {failedAs(apply.Stale, apply.Conflict), 200 * time.Millisecond, 200 * time.Millisecond, false, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := &retries{pace: pace{}.orDefault()}
			v := r.judge(&v1alpha1.GoService{}, c.failures, now)
			if v.after < c.least || v.after > c.most || v.backOff != c.backOff || v.silent != c.silent {
				t.Errorf("%+v, want it between %s and %s", v, c.least, c.most)
			}
		})
	}
}

func TestSlowRetriesGetSlowerUntilSomethingIsEdited(t *testing.T) {
	r := &retries{pace: pace{}.orDefault()}
	service := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Name: "checkout", UID: "1", Generation: 1}}
	now := time.Unix(0, 0)
	within := func(after time.Duration, minutes float64) {
		t.Helper()
		middle := time.Duration(minutes * float64(time.Minute))
		if after < middle*8/10 || after > middle*12/10 {
			t.Errorf("after %s, want about %s", after, middle)
		}
	}
	for _, minutes := range []float64{1, 2, 4, 8, 10, 10} {
		v := r.judge(service, failedAs(apply.Denied), now)
		within(v.after, minutes)
		// An event in between causes a reconcile that puts nothing off.
		between := r.judge(service, failedAs(apply.Denied), now.Add(v.after/2))
		if want := v.after - v.after/2; between.after != want {
			t.Errorf("after an event in between the next try comes after %s, want %s", between.after, want)
		}
		now = now.Add(v.after)
	}
	service.Generation++
	within(r.judge(service, failedAs(apply.Denied), now).after, 1)
	r.judge(service, nil, now)
	within(r.judge(service, failedAs(apply.Invalid), now).after, 1)
}

func TestRetriesOfManyServicesSpread(t *testing.T) {
	r := &retries{pace: pace{}.orDefault()}
	distinct := map[time.Duration]bool{}
	for range 100 {
		service := &v1alpha1.GoService{}
		r.forget(client.ObjectKeyFromObject(service))
		distinct[r.judge(service, failedAs(apply.Denied), time.Unix(0, 0)).after] = true
	}
	if len(distinct) < 90 {
		t.Errorf("100 services are tried again at %d different times", len(distinct))
	}
}

func TestACacheThatStaysBehindIsReported(t *testing.T) {
	r := &retries{pace: pace{}.orDefault()}
	service, waited := &v1alpha1.GoService{}, time.Duration(0)
	for pass := 1; ; pass++ {
		v := r.judge(service, failedAs(apply.Stale), time.Unix(0, 0))
		if !v.silent {
			if pass != 6 {
				t.Errorf("reported at pass %d", pass)
			}
			break
		}
		waited += v.after
	}
	if waited < 5*time.Second || waited > 10*time.Second {
		t.Errorf("reported after %s", waited)
	}
	for range 100 {
		if after := r.judge(service, failedAs(apply.Stale), time.Unix(0, 0)).after; after > time.Minute {
			t.Fatalf("the next try comes after %s", after)
		}
	}
	r.judge(service, nil, time.Unix(0, 0))
	if v := r.judge(service, failedAs(apply.Stale), time.Unix(0, 0)); !v.silent || v.after != 200*time.Millisecond {
		t.Errorf("after a success: %+v", v)
	}
}
