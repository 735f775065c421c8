// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"goservice.dev/operator/controllers/sim"
)

// seedsOf are the seeds for what the operator decides, and where they come from.
func seedsOf(o options, d decisions) ([]uint64, string, error) {
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
	digest, err := digestOf(o, d)
	if err != nil {
		return nil, "", err
	}
	simulator, err := digestOfSimulator(o)
	if err != nil {
		return nil, "", err
	}
	return sim.PublishedSeeds(digest, o.seeds), fmt.Sprintf("%d seeds of the deciding code %.8x, simulator %.8x", o.seeds, digest, simulator), nil
}

// digestOf the code that decides.
func digestOf(o options, d decisions) (digest [sha256.Size]byte, err error) {
	code, err := decidingCode(o.sources, d)
	if err != nil {
		return digest, err
	}
	return sim.Digest(code)
}

// digestOfSimulator is of all that package sim consists of: loads, the world, rivals, and the judge, on which figures depend and seeds do not.
func digestOfSimulator(o options) (digest [sha256.Size]byte, err error) {
	files, err := sourceFiles(filepath.Join(o.sources, filepath.FromSlash(simulating)))
	if err != nil {
		return digest, err
	}
	texts := map[string][]byte{}
	for _, file := range files {
		if texts[filepath.Base(file)], err = os.ReadFile(file); err != nil { //nolint:gosec // sources that the user names
			return digest, err
		}
	}
	return sim.Digest(texts)
}
