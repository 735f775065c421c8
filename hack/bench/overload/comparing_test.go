// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"strings"
	"testing"
)

func TestTheComparisonIsLimitedByFlags(t *testing.T) {
	for name, c := range map[string]struct {
		ways, sizes, rivals string
		situations, others  int
		err                 string
	}{
		"all":                  {ways: "computing,mixed,slower,neighbor,crowded", sizes: fixedSizes, rivals: allRivals, situations: 5, others: 4},
		"one":                  {ways: "neighbor", sizes: "2", rivals: "codel", situations: 1, others: 1},
		"nothing":              {sizes: "2"},
		"an unknown situation": {ways: "crowd", sizes: "2", err: `"crowd"`},
		"an unknown rival":     {sizes: "2", rivals: "cobalt", err: `"cobalt"`},
		"no size":              {sizes: "", err: `-sizes: ""`},
		"no workers":           {sizes: "2,0", err: `-sizes: "0" must be a number from 1 to 100000`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := comparingOf(c.ways, c.sizes, c.rivals)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want one with %s", err, c.err)
				}
				return
			}
			if err != nil || len(got.situations) != c.situations || len(got.rivals) != c.others {
				t.Errorf("%d situations and %d rivals, %v", len(got.situations), len(got.rivals), err)
			}
		})
	}
}
