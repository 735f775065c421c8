// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package commands

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/util/jsonpath"
	kubectl "k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/scheme"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
)

const root = "../.."

// Each kubectl command of the documentation is one that kubectl's own parser takes, for kinds, conditions, annotations, and fields that there are.
func TestKubectlTakesItsCommands(t *testing.T) {
	calls, err := Calls(root, "kubectl")
	if err != nil || len(calls) == 0 {
		t.Fatalf("%d calls: %v", len(calls), err)
	}
	for _, call := range calls {
		words := call.Commands[0]
		if len(words) == 0 || words[0] == "gosvc" || words[0] == "krew" {
			continue // plugins; ours has a test of its own
		}
		if err := kubectlTakes(words); err != nil && !(call.Sentence && errors.Is(err, ErrIncomplete)) {
			t.Errorf("%s: %v", call, err)
		}
	}
}

func TestKubectlRefusesWhatIsWrong(t *testing.T) {
	for command, want := range map[string]string{
		"get gosvc --invented":                                     "unknown flag",
		"invent gosvc":                                             "unknown command",
		"get gosvcs":                                               "no kind gosvcs",
		"get deployment,invention -A":                              "no kind invention",
		"scale gosvc/checkout --replicas=few":                      "invalid argument",
		"wait gosvc checkout --for=condition=Tunes":                "no condition Tunes",
		"annotate gosvc checkout goservice.dev/adapt=checkout":     "no annotation goservice.dev/adapt",
		"get gosvc checkout -o jsonpath={.status.plan.timeout}":    "timeout is not found",
		"get gosvc checkout -o jsonpath={.status.plan":             "unclosed action",
		`patch gosvc checkout --type=merge -p {"spec":{"slos":1}}`: "unknown field",
		`patch gosvc checkout -p {"spec":{"paused":true}}`:         "needs --type=merge",
		`patch service/checkout -p {"spec":`:                       "did not find",
	} {
		if err := kubectlTakes(strings.Fields(command)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", command, err, want)
		}
	}
}

// kubectlTakes says why kubectl would not carry out a command line, as far as that can be known without a cluster.
func kubectlTakes(words []string) error {
	command, arguments, err := Parse(kubectl.NewKubectlCommand(kubectl.KubectlOptions{
		ConfigFlags: genericclioptions.NewConfigFlags(true),
		IOStreams:   genericiooptions.IOStreams{In: strings.NewReader(""), Out: io.Discard, ErrOut: io.Discard},
	}), words)
	if err != nil {
		return err
	}
	switch command.Name() {
	case "get", "describe", "patch", "delete", "annotate", "label", "wait", "scale", "status", "restart":
	default:
		return nil
	}
	if len(arguments) == 0 {
		if !command.Flags().Changed("filename") {
			return ErrIncomplete
		}
		return nil
	}
	kinds, _, _ := strings.Cut(arguments[0], "/")
	for kind := range strings.SplitSeq(kinds, ",") {
		if !known(kind) {
			return fmt.Errorf("there is no kind %s", kind)
		}
	}
	return errors.Join(patches(command, kinds), prints(command, kinds), waits(command, kinds), annotates(command, arguments))
}

// ours says that a kind is the GoService, by any of its names.
func ours(kind string) bool {
	return slices.Contains([]string{"gosvc", "goservice", "goservices", "goservices.goservice.dev"}, kind)
}

// known kinds are ours, those of kubectl by their plural or singular, those with a short name, and those of others that the operator or its converter reads.
func known(kind string) bool {
	for group := range scheme.Scheme.AllKnownTypes() {
		if plural, singular := meta.UnsafeGuessKindToResource(group); kind == plural.Resource || kind == singular.Resource {
			return true
		}
	}
	return ours(kind) || slices.Contains([]string{"hpa", "pdb", "svc", "crd", "servicemonitor", "httproute", "grpcroute", "scaledobject"}, kind)
}

// patches that are written in the command fit the kind.
func patches(command *cobra.Command, kind string) error {
	patch, err := command.Flags().GetString("patch")
	if err != nil || patch == "" {
		return nil // another command, or the patch is in a file
	}
	var object any = &map[string]any{}
	switch form, _ := command.Flags().GetString("type"); {
	case form == "json":
		object = &[]map[string]any{}
	case ours(kind) && form != "merge":
		return errors.New("a kind of a CRD needs --type=merge")
	case ours(kind):
		object = &v1alpha1.GoService{}
	case kind == "service":
		object = &corev1.Service{}
	}
	return yaml.UnmarshalStrict([]byte(patch), object)
}

// prints says what is wrong with a JSONPath: it must find something in the status that an operator wrote.
func prints(command *cobra.Command, kind string) error {
	output, err := command.Flags().GetString("output")
	expression, isPath := strings.CutPrefix(output, "jsonpath=")
	if err != nil || !isPath || !ours(kind) {
		return nil
	}
	path := jsonpath.New("output")
	if err := path.Parse(expression); err != nil {
		return err
	}
	var found bytes.Buffer
	if err := path.Execute(&found, sample()); err != nil {
		return err
	}
	if strings.TrimSpace(found.String()) == "" {
		return fmt.Errorf("%s finds nothing", expression)
	}
	return nil
}

// sample is a GoService with a status.
func sample() (service map[string]any) {
	text, err := os.ReadFile(filepath.Join(root, "hack/kubectl-gosvc/internal/explain/testdata/trouble.yaml"))
	if err == nil {
		err = yaml.Unmarshal(text, &service)
	}
	if err != nil {
		panic(err)
	}
	return service
}

// waits says which condition of ours there is not.
func waits(command *cobra.Command, kind string) error {
	conditions, _ := command.Flags().GetStringArray("for") // only of wait
	for _, condition := range conditions {
		if name, is := strings.CutPrefix(condition, "condition="); is && ours(kind) && !declared("api/v1alpha1/conditions.go", name) {
			return fmt.Errorf("there is no condition %s", name)
		}
	}
	return nil
}

// annotates says which annotation of ours there is not.
func annotates(command *cobra.Command, arguments []string) error {
	for _, argument := range arguments {
		key, _, _ := strings.Cut(argument, "=")
		if command.Name() == "annotate" && strings.HasPrefix(key, "goservice.dev/") && !declared("controllers/internal/build/*.go", key) {
			return fmt.Errorf("there is no annotation %s", key)
		}
	}
	return nil
}

// declared says that a constant of one of the files is this string.
func declared(pattern, value string) bool {
	files, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil {
		panic(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		return err == nil && bytes.Contains(text, []byte(` = "`+value+`"`))
	})
}
