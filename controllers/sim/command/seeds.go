// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"goservice.dev/operator/controllers/sim"
)

// seedsOf are the seeds of a run, and where they come from.
func seedsOf(o options) ([]uint64, string, error) {
	switch {
	case o.development && o.heldOut != "":
		return nil, "", fmt.Errorf("seeds are either for development or held out")
	case o.development:
		return sim.DevelopmentSeeds(o.seeds), fmt.Sprintf("%d seeds for development", o.seeds), nil
	case o.heldOut != "":
		number, err := strconv.ParseInt(o.heldOut, 10, 64)
		if err != nil {
			return nil, "", fmt.Errorf("HELDOUT: %w", err)
		}
		return sim.HeldOutSeeds(number, o.seeds), fmt.Sprintf("%d seeds held out as number %d", o.seeds, number), nil
	}
	files, err := decidingCode(o.sources)
	if err != nil {
		return nil, "", err
	}
	digest, err := sim.Digest(files)
	if err != nil {
		return nil, "", err
	}
	return sim.PublishedSeeds(digest, o.seeds), fmt.Sprintf("%d seeds of the deciding code %.8x", o.seeds, digest), nil
}

// decidingCode reads the sources that decide what the operator does: those of plan and tuner, and how the simulator runs them.
func decidingCode(root string) (map[string][]byte, error) {
	var names []string
	for _, pattern := range []string{"plan/*.go", "tuner/*.go", "sim/operator.go"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("no %s in %s: the published seeds follow from these sources", pattern, root)
		}
		names = append(names, found...)
	}
	files := map[string][]byte{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return nil, err
		}
		files[filepath.ToSlash(relative)] = text
	}
	return files, nil
}
