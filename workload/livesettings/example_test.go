// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package livesettings_test

import (
	"fmt"
	"os"
	"path/filepath"

	"goservice.dev/operator/workload/livesettings"
)

func ExampleWatcher() {
	directory, err := os.MkdirTemp("", "live-settings")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(directory) }()
	registry, err := livesettings.NewRegistry(livesettings.Document{Version: livesettings.Version}, "")
	if err != nil {
		panic(err)
	}
	registry.Register(func(document livesettings.Document) {
		if document.RateLimit != nil {
			fmt.Println(document.RateLimit.RequestsPerSecond, "requests per second")
		}
	})
	watcher := livesettings.Watcher{Path: filepath.Join(directory, livesettings.FileName), Registry: registry}
	for _, content := range []string{`{"version":1,"rateLimit":{"requestsPerSecond":625,"burst":63}}`, `{"version":2}`} {
		if err := os.WriteFile(watcher.Path, []byte(content), 0o600); err != nil {
			panic(err)
		}
		watcher.Load() // go watcher.Run(ctx) does it as the file changes
		fmt.Printf("%s %q\n", registry.Report().Revision, registry.Report().Error)
	}
	// Output:
	// 625 requests per second
	// a9170ad93d36 ""
	// a9170ad93d36 "live settings: version: 2: must be 1"
}

func ExampleDocument_WithRevision() {
	document, err := livesettings.Document{Version: livesettings.Version, LogLevel: "warn"}.WithRevision()
	if err != nil {
		panic(err)
	}
	encoded, err := document.Encode()
	fmt.Println(string(encoded), err)
	// Output: {"version":1,"revision":"dc44986efde3","logLevel":"warn"} <nil>
}

// A document of a newer operator: what this version does not know is ignored, and the pod confirms all the same.
func ExampleParse() {
	document, err := livesettings.Parse([]byte(`{"version":1,"revision":"4c1d","pool":{"workers":16,"priorities":3}}`))
	fmt.Println(document.Revision, document.Pool.Workers, document.Ignored, err)
	// Output: 4c1d 16 [pool.priorities] <nil>
}
