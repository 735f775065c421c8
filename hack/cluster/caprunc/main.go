// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Caprunc stands in front of runc on machines whose bounding set lacks capabilities, as virtual machines and containers
// of build services often do. There a privileged container asks for all capabilities, the kernel refuses those that the
// machine does not have, and nothing starts. Caprunc takes them out of the container's description and then becomes runc.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "caprunc:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	runc, err := exec.LookPath("runc")
	if err != nil {
		return fmt.Errorf("find runc: %w", err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return fmt.Errorf("read the bounding set: %w", err)
	}
	bounding, err := boundingSet(string(status))
	if err != nil {
		return err
	}
	if path, at := description(args); path != "" {
		if err := trimFile(path, at, bounding); err != nil {
			return fmt.Errorf("trim capabilities of %s: %w", path, err)
		}
	}
	return syscall.Exec(runc, append([]string{"runc"}, args...), os.Environ())
}

// boundingSet reads the capability bounding set from the text of /proc/self/status.
func boundingSet(status string) (uint64, error) {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, "CapBnd:"); ok {
			return strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		}
	}
	return 0, errors.New("/proc/self/status names no bounding set")
}

// description finds the file that describes the process to be started, and where in it the process is:
// the bundle's config.json for create and run, the --process file for exec; "" for every other command.
func description(args []string) (path string, at []string) {
	command, bundle, process := "", ".", ""
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i], "=")
		if command == "" && !strings.HasPrefix(name, "-") && isCommand(name) {
			command = name
		}
		if !joined && i+1 < len(args) {
			value = args[i+1]
		}
		switch name {
		case "--bundle", "-b":
			bundle = value
		case "--process", "-p":
			process = value
		}
	}
	switch {
	case command == "create" || command == "run":
		return filepath.Join(bundle, "config.json"), []string{"process"}
	case command == "exec" && process != "":
		return process, nil
	}
	return "", nil
}

func isCommand(name string) bool { return name == "create" || name == "run" || name == "exec" }

// trimFile removes from each capability set of the process at that place what the machine does not have. Everything
// else is written back as it was read; a file that needs no change is left alone.
func trimFile(path string, at []string, bounding uint64) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber() // 64-bit limits do not survive a float64
	var document map[string]any
	if err := decoder.Decode(&document); err != nil {
		return err
	}
	process := document
	for _, key := range at {
		if process, _ = process[key].(map[string]any); process == nil {
			return nil
		}
	}
	sets, _ := process["capabilities"].(map[string]any)
	if !trim(sets, bounding) {
		return nil
	}
	trimmed, err := json.Marshal(document)
	if err != nil {
		return err
	}
	return os.WriteFile(path, trimmed, 0o600)
}

// trim keeps in each set the capabilities that the bounding set holds, and says whether it took any away.
func trim(sets map[string]any, bounding uint64) bool {
	changed := false
	for name, set := range sets {
		names, _ := set.([]any)
		kept := make([]any, 0, len(names))
		for _, name := range names {
			text, _ := name.(string)
			if bit, known := capabilityBits[text]; known && bounding&(1<<bit) == 0 {
				changed = true
				continue
			}
			kept = append(kept, name)
		}
		sets[name] = kept
	}
	return changed
}
