// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"encoding/json"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// format of a command's output.
type format string

const (
	formatText format = ""
	formatJSON format = "json"
	formatYAML format = "yaml"
)

// outputFlag gives a command -o. The flag is checked before anything is asked of the cluster.
func outputFlag(command *cobra.Command) *format {
	var output format
	command.Flags().VarP(&output, "output", "o", "json or yaml; without it, text for people")
	_ = command.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{string(formatJSON), string(formatYAML)}, cobra.ShellCompDirectiveNoFileComp))
	return &output
}

// String and the rest make format a flag's value.
func (f *format) String() string { return string(*f) }

// Type is shown in the help.
func (f *format) Type() string { return "json|yaml" }

// Set checks the value.
func (f *format) Set(value string) error {
	switch *f = format(value); *f {
	case formatJSON, formatYAML:
		return nil
	}
	return usage("must be json or yaml")
}

// data writes a document in a format other than text.
func (a *app) data(f format, document any) error {
	var text []byte
	var err error
	if f == formatYAML {
		text, err = yaml.Marshal(document)
	} else if text, err = json.MarshalIndent(document, "", "  "); err == nil {
		text = append(text, '\n')
	}
	if err != nil {
		return err
	}
	_, err = a.Out.Write(text)
	return err
}
