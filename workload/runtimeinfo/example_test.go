// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package runtimeinfo_test

import (
	"fmt"

	"goservice.dev/operator/workload/runtimeinfo"
)

func ExampleSettings_Apply() {
	before := runtimeinfo.Current()
	defer before.Apply()
	runtimeinfo.Settings{GOGC: 50, MemoryLimitBytes: 230 << 20}.Apply()
	fmt.Println(runtimeinfo.Current())
	// Output: {50 241172480}
}
