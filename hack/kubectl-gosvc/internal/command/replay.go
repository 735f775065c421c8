// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/replay"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/prometheus"
	report "goservice.dev/operator/hack/kubectl-gosvc/internal/replay"
)

type replaying struct {
	prometheus *prometheus.Options
	since      span
	step       span
	with       []string
	hpa        []int
	svg        string
	output     *format
}

// questionPatience is how long a Prometheus may take for an answer about a long time.
const questionPatience = time.Minute

func (a *app) replay() *cobra.Command {
	command := &cobra.Command{
		Use:   "replay NAME --prometheus URL",
		Short: "What the operator would have decided for the demand of the past, and what other settings would have done",
		Long: "Reads from Prometheus the demand that a service had, and puts it through the operator's own decisions: with the settings that are declared, with " +
			"each alternative of --with, and beside a plain HorizontalPodAutoscaler. It prints pods, cores, and missed objectives of each beside what really ran. " +
			"Nothing is changed.\n\n" +
			"What is decided is the operator's own code. Pods are the simulator's, with the CPU time and durations that were measured.",
		Example: "  kubectl gosvc replay checkout --prometheus http://localhost:9090\n" +
			"  kubectl gosvc replay checkout --prometheus http://localhost:9090 --since 2d --with spec.slo.latency.threshold=200ms --with spec.autoscaling.minReplicas=4,spec.autoscaling.maxReplicas=30\n" +
			"  kubectl gosvc replay checkout --prometheus http://localhost:9090 --svg checkout.svg",
		Args: oneName, ValidArgsFunction: a.completeServices,
	}
	r := replaying{prometheus: prometheusFlags(command), since: span(7 * 24 * time.Hour), step: span(time.Minute), output: outputFlag(command)}
	r.prometheus.Patience = questionPatience
	flags := command.Flags()
	flags.Var(&r.since, "since", "how far back, such as 7d or 12h; at least 30m")
	flags.Var(&r.step, "step", "within which the demand counts as constant: from the scrape interval to 5m")
	flags.StringArrayVar(&r.with, "with", nil, "an alternative, PATH=VALUE[,PATH=VALUE...] from spec. on, such as spec.slo.latency.threshold=200ms; may be repeated")
	flags.IntSliceVar(&r.hpa, "hpa", []int{50}, "CPU targets in percent, 1 to 100, of plain HorizontalPodAutoscalers to compare with")
	flags.StringVar(&r.svg, "svg", "", "file for the picture")
	_ = command.MarkFlagFilename("svg", "svg")
	command.RunE = func(command *cobra.Command, arguments []string) error {
		return a.carryOutReplay(command.Context(), arguments[0], r)
	}
	return command
}

func (a *app) carryOutReplay(ctx context.Context, name string, r replaying) error {
	alternatives, err := r.check()
	if err != nil {
		return err
	}
	client, err := prometheus.New(*r.prometheus)
	if err != nil {
		return usage("%w", err)
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	service, err := c.service(ctx, name)
	if err != nil {
		return err
	}
	if err := replay.Check(&service.Spec, time.Duration(r.since), time.Duration(r.step)); err != nil {
		return usage("--since %s --step %s: %w", &r.since, &r.step, err)
	}
	declared := []replay.Declared{{Name: "declared", Spec: &service.Spec}}
	for _, alternative := range alternatives {
		spec, err := c.otherwise(ctx, service, alternative)
		if err != nil {
			return err
		}
		declared = append(declared, replay.Declared{Name: alternative.text, Spec: spec})
	}
	recording, err := a.record(ctx, client, service, r)
	if err != nil {
		return err
	}
	outcomes, err := play(ctx, recording, declared, r.hpa)
	if err != nil {
		return err
	}
	return a.tellReplay(report.New(recording, outcomes), r)
}

// check the flags before anything is asked.
func (r *replaying) check() ([]alternative, error) {
	if r.prometheus.Address == "" {
		return nil, usage("--prometheus is not set, and must be the address of the Prometheus that scrapes the services, such as http://localhost:9090")
	}
	for _, percent := range r.hpa {
		if percent < 1 || percent > 100 {
			return nil, usage("--hpa is %d, and must be between 1 and 100", percent)
		}
	}
	var all []alternative
	for _, text := range r.with {
		alternative, err := parseAlternative(text)
		if err != nil {
			return nil, usage("--with %s: %w", text, err)
		}
		all = append(all, alternative)
	}
	return all, nil
}

// record asks for the past, up to the last whole step.
func (a *app) record(ctx context.Context, client *prometheus.Client, service *v1alpha1.GoService, r replaying) (*replay.Recording, error) {
	step := time.Duration(r.step)
	from := replay.Align(a.Now().Add(-time.Duration(r.since)))
	since := a.Now().Sub(from).Truncate(step)
	return replay.Read(service, from, since, step, func(query string, step time.Duration) ([]replay.Series, error) {
		answer, err := client.Range(ctx, query, from.Add(step), step, int(since/step))
		var series []replay.Series
		for _, s := range answer {
			series = append(series, replay.Series(s))
		}
		return series, err
	})
}

// play everything, in the order of the output.
func play(ctx context.Context, recording *replay.Recording, declared []replay.Declared, hpa []int) ([]replay.Outcome, error) {
	outcomes := []replay.Outcome{recording.AsItRan()}
	add := func(d replay.Declared) error {
		outcome, err := recording.Replay(d)
		outcomes = append(outcomes, outcome)
		return errors.Join(err, ctx.Err())
	}
	if err := add(declared[0]); err != nil {
		return nil, err
	}
	for _, percent := range hpa {
		outcomes = append(outcomes, recording.Rival(percent))
	}
	for _, alternative := range declared[1:] {
		if err := add(alternative); err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

func (a *app) tellReplay(r *report.Report, how replaying) error {
	if how.svg != "" {
		file, err := os.Create(how.svg)
		if err != nil {
			return fmt.Errorf("writing the picture: %w", err)
		}
		if err := errors.Join(r.SVG(file), file.Close()); err != nil {
			return fmt.Errorf("writing the picture: %w", err)
		}
	}
	if *how.output != formatText {
		return a.data(*how.output, r)
	}
	r.Write(a.Out, a.out)
	return nil
}

// span is a duration as Prometheus writes them: 7d, 12h, or 1h30m.
type span time.Duration

// String and the rest make span a flag's value.
func (s *span) String() string { return model.Duration(*s).String() }

// Type is shown in the help.
func (s *span) Type() string { return "duration" }

// Set checks the value.
func (s *span) Set(text string) error {
	d, err := model.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q is no duration such as 7d, 12h, or 1h30m", text)
	}
	*s = span(d)
	return nil
}
