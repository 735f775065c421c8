// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package release

import (
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// The image of a team's new service is made as its Dockerfile says of what its own .dockerignore lets through. That is the same bits
// in another folder (with REPRODUCIBLE, also for both architectures and with an empty build cache), and has all that an image from
// scratch lacks.
func TestTheImageOfANewServiceIsTheSameBits(t *testing.T) {
	environment := append(proxy(t), "TARGETOS=linux", "VERSION=v9.9.9")
	parent := t.TempDir()
	run(t, parent, environment, "go", "run", "goservice.dev/operator/workload/new@"+released, "-module=shop.example/checkout", "checkout")
	service := filepath.Join(parent, "checkout")
	run(t, service, environment, "go", "mod", "tidy")

	var files []string
	if err := fs.WalkDir(os.DirFS(service), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	architectures, cold := []string{runtime.GOARCH}, []string{}
	if os.Getenv("REPRODUCIBLE") != "" {
		architectures, cold = []string{"amd64", "arm64"}, []string{"GOCACHE=" + t.TempDir()}
	}
	for _, architecture := range architectures {
		var sums [2][sha256.Size]byte
		for i, more := range [][]string{nil, append(cold, "TZ=Asia/Tokyo", "LC_ALL=C")} {
			folder, out := dockerContext(t, service, files), t.TempDir()
			for _, command := range compileStage(t, service, "build") {
				run(t, folder, slices.Concat(environment, []string{"TARGETARCH=" + architecture}, more),
					"sh", "-eu", "-c", strings.ReplaceAll(command, "/out/", out+"/"))
			}
			program := filepath.Join(out, "checkout")
			content, err := os.ReadFile(program)
			if err != nil {
				t.Fatal(err)
			}
			sums[i] = sha256.Sum256(content)
			checkBinary(t, program, folder)
		}
		if sums[0] != sums[1] {
			t.Errorf("%s: two builds differ: %x and %x", architecture, sums[0], sums[1])
		}
	}
}
