// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

var (
	comments  = regexp.MustCompile(`(?m)^\s*#.*\n`)
	continued = regexp.MustCompile(`\\\n\s*`)
	labels    = regexp.MustCompile(`([\w.]+)="([^"]*)"`)
	copied    = regexp.MustCompile(`^--from=binaries /out/(\S+) /(\S+)$`)
)

// imageConfig is what the Dockerfile says about a target, so that images of a release are those of `docker build`. Only what our
// Dockerfile uses is understood; anything else is an error.
func imageConfig(path, target, version string) (config v1.Config, program string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return config, "", err
	}
	text = continued.ReplaceAll(comments.ReplaceAll(text, nil), nil)
	stage := ""
	for line := range strings.Lines(string(text)) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if instruction == "FROM" {
			_, stage, _ = strings.Cut(rest, " AS ")
			continue
		}
		if stage != target || instruction == "" || instruction == "ARG" {
			continue
		}
		switch instruction {
		case "LABEL":
			config.Labels = map[string]string{}
			for _, label := range labels.FindAllStringSubmatch(rest, -1) {
				config.Labels[label[1]] = strings.ReplaceAll(label[2], "${VERSION}", version)
			}
		case "COPY":
			match := copied.FindStringSubmatch(rest)
			if match == nil || match[1] != match[2] || program != "" {
				return config, "", fmt.Errorf("%s: target %s: COPY %s: must copy one program from /out to /", path, target, rest)
			}
			program = match[1]
		case "USER":
			config.User = rest
		case "EXPOSE":
			config.ExposedPorts = map[string]struct{}{}
			for _, port := range strings.Fields(rest) {
				config.ExposedPorts[port+"/tcp"] = struct{}{}
			}
		case "ENTRYPOINT":
			if err := json.Unmarshal([]byte(rest), &config.Entrypoint); err != nil {
				return config, "", fmt.Errorf("%s: target %s: ENTRYPOINT %s: %w", path, target, rest, err)
			}
		default:
			return config, "", fmt.Errorf("%s: target %s: %s: this instruction is not known here", path, target, instruction)
		}
	}
	if program == "" {
		return config, "", fmt.Errorf("%s: target %s: copies no program", path, target)
	}
	config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"} // as Docker sets it
	return config, program, nil
}
