// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

// largest rate and burst of a limit.
const largest = 10_000_000

// retuned is what retune prints for programs. Fields are added in later versions, and neither renamed nor removed.
type retuned struct {
	Namespace         string `json:"namespace"`
	Name              string `json:"name"`
	Generation        int64  `json:"generation"`
	RequestsPerSecond int32  `json:"requestsPerSecond"`
	Burst             *int32 `json:"burst,omitempty"`
	// Waited says that the pods were waited for; the rest is only there then.
	Waited    bool    `json:"waited"`
	Confirmed int32   `json:"confirmed,omitempty"`
	Total     int32   `json:"total,omitempty"`
	PerPod    string  `json:"requestsPerSecondPerPod,omitempty"`
	Seconds   float64 `json:"seconds,omitempty"`
}

func (a *app) retune() *cobra.Command {
	var rate, burst int64
	var force bool
	var waiting waitFlags
	command := &cobra.Command{
		Use:   "retune NAME --rate N [--burst N] [--wait]",
		Short: "Change the rate limit of running pods",
		Long: "Changes spec.rateLimit. Pods take it without a restart, usually within half a second. With --wait, each line says how many pods " +
			"have confirmed it, and for how long it has taken since the API server accepted the change.\n\n" +
			"A field that a tool owns by server-side apply, as Argo CD, Flux, and Helm 4 do, is not changed without --force: the tool would set it back.",
		Example: "  kubectl gosvc retune checkout --rate 4000 --wait\n  kubectl gosvc retune checkout --rate 4000 --burst 800",
		Args:    oneName, ValidArgsFunction: a.completeServices,
	}
	output := outputFlag(command)
	command.Flags().Int64Var(&rate, "rate", 0, "requests per second, 1 to 10000000, for all pods together (for each pod with spec.rateLimit.scope: Pod)")
	command.Flags().Int64Var(&burst, "burst", 0, "requests that can be admitted at the same moment, 1 to 10000000; without it, it stays as it is")
	command.Flags().BoolVar(&force, "force", false, "change the limit even if a tool owns it by server-side apply")
	waiting.add(command)
	command.RunE = func(command *cobra.Command, arguments []string) error {
		fields := map[string]any{}
		for flag, field := range map[string]struct {
			path  string
			value int64
		}{"rate": {"rateLimit.requestsPerSecond", rate}, "burst": {"rateLimit.burst", burst}} {
			if !command.Flags().Changed(flag) {
				continue
			}
			if field.value < 1 || field.value > largest {
				return usage("--%s (spec.%s) is %d, and must be from 1 to %d", flag, field.path, field.value, largest)
			}
			fields[field.path] = field.value
		}
		if rate == 0 {
			return usage("--rate (spec.rateLimit.requestsPerSecond) is needed: requests per second, 1 to %d", largest)
		}
		return a.carryOutRetune(command.Context(), edit{name: arguments[0], fields: fields, force: force}, waiting, *output)
	}
	return command
}

func (a *app) carryOutRetune(ctx context.Context, e edit, waiting waitFlags, output format) error {
	if err := waiting.check(); err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	e.check = func(service *v1alpha1.GoService) error {
		if waiting.wait && service.Spec.Paused {
			return fmt.Errorf("%s is paused, so no pod would take the change: kubectl gosvc resume %s -n %s first, or leave out --wait", e.name, e.name, c.namespace)
		}
		return nil
	}
	before, after, err := c.apply(ctx, e, a.note)
	if err != nil {
		return err
	}
	limit := after.Spec.RateLimit
	result := &retuned{
		Namespace: after.Namespace, Name: after.Name, Generation: after.Generation, RequestsPerSecond: limit.RequestsPerSecond, Burst: limit.Burst,
	}
	if output == formatText {
		a.sayf("%s  %s → %s\n", after.Name, limitText(before.Spec.RateLimit), limitText(limit))
	}
	if waiting.wait {
		if err := a.awaitPods(ctx, c, after, waiting, result, output == formatText); err != nil {
			return err
		}
	}
	if output != formatText {
		return a.data(output, result)
	}
	return nil
}

func limitText(limit *v1alpha1.RateLimitSpec) string {
	if limit == nil {
		return "no limit"
	}
	text := show.Count(int64(limit.RequestsPerSecond)) + " req/s"
	if limit.Burst != nil {
		text += fmt.Sprintf(", burst %s", show.Count(int64(*limit.Burst)))
	}
	if limit.Scope == v1alpha1.ScopePod {
		text += " for each pod"
	}
	return text
}

// awaitPods follows the status until all pods have confirmed the change, and says how many have as it learns of it.
func (a *app) awaitPods(ctx context.Context, c *cluster, changed *v1alpha1.GoService, waiting waitFlags, result *retuned, tell bool) error {
	started := time.Now() // the clock of the machine: what is told is how long it really took
	last := ""
	judge := func(service *v1alpha1.GoService) (bool, error) {
		if service.Status.ObservedGeneration < changed.Generation {
			return false, nil
		}
		tuned := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionTuned)
		settings := service.Status.LiveSettings
		if tuned == nil || settings == nil || tuned.ObservedGeneration < changed.Generation {
			return false, nil
		}
		took := time.Since(started)
		result.Waited, result.Confirmed, result.Total = true, settings.ConfirmedPods, settings.TotalPods
		result.PerPod, result.Seconds = settings.RequestsPerSecondPerPod, took.Round(time.Millisecond).Seconds()
		if text := fmt.Sprintf("%d of %d enforce %s", settings.ConfirmedPods, settings.TotalPods, settings.RequestsPerSecondPerPod); text != last && settings.TotalPods > 0 {
			last = text
			if tell {
				a.sayf("%s after %s\n", text, show.Seconds(took))
			}
		}
		return a.confirmed(service, tuned, tell)
	}
	err := c.await(ctx, changed, waiting.timeout, judge)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("not all pods have confirmed the change within %s: kubectl gosvc explain %s -n %s says which, and why; the change stays",
			waiting.timeout, changed.Name, changed.Namespace)
	}
	return err
}

// confirmed says whether the pods have the change, or never will.
func (a *app) confirmed(service *v1alpha1.GoService, tuned *metav1.Condition, tell bool) (bool, error) {
	switch {
	case tuned.Reason == v1alpha1.ReasonRejectedByPods:
		return false, errors.New(tuned.Message + "; pods keep their last valid settings")
	case tuned.Reason == v1alpha1.ReasonNoPods:
		if tell {
			a.sayf("no pod runs; those that start begin with it\n")
		}
		return true, nil
	case tuned.Status != metav1.ConditionTrue:
		return false, nil
	}
	if planned := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionPlanned); planned != nil && planned.Status == metav1.ConditionFalse {
		a.note(planned.Message)
	}
	return true, nil
}
