// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package release

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// dockerContext is a copy of what Docker gets of a folder's files: what .dockerignore lets through.
func dockerContext(t *testing.T, source string, files []string) string {
	t.Helper()
	file, err := os.Open(filepath.Join(source, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	patterns, err := ignorefile.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	return copiedFrom(t, source, files, func(file string) bool {
		ignored, err := matcher.MatchesOrParentMatches(file)
		return err == nil && !ignored
	})
}

// dockerfile of a folder without comments, one instruction a line.
func dockerfile(t *testing.T, folder string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAll(text, nil)
	text = regexp.MustCompile(`\\\n\s*`).ReplaceAll(text, nil)
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// compileStage is what a folder's Dockerfile runs in its stage of that name.
func compileStage(t *testing.T, folder, wanted string) (commands []string) {
	t.Helper()
	mounts := regexp.MustCompile(`--mount=\S+\s+`)
	stage := ""
	for _, instruction := range dockerfile(t, folder) {
		if rest, ok := strings.CutPrefix(instruction, "FROM "); ok {
			_, stage, _ = strings.Cut(rest, " AS ")
		}
		command, ok := strings.CutPrefix(instruction, "RUN ")
		if ok && stage == wanted {
			commands = append(commands, mounts.ReplaceAllString(command, ""))
		}
	}
	if len(commands) == 0 {
		t.Fatalf("the Dockerfile of %s runs nothing in a stage %q", folder, wanted)
	}
	return commands
}

// packed are the files that the Dockerfile copies from what was compiled.
func packed(t *testing.T) (names []string) {
	t.Helper()
	for _, instruction := range dockerfile(t, root) {
		if match := regexp.MustCompile(`^COPY --from=binaries /out/(\S+) `).FindStringSubmatch(instruction); match != nil {
			names = append(names, match[1])
		}
	}
	return names
}

// `docker build` of every target compiles what its stage needs, from what .dockerignore lets through. It needs neither Docker nor a
// registry here: the commands of the stage run on a copy, into another folder than /out.
func TestEveryImageBuildsFromTheContext(t *testing.T) {
	folder, out := dockerContext(t, root, tracked(t)), t.TempDir()
	for _, command := range compileStage(t, root, "compile") {
		run(t, folder, []string{"OUT=" + out, "WORKLOAD_TAGS=grpcnotrace", "VERSION=v9.9.9", "TARGETOS=linux", "TARGETARCH=" + runtime.GOARCH},
			"sh", "-eu", "-c", strings.ReplaceAll(command, "OUT=/out ", ""))
	}
	names := packed(t)
	if len(names) < 4 {
		t.Errorf("the images are made of %q", names)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) { checkBinary(t, filepath.Join(out, name), folder) })
	}
}

// checkBinary says that a program has what an image from scratch lacks, and nothing of the place where it was made.
func checkBinary(t *testing.T, path, folder string) {
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{folder, filepath.Join(home, "go")} {
		if bytes.Contains(content, []byte(place)) {
			t.Errorf("names the folder %s", place)
		}
	}
	name := filepath.Base(path)
	if (name == "manager" || name == "workload") && !bytes.Contains(content, []byte("v9.9.9")) {
		t.Error("does not know its version")
	}
	if name == "load" { // it calls services inside of the cluster
		return
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	roots := false
	for _, dependency := range info.Deps {
		roots = roots || dependency.Path == "golang.org/x/crypto/x509roots/fallback"
	}
	if !roots {
		t.Error("has no root certificates")
	}
	if name != "manager" && !bytes.Contains(content, []byte("Antarctica/Troll")) {
		t.Error("has no time zones")
	}
}

// The same sources make the same bits, whoever builds them and where: a vulnerability scanner, a signature and a rebuild by somebody
// else agree. REPRODUCIBLE=all, or some names, tries them for both architectures and with an
// empty build cache (make reproducible).
func TestTheSameSourcesMakeTheSameBits(t *testing.T) {
	names, architectures, caches := []string{"workload"}, []string{runtime.GOARCH}, []string{"", ""}
	if wanted := os.Getenv("REPRODUCIBLE"); wanted != "" {
		names, architectures = strings.Fields(wanted), []string{"amd64", "arm64"}
		if wanted == "all" {
			names = packed(t)
		}
		caches[1] = "GOCACHE=" + t.TempDir()
	}
	for _, architecture := range architectures {
		var sums [2]map[string][sha256.Size]byte
		for i, environment := range [][]string{
			{"GOFLAGS=", "GOWORK="},
			{"GOFLAGS=-buildvcs=true -tags=other -modcacherw", "GOAMD64=v3", "GOARM64=v8.2", "CGO_ENABLED=1", "TZ=Asia/Tokyo", "LC_ALL=C", "HOME=" + homeOf(t)},
		} {
			out := t.TempDir()
			environment = append(environment, "OUT="+out, "VERSION=v9.9.9", "WORKLOAD_TAGS=grpcnotrace", "GOARCH="+architecture)
			if caches[i] != "" {
				environment = append(environment, caches[i])
			}
			run(t, copied(t, everything), environment, "hack/binaries.sh", names...)
			sums[i] = map[string][sha256.Size]byte{}
			for _, name := range names {
				content, err := os.ReadFile(filepath.Join(out, name))
				if err != nil {
					t.Fatal(err)
				}
				sums[i][name] = sha256.Sum256(content)
			}
		}
		for _, name := range names {
			if sums[0][name] != sums[1][name] {
				t.Errorf("%s for %s: two builds differ: %x and %x", name, architecture, sums[0][name], sums[1][name])
			}
		}
	}
}

// homeOf keeps the caches where they are for another home.
func homeOf(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} {
		t.Setenv(name, strings.TrimSpace(run(t, ".", nil, "go", "env", name)))
	}
	return home
}
