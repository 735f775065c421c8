// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/profile"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/top"
)

// maxProfileSeconds is what the toolkit records at most.
const maxProfileSeconds = 300

func (a *app) profile() *cobra.Command {
	names := make([]string, len(profile.Kinds))
	for i, kind := range profile.Kinds {
		names[i] = kind.Name
	}
	command := &cobra.Command{
		Use:   "profile NAME " + strings.Join(names, "|"),
		Short: "Profile the pods of a GoService",
		Long: "A profile of all pods at the same time, merged into one file, in which each sample has the label pod. A trace is of one pod.\n\n" +
			"The pods are reached on their loopback by port-forward, which needs the permission to create pods/portforward.",
		Example: "  kubectl gosvc profile checkout cpu\n  go tool pprof -tagroot pod checkout-cpu.pb.gz",
		ValidArgsFunction: func(command *cobra.Command, arguments []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(arguments) == 1 {
				return names, cobra.ShellCompDirectiveNoFileComp
			}
			return a.completeServices(command, arguments, typed)
		},
	}
	var kind profile.Kind
	command.Args = func(command *cobra.Command, arguments []string) error {
		if len(arguments) != 2 {
			return usage("%d arguments, but the name of a GoService and a kind of profile are needed; usage: %s", len(arguments), command.UseLine())
		}
		i := slices.Index(names, arguments[1])
		if i < 0 {
			return usage("%q is no kind of profile; it must be one of %s", arguments[1], strings.Join(names, ", "))
		}
		kind = profile.Kinds[i]
		return oneName(command, arguments[:1])
	}
	pod := command.Flags().String("pod", "", "only this pod; without it, all that run, or for a trace one that is ready")
	seconds := command.Flags().Int("seconds", 10, fmt.Sprintf("how long cpu and trace record, 1 to %d", maxProfileSeconds))
	file := command.Flags().StringP("output", "o", "", "file to write; without it, NAME-cpu.pb.gz and the like in this folder")
	command.RunE = func(command *cobra.Command, arguments []string) error {
		switch {
		case *seconds < 1 || *seconds > maxProfileSeconds:
			return usage("--seconds is %d, and must be 1 to %d", *seconds, maxProfileSeconds)
		case !kind.Timed && command.Flags().Changed("seconds"):
			return usage("--seconds does not go with %s, which is of one moment", kind.Name)
		case *file == string(formatJSON) || *file == string(formatYAML):
			return usage("-o is %s, and must be a file here: a profile has no other format", *file)
		case *file == "":
			*file = arguments[0] + "-" + kind.Name + kind.Suffix
		}
		return a.takeProfile(command.Context(), arguments[0], *pod, kind, *seconds, *file)
	}
	return command
}

func (a *app) takeProfile(ctx context.Context, name, only string, kind profile.Kind, seconds int, file string) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	service, err := c.service(ctx, name)
	if err != nil {
		return err
	}
	if o := service.Spec.Observability; o != nil && o.Profiling != nil && o.Profiling.Enabled != nil && !*o.Profiling.Enabled {
		return errors.New("spec.observability.profiling.enabled is false, so no pod serves profiles; set it to true, which replaces the pods")
	}
	pods, err := c.profiled(ctx, service, only, kind.Name == profile.Trace)
	if err != nil {
		return err
	}
	requests, err := c.podRequests()
	if err != nil {
		return err
	}
	answers := profile.Take(ctx, profile.Forward(c.config, requests, c.namespace), pods, kind, seconds)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	content := answers[0].Content // of the only pod
	if kind.Name != profile.Trace {
		if content, answers, err = profile.Merge(answers); err != nil {
			return err
		}
	}
	var failed []profile.Answer
	for _, answer := range answers {
		if answer.Err != nil {
			failed = append(failed, answer)
		}
	}
	if len(failed) == len(answers) {
		return noProfile(service, failed)
	}
	for _, answer := range failed {
		a.note(fmt.Sprintf("without pod %s: %s", answer.Pod, answer.Err))
	}
	if err := writeWhole(file, content); err != nil {
		return err
	}
	if len(pods) == 1 {
		a.sayf("%s  %s of pod %s\n", file, kind.Name, pods[0])
	} else {
		a.sayf("%s  %s of %d of %d pods\n", file, kind.Name, len(answers)-len(failed), len(answers))
	}
	if show.IsTerminal(a.Out) {
		next := "go tool pprof -tagroot pod "
		if kind.Name == profile.Trace {
			next = "go tool trace "
		}
		a.sayf("%s\n", a.out.Faint("→ "+next+file))
	}
	return nil
}

// profiled are the pods to take a profile of: the one that is asked for, one that is ready, or all that run.
func (c *cluster) profiled(ctx context.Context, service *v1alpha1.GoService, only string, one bool) ([]string, error) {
	list, err := c.listOfPods(service)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", service.Name, err)
	}
	pods, err := list(ctx)
	if err != nil {
		return nil, err
	}
	var running, ready []string
	for i := range pods {
		pod := &pods[i]
		if pod.Status.Phase != corev1.PodRunning {
			continue
		}
		running = append(running, pod.Name)
		if pod.DeletionTimestamp == nil && top.IsReady(pod) {
			ready = append(ready, pod.Name)
		}
	}
	slices.Sort(running)
	slices.Sort(ready)
	switch {
	case len(running) == 0:
		return nil, fmt.Errorf("no pod of %s runs; kubectl gosvc explain %s says why", service.Name, service.Name)
	case only != "" && !slices.Contains(running, only):
		return nil, usage("--pod is %q, and must be a running pod of %s: %s", only, service.Name, strings.Join(running, ", "))
	case only != "":
		return []string{only}, nil
	case one && len(ready) == 0:
		return nil, fmt.Errorf("no pod of %s is ready; select one with --pod: %s", service.Name, strings.Join(running, ", "))
	case one:
		return ready[:1], nil
	}
	return running, nil
}

// noProfile says what to do when no pod has answered.
func noProfile(service *v1alpha1.GoService, failed []profile.Answer) error {
	first := failed[0]
	if strings.Contains(first.Err.Error(), "forbidden") {
		return fmt.Errorf("pod %s: %w; ask for the permission to create pods/portforward in namespace %s", first.Pod, first.Err, service.Namespace)
	}
	do := "see whether the container runs and whether its log says that profiles are served"
	if !plan.OnToolkit(&service.Spec) {
		do = "its image is not built on the toolkit, so it has to serve net/http/pprof there itself"
	}
	return fmt.Errorf("none of %d pods gave a profile on 127.0.0.1:%d; pod %s: %w; %s", len(failed), profile.Port, first.Pod, first.Err, do)
}

// writeWhole writes all of a file or nothing.
func writeWhole(file string, content []byte) error {
	part, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return err
	}
	_, err = part.Write(content)
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part.Name()))
	}
	return nil
}
