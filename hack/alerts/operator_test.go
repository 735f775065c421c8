// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package alerts

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// operator is the operator's own target as config/prometheus/monitor.yaml leads to it.
type operator struct{ *bed }

func newOperator(t *testing.T) operator {
	t.Helper()
	o := operator{newBed(t, operatorRules, service{})}
	o.interval = 30 * time.Second
	o.set("up", 1)
	o.set("leader_election_master_status", 1, "name", "operator.goservice.dev")
	o.set("controller_runtime_reconcile_total", 0, "controller", "goservice", "result", "success")
	o.set("controller_runtime_reconcile_total", 0, "controller", "goservice", "result", "error")
	o.set("goservice_operator_applies_total", 0, "kind", "Deployment", "result", "updated")
	o.set("goservice_operator_applies_total", 0, "kind", "Deployment", "result", "failed")
	o.set("goservice_operator_upgrades_halted", 0)
	o.set("workqueue_longest_running_processor_seconds", 0, "name", "goservice", "controller", "goservice")
	o.retuned(0, 0)
	return o
}

func (o operator) series(metric string, pairs ...string) (string, labels.Labels) {
	all := append([]string{model.MetricNameLabel, metric, "namespace", "goservice-system", "job", "goservice-controller-manager-metrics",
		"instance", "operator:8443"}, pairs...)
	return metric + strings.Join(pairs, ","), labels.FromStrings(all...)
}

func (o operator) set(metric string, v float64, pairs ...string) {
	key, l := o.series(metric, pairs...)
	o.gauges[key] = gauge{l, v}
}

func (o operator) add(metric string, n float64, pairs ...string) {
	key, l := o.series(metric, pairs...)
	o.gauges[key] = gauge{l, o.gauges[key].value + n}
}

func (o operator) silence() {
	for key := range o.gauges {
		delete(o.gauges, key)
	}
	o.set("up", 0)
}

// retuned counts retunes that took a while.
func (o operator) retuned(n, seconds float64) {
	for _, le := range []float64{0.5, 1, 3, 5, 10, 60} {
		var within float64
		if seconds <= le {
			within = n
		}
		o.add("goservice_operator_retune_seconds_bucket", within, "le", strconv.FormatFloat(le, 'f', -1, 64))
	}
	o.add("goservice_operator_retune_seconds_bucket", n, "le", "+Inf")
	o.add("goservice_operator_retune_seconds_count", n)
}

// deniedRetries are the seconds at which an object that a policy denies is written, in vain: as controllers/retries.go does it,
// after 1 minute, twice as late each time up to 10 minutes, and a fifth later than that each time.
var deniedRetries = func() map[int]bool {
	at, seconds := 1, map[int]bool{}
	for wait := 60; at < int(lasts.Seconds()); wait = min(2*wait, 600) {
		seconds[at] = true
		at += wait * 6 / 5
	}
	return seconds
}()

// lasts is how long a trouble does.
const lasts = time.Hour

func TestOperatorAlerts(t *testing.T) {
	for name, test := range map[string]struct {
		// each second's events of trouble, and of something just beside it
		bad, beside func(o operator, second int)
		key         string
	}{
		"absent": {func(o operator, _ int) { o.silence() }, nil, "ticket GoServiceOperatorAbsent"},
		"without a leader": {
			func(o operator, _ int) {
				o.set("leader_election_master_status", 0, "name", "operator.goservice.dev")
			}, nil, "ticket GoServiceOperatorWithoutLeader",
		},
		"reconciles fail": {
			func(o operator, _ int) {
				o.add("controller_runtime_reconcile_total", 0.85, "controller", "goservice", "result", "success")
				o.add("controller_runtime_reconcile_total", 0.15, "controller", "goservice", "result", "error")
			},
			func(o operator, _ int) {
				o.add("controller_runtime_reconcile_total", 0.92, "controller", "goservice", "result", "success")
				o.add("controller_runtime_reconcile_total", 0.08, "controller", "goservice", "result", "error")
			}, "ticket GoServiceOperatorReconcileFailing",
		},
		"writes fail": {
			func(o operator, second int) {
				if deniedRetries[second] {
					o.add("goservice_operator_applies_total", 1, "kind", "Deployment", "result", "failed")
				}
			},
			func(o operator, second int) {
				o.add("goservice_operator_applies_total", 1, "kind", "Deployment", "result", "updated")
				if second%2400 == 900 { // what fails once is nobody's business
					o.add("goservice_operator_applies_total", 1, "kind", "Deployment", "result", "failed")
				}
			}, "ticket GoServiceOperatorApplyFailing",
		},
		"retunes are slow": {
			func(o operator, second int) {
				if second%60 == 0 {
					o.retuned(1, 8)
				}
			},
			func(o operator, second int) {
				if second%60 == 0 {
					o.retuned(1, 0.6)
				}
			}, "ticket GoServiceOperatorRetuneSlow",
		},
		"upgrades are halted": {
			func(o operator, _ int) { o.set("goservice_operator_upgrades_halted", 1) },
			func(o operator, second int) { o.set("goservice_operator_upgrades_halted", float64(second/300%2)) },
			"ticket GoServiceOperatorUpgradesHalted",
		},
		"a reconcile is stuck": {
			func(o operator, second int) {
				o.set("workqueue_longest_running_processor_seconds", float64(second%240), "name", "goservice", "controller", "goservice") // the kubelet restarts what hangs
			},
			func(o operator, second int) {
				o.set("workqueue_longest_running_processor_seconds", float64(second%100), "name", "goservice", "controller", "goservice")
			}, "ticket GoServiceOperatorReconcileStuck",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOperator(t)
			second := 0
			do := func(events func(operator, int)) func(time.Time) load {
				return func(time.Time) load {
					second++
					if events != nil {
						events(o, second)
					}
					return load{}
				}
			}
			o.run(time.Hour, do(test.beside))
			if fired := o.fired(); len(fired) > 0 {
				t.Fatalf("%v fired while all was well", fired)
			}
			second = 0
			o.run(lasts/2, do(test.bad))
			for minute := range int(lasts.Minutes() / 2) {
				if o.run(time.Minute, do(test.bad)); !o.firing[test.key] {
					t.Errorf("it is silent after %d minutes, while the trouble lasts", 31+minute)
				}
			}
			if got := strings.Join(o.fired(), ", "); got != test.key {
				t.Errorf("%q fired, want %q", got, test.key)
			}
		})
	}
}
