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
	directory, err := os.MkdirTemp("", "tuning")
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

func ExampleDocument_Revision() {
	document, err := livesettings.Parse([]byte(`{ "version": 1, "logLevel": "warn" }`))
	if err != nil {
		panic(err)
	}
	revision, err := document.Revision() // of the content: white space does not matter
	fmt.Println(revision, err)
	// Output: dc44986efde3 <nil>
}
