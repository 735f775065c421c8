// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package runtimeinfo

import (
	"runtime"
	"testing"
)

func TestProcessors(t *testing.T) {
	cases := map[string]struct {
		groups  string
		files   map[string]string
		want    float64
		limited bool
	}{
		"version 2, half a processor":           {"0::/\n", map[string]string{"cpu.max": "50000 100000\n"}, 0.5, true},
		"version 2, without a quota":            {"0::/\n", map[string]string{"cpu.max": "max 100000\n"}, 4, false},
		"version 2, the pod is tighter":         {"0::/pod/container\n", map[string]string{"pod/container/cpu.max": "max 100000\n", "pod/cpu.max": "150000 100000\n"}, 1.5, true},
		"version 1, one and a half":             {"3:cpu,cpuacct:/a\n", map[string]string{"cpu/a/cpu.cfs_quota_us": "150000\n", "cpu/a/cpu.cfs_period_us": "100000\n"}, 1.5, true},
		"version 1, without a quota":            {"3:cpu,cpuacct:/a\n", map[string]string{"cpu/a/cpu.cfs_quota_us": "-1\n", "cpu/a/cpu.cfs_period_us": "100000\n"}, 4, false},
		"more than Go uses, less than there is": {"0::/\n", map[string]string{"cpu.max": "500000 100000\n"}, 4, true},
		"more than there is":                    {"0::/\n", map[string]string{"cpu.max": "2000000 100000\n"}, 4, false},
		"nonsense":                              {"0::/\n", map[string]string{"cpu.max": "lots\n"}, 4, false},
		"no files":                              {"0::/\n", nil, 4, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			groups, mount := cgroups(t, c.groups, c.files)
			got, limited := processorsOf(groups, mount, 4, 8)
			if got != c.want || limited != c.limited {
				t.Errorf("%g, limited %t; want %g, %t", got, limited, c.want, c.limited)
			}
		})
	}
	if got, _ := Processors(); got <= 0 || got > float64(runtime.GOMAXPROCS(0)) {
		t.Errorf("%g processors of this process", got)
	}
}
