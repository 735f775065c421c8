// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package commands

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// ErrIncomplete is a command without all of its arguments, as a sentence may name it.
var ErrIncomplete = errors.New("arguments are missing")

// Parse finds the command of a program that a line calls, and its arguments. It fails where the program would not understand the line.
func Parse(program *cobra.Command, words []string) (*cobra.Command, []string, error) {
	command, rest, err := program.Find(words)
	if err != nil {
		return nil, nil, err
	}
	if err := command.ParseFlags(rest); err != nil {
		return nil, nil, err
	}
	arguments := command.Flags().Args()
	if err := command.ValidateArgs(arguments); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	return command, arguments, nil
}
