// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/migrate"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

// adoptAnnotation on an object hands it over to the GoService that it names.
const adoptAnnotation = "goservice.dev/adopt"

type adoption struct {
	name       string
	dryRun     bool
	yes        bool
	indicators string
	timeout    time.Duration
	output     *format
}

// adopted is what adopt prints for programs. Fields are added in later versions, and neither renamed nor removed.
type adopted struct {
	// Service is what --dry-run prints without -o.
	Service  map[string]any  `json:"service"`
	Replaced []string        `json:"replaced"`
	Taken    []string        `json:"taken"`
	Notes    []adoptedNote   `json:"notes,omitempty"`
	Changes  []adoptedChange `json:"changes,omitempty"`
	// Adopted says that the operator took it all over, Seconds after how long.
	Adopted bool    `json:"adopted"`
	Seconds float64 `json:"seconds,omitempty"`
}

type adoptedNote struct {
	Kind   string `json:"kind"`
	Object string `json:"object"`
	Path   string `json:"path,omitempty"`
	Value  string `json:"value,omitempty"`
	Reason string `json:"reason"`
}

type adoptedChange struct {
	Path string `json:"path"`
	Was  string `json:"was,omitempty"`
	Is   string `json:"is,omitempty"`
}

// documentOf what becomes of a Deployment.
func documentOf(result *migrate.Result, manifest []byte) (*adopted, error) {
	document := &adopted{Replaced: append([]string{}, result.Replaced...), Taken: append([]string{}, result.Taken...)} // empty, not null
	for _, note := range result.Notes {
		document.Notes = append(document.Notes, adoptedNote{string(note.Kind), note.Object, note.Path, note.Value, note.Reason})
	}
	for _, change := range result.Changes {
		document.Changes = append(document.Changes, adoptedChange(change))
	}
	return document, yaml.Unmarshal(manifest, &document.Service)
}

func (a *app) adopt() *cobra.Command {
	var adoption adoption
	command := &cobra.Command{
		Use:   "adopt deployment/NAME [--dry-run]",
		Short: "Make a GoService of a Deployment that runs, and hand over what belongs to it",
		Long: "Makes a GoService of a Deployment, with the Services, autoscalers, budgets, policies, and routes that belong to it. With --dry-run it " +
			"prints the GoService, and on standard error what would change in the pods and what could not be carried over; nothing is changed.\n\n" +
			"Without it, the GoService is created, the objects are annotated with " + adoptAnnotation + ", and the command waits until the operator has " +
			"taken them over, by one ordinary rolling update. Afterwards keep the GoService in git instead of the old manifests.",
		Example: "  kubectl gosvc adopt deployment/checkout --dry-run\n  kubectl gosvc adopt deployment/checkout --dry-run > goservice.yaml\n" +
			"  kubectl gosvc adopt deployment/checkout",
		ValidArgsFunction: cobra.NoFileCompletions,
		Args: func(command *cobra.Command, arguments []string) (err error) {
			if len(arguments) != 1 {
				return usage("%d arguments, but one Deployment is needed; usage: %s", len(arguments), command.UseLine())
			}
			adoption.name, err = deploymentName(arguments[0])
			return err
		},
	}
	command.Flags().BoolVar(&adoption.dryRun, "dry-run", false, "change nothing")
	command.Flags().BoolVarP(&adoption.yes, "yes", "y", false, "do not ask")
	command.Flags().StringVar(&adoption.indicators, "indicators", "", "metrics in which the service counts its requests: Toolkit, OpenTelemetry, Prometheus, or GRPC; without it, as the objects suggest")
	command.Flags().DurationVar(&adoption.timeout, "timeout", 10*time.Minute, "how long to wait for the take-over, above 0s")
	_ = command.RegisterFlagCompletionFunc("indicators", cobra.FixedCompletions(presets, cobra.ShellCompDirectiveNoFileComp))
	adoption.output = outputFlag(command)
	command.RunE = func(command *cobra.Command, _ []string) error { return a.carryOutAdoption(command.Context(), adoption) }
	return command
}

var presets = []string{
	string(v1alpha1.IndicatorsToolkit), string(v1alpha1.IndicatorsOpenTelemetry), string(v1alpha1.IndicatorsPrometheus), string(v1alpha1.IndicatorsGRPC),
}

func deploymentName(argument string) (string, error) {
	kind, name, found := strings.Cut(argument, "/")
	switch strings.ToLower(kind) {
	case "deployment", "deployments", "deploy", "deployment.apps", "deployments.apps":
		if found && name != "" {
			return name, nil
		}
	}
	return "", usage("%q is not a Deployment; name it as deployment/NAME", argument)
}

func (a *app) carryOutAdoption(ctx context.Context, adoption adoption) error {
	if adoption.timeout <= 0 {
		return usage("--timeout is %s, and must be above 0s", adoption.timeout)
	}
	if adoption.indicators != "" && !strings.Contains(" "+strings.Join(presets, " ")+" ", " "+adoption.indicators+" ") {
		return usage("--indicators is %q, and must be one of %s", adoption.indicators, strings.Join(presets, ", "))
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	result, err := c.converted(ctx, adoption)
	if err != nil {
		return err
	}
	a.tellChanges(result)
	manifest, err := migrate.YAML(result.Service)
	if err != nil {
		return err
	}
	document, err := documentOf(result, manifest)
	switch {
	case err != nil:
		return err
	case adoption.dryRun && *adoption.output != formatText:
		return a.data(*adoption.output, document)
	case adoption.dryRun:
		_, err = a.Out.Write(manifest)
		return err
	}
	if len(result.Taken) == 0 {
		return fmt.Errorf("%s cannot be taken over in place; the notes above say why, and docs/migrate.md how to put the GoService beside it. Nothing is changed", adoption.name)
	}
	question := fmt.Sprintf("Create GoService %s in namespace %s, and hand over %s?", result.Service.Name, c.namespace, strings.Join(result.Taken, ", "))
	if err := a.confirm(question, adoption.yes); err != nil {
		return err
	}
	tell := a.Out
	if *adoption.output != formatText {
		tell = a.ErrOut
	}
	started := time.Now()
	if err := a.takeOver(ctx, c, result, adoption.timeout, tell); err != nil || *adoption.output == formatText {
		return err
	}
	document.Adopted, document.Seconds = true, time.Since(started).Round(time.Millisecond).Seconds()
	return a.data(*adoption.output, document)
}

// tellChanges writes on standard error what becomes of what runs.
func (a *app) tellChanges(result *migrate.Result) {
	fmt.Fprintf(a.ErrOut, "%s of %s\n", a.err.Strong("GoService "+result.Service.Name), strings.Join(result.Replaced, ", "))
	for _, note := range result.Notes {
		fmt.Fprintln(a.ErrOut, "  "+a.err.Doubtful(string(note.Kind)+":")+show.Plain(strings.TrimPrefix(note.String(), string(note.Kind)+":")))
	}
	fmt.Fprintln(a.ErrOut, a.err.Strong("changes of the pods")+", by one rolling update")
	for _, change := range result.Changes {
		fmt.Fprintln(a.ErrOut, "  "+show.Plain(change.Path))
		if change.Was != "" {
			fmt.Fprintln(a.ErrOut, a.err.Bad("    - "+show.Plain(change.Was)))
		}
		if change.Is != "" {
			fmt.Fprintln(a.ErrOut, a.err.Good("    + "+show.Plain(change.Is)))
		}
	}
}

// confirm asks a person. Where nobody can answer, that is an error: neither yes nor no.
func (a *app) confirm(question string, yes bool) error {
	if yes {
		return nil
	}
	if !show.IsTerminal(a.In) {
		return errors.New("standard input is no terminal, so nobody can be asked: use --yes. Nothing is changed")
	}
	fmt.Fprintf(a.ErrOut, "%s [y/N] ", question)
	answer, _ := bufio.NewReader(a.In).ReadString('\n')
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer == "y" || answer == "yes" {
		return nil
	}
	return errors.New("nothing is changed")
}

// takeOver creates the GoService, which waits, then hands over what runs, and follows the operator.
func (a *app) takeOver(ctx context.Context, c *cluster, result *migrate.Result, timeout time.Duration, tell io.Writer) error {
	service := result.Service
	service.Namespace = c.namespace
	if err := c.Create(ctx, service, client.FieldOwner(fieldManager)); apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("there is a GoService %q already: kubectl gosvc explain %s -n %s says what it waits for. Nothing is changed", service.Name, service.Name, c.namespace)
	} else if apierrors.IsInvalid(err) {
		return refused(err)
	} else if err != nil {
		return err
	}
	fmt.Fprintf(tell, "%s  created\n", service.Name)
	for _, object := range result.Taken {
		resource, name, _ := strings.Cut(object, "/")
		target := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name}}
		target.SetGroupVersionKind(taken[resource])
		patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, adoptAnnotation, service.Name))
		if err := c.Patch(ctx, target, patch, client.FieldOwner(fieldManager)); err != nil {
			return fmt.Errorf("handing over %s: %w; run the rest by hand: %s", object, err, strings.Join(result.HandOver, "; "))
		}
	}
	fmt.Fprintf(tell, "%s  handed over: %s\n", service.Name, strings.Join(result.Taken, ", "))
	for _, command := range result.HandOver[1:] {
		a.note("what the operator neither takes nor removes is yours to delete: " + command)
	}
	return a.awaitTakeOver(ctx, c, service, timeout, tell)
}

func (a *app) awaitTakeOver(ctx context.Context, c *cluster, service *v1alpha1.GoService, timeout time.Duration, tell io.Writer) error {
	started, last := time.Now(), ""
	err := c.await(ctx, service, timeout, func(now *v1alpha1.GoService) (bool, error) {
		ready := meta.FindStatusCondition(now.Status.Conditions, v1alpha1.ConditionReady)
		if ready == nil || ready.ObservedGeneration < service.Generation {
			return false, nil
		}
		if ready.Status == metav1.ConditionTrue {
			fmt.Fprintf(tell, "%s  adopted: Ready after %.0f s\n", service.Name, time.Since(started).Seconds())
			return true, nil
		}
		if text := ready.Reason + ": " + ready.Message; text != last {
			last = text
			fmt.Fprintf(tell, "%s  %s\n", service.Name, show.Plain(text))
		}
		return false, nil
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s is not Ready within %s: %s. The GoService stays, and goes on; kubectl gosvc explain %s -n %s says what is in the way",
			service.Name, timeout, last, service.Name, service.Namespace)
	}
	return err
}

// taken kinds, by the names in migrate.Result.Taken.
var taken = map[string]schema.GroupVersionKind{
	"deployment": {Group: "apps", Version: "v1", Kind: "Deployment"}, "service": {Version: "v1", Kind: "Service"},
	"hpa": {Group: "autoscaling", Version: "v2", Kind: "HorizontalPodAutoscaler"}, "pdb": {Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"},
	"networkpolicy":  {Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"},
	"ingress":        {Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"},
	"servicemonitor": {Group: "monitoring.coreos.com", Version: "v1", Kind: "ServiceMonitor"},
	"httproute":      {Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"},
	"grpcroute":      {Group: "gateway.networking.k8s.io", Version: "v1", Kind: "GRPCRoute"},
}
