// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	provenance "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdxlib"
	"google.golang.org/protobuf/encoding/protojson"
)

// standIns is a folder of compiled programs: those of a small module under the names of the real ones. RELEASE_BUILT names a folder with the
// real ones (make reproducible).
func standIns(t *testing.T) string {
	t.Helper()
	if built := os.Getenv("RELEASE_BUILT"); built != "" {
		return built
	}
	built := t.TempDir()
	for _, p := range (&release{built: built}).programs() {
		command := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w -X main.version=v0.99.0-rc.1", "-o", p.path, "./testdata/standin")
		command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.platform.os, "GOARCH="+p.platform.architecture, "GOFLAGS=-buildvcs=false")
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
	}
	bundle := filepath.Join(built, "bundle", "manifests")
	if err := os.MkdirAll(bundle, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bundle, "goservice-operator.clusterserviceversion.yaml"), []byte("version: 0.99.0-rc.1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return built
}

// made is a release of stand-ins in a folder of its own.
func made(t *testing.T, built string) *release {
	t.Helper()
	r := &release{built: built, out: t.TempDir()}
	arguments := []string{
		"-version=v0.99.0-rc.1", "-commit=" + strings.Repeat("a1", 20), "-source=https://example.com/operator", "-epoch=1700000000",
		"-built=" + built, "-out=" + r.out, "-image=registry.example/team/manager:v0.99.0-rc.1", "-workload-image=mirror.example:5000/service@" + digest,
	}
	if err := run(arguments); err != nil {
		t.Fatal(err)
	}
	r.version, r.commit, r.source = "v0.99.0-rc.1", strings.Repeat("a1", 20), "https://example.com/operator"
	return r
}

func read(t *testing.T, r *release, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(r.out, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestARelease(t *testing.T) {
	built := standIns(t)
	r := made(t, built)
	t.Run("is the same bits when it is made again, elsewhere and under another umask", func(t *testing.T) { again(t, r, built) })
	t.Run("has programs of the right system that know their version", func(t *testing.T) { programsAreRight(t, r) })
	t.Run("has images that are valid and hold the programs", func(t *testing.T) { imagesAreRight(t, r) })
	t.Run("has SBOMs that say what the programs say", func(t *testing.T) { billsAreRight(t, r) })
	t.Run("has archives of the plugin with licenses, and a krew manifest of these", func(t *testing.T) { archivesAreRight(t, r) })
	t.Run("has a plugin that krew installs on each system", func(t *testing.T) { krewInstalls(t, r) })
	t.Run("has a chart that says its version", func(t *testing.T) { chartIsRight(t, r) })
	t.Run("has a bundle that says its version", func(t *testing.T) { bundleIsRight(t, r) })
	t.Run("has provenance and checksums over all files", func(t *testing.T) { sumsAreRight(t, r) })
	if notes := string(read(t, r, "RELEASE_NOTES.md")); !strings.Contains(notes, "## Toolkit\n") || !strings.Contains(notes, "### Added") {
		t.Errorf("the notes are\n%s", notes)
	}
}

func again(t *testing.T, r *release, built string) {
	moved := t.TempDir()
	if err := os.CopyFS(moved, os.DirFS(built)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TZ", "Asia/Tokyo")
	other := made(t, moved)
	_, sums, err := r.files()
	if err != nil {
		t.Fatal(err)
	}
	_, others, err := other.files()
	if err != nil {
		t.Fatal(err)
	}
	for name := range maps.Keys(sums) {
		if sums[name] != others[name] {
			t.Errorf("%s differs", name)
		}
	}
	if len(sums) != len(others) || len(sums) < 25 {
		t.Errorf("%d files, and %d the second time", len(sums), len(others))
	}
}

func programsAreRight(t *testing.T, r *release) {
	for _, p := range r.programs() {
		info, err := buildinfo.ReadFile(p.path)
		if err != nil {
			t.Fatal(err)
		}
		settings := map[string]string{}
		for _, setting := range info.Settings {
			settings[setting.Key] = setting.Value
		}
		if settings["GOOS"] != p.platform.os || settings["GOARCH"] != p.platform.architecture || settings["CGO_ENABLED"] != "0" {
			t.Errorf("%s was compiled for %s/%s, CGO_ENABLED=%s", p.path, settings["GOOS"], settings["GOARCH"], settings["CGO_ENABLED"])
		}
		if settings["vcs.revision"] != "" || settings["-trimpath"] != "true" { // the provenance has the commit
			t.Errorf("%s: vcs.revision=%q, -trimpath=%q", p.path, settings["vcs.revision"], settings["-trimpath"])
		}
		program, err := os.ReadFile(p.path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(program, []byte(r.version)) {
			t.Errorf("%s does not know that it is %s", p.path, r.version)
		}
	}
}

func imagesAreRight(t *testing.T, r *release) {
	for _, target := range imageTargets {
		path, err := layout.FromPath(untarred(t, read(t, r, "goservice-"+target+"-"+r.version+".oci.tar")))
		if err != nil {
			t.Fatal(err)
		}
		outer, err := path.ImageIndex()
		if err != nil {
			t.Fatal(err)
		}
		named, err := outer.IndexManifest()
		if err != nil || len(named.Manifests) != 1 || named.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != r.version {
			t.Fatalf("%s: the archive names %v, %v", target, named, err)
		}
		index, err := outer.ImageIndex(named.Manifests[0].Digest)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Index(index); err != nil {
			t.Error(err)
		}
		manifest, err := index.IndexManifest()
		if err != nil || manifest.Annotations["org.opencontainers.image.source"] != r.source || len(manifest.Manifests) != 2 {
			t.Fatalf("%s: %v, %v", target, manifest, err)
		}
		for _, descriptor := range manifest.Manifests {
			image, err := index.Image(descriptor.Digest)
			if err != nil {
				t.Fatal(err)
			}
			imageIsRight(t, r, target, descriptor.Platform.Architecture, image)
		}
	}
}

func imageIsRight(t *testing.T, r *release, target, architecture string, image v1.Image) {
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if config.Architecture != architecture || config.Config.User != "65532:65532" || config.Config.Labels["org.opencontainers.image.version"] != r.version ||
		manifest.Annotations["org.opencontainers.image.source"] != r.source || !slices.Equal(config.Config.Entrypoint, []string{"/" + target}) {
		t.Errorf("%s: %+v, %v", target, config, manifest.Annotations)
	}
	layers, err := image.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers: %v", len(layers), err)
	}
	reader, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(r.built, "linux-"+architecture, target))
	if err != nil {
		t.Fatal(err)
	}
	if files := entries(t, content); len(files) != 1 || !bytes.Equal(files[target], want) {
		t.Errorf("%s for %s: the layer has %q", target, architecture, slices.Collect(maps.Keys(files)))
	}
}

func billsAreRight(t *testing.T, r *release) {
	for _, p := range r.programs() {
		document, err := spdxjson.Read(bytes.NewReader(read(t, r, p.base(r.version)+".spdx.json")))
		if err != nil {
			t.Fatal(err)
		}
		if err := spdxlib.ValidateDocument(document); err != nil {
			t.Error(err)
		}
		var said []string
		for _, dependency := range document.Packages[1:] {
			if version := dependency.PackageVersion; dependency.PackageName != "stdlib" {
				said = append(said, dependency.PackageName+" "+version)
			}
			if dependency.PackageLicenseDeclared == "" {
				t.Errorf("%s has no license", dependency.PackageName)
			}
		}
		output, err := exec.Command("go", "version", "-m", p.path).Output()
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for line := range strings.Lines(string(output)) {
			fields := strings.Fields(line)
			switch {
			case fields[0] == "=>" && len(fields) > 2: // instead of the line before
				want[len(want)-1] = fields[1] + " " + fields[2]
			case fields[0] == "dep" && strings.HasPrefix(fields[1], ours):
				want = append(want, fields[1]+" "+r.version)
			case fields[0] == "dep":
				want = append(want, fields[1]+" "+fields[2])
			}
		}
		slices.Sort(said)
		slices.Sort(want)
		if !slices.Equal(said, want) || len(want) == 0 {
			t.Errorf("%s: the SBOM says\n%q\ngo version -m\n%q", p.path, said, want)
		}
		content, err := os.ReadFile(p.path)
		if err != nil {
			t.Fatal(err)
		}
		if sum := fmt.Sprintf("%x", sha256.Sum256(content)); document.Packages[0].PackageChecksums[0].Value != sum {
			t.Errorf("%s: the SBOM is of another program", p.path)
		}
	}
}

func archivesAreRight(t *testing.T, r *release) {
	krew := string(read(t, r, "gosvc.yaml"))
	for _, p := range pluginPlatforms {
		name := p.archive(r.version)
		content := read(t, r, name)
		var files map[string][]byte
		if p.os == "windows" {
			files = unzipped(t, content)
		} else {
			files = entries(t, gunzipped(t, content))
		}
		for _, wanted := range []string{p.program(), "LICENSE", "THIRD_PARTY_LICENSES.txt"} {
			if len(files[wanted]) == 0 {
				t.Errorf("%s has no %s", name, wanted)
			}
		}
		if !bytes.Contains(files["THIRD_PARTY_LICENSES.txt"], []byte("golang.org/x/mod v")) && os.Getenv("RELEASE_BUILT") == "" {
			t.Errorf("%s: the licenses leave out a module that is linked", name)
		}
		if sum := fmt.Sprintf("%x", sha256.Sum256(content)); !strings.Contains(krew, name+"\n    sha256: "+sum+"\n") {
			t.Errorf("the krew manifest has another checksum of %s", name)
		}
	}
}

func sumsAreRight(t *testing.T, r *release) {
	command := exec.Command("sha256sum", "--check", "--strict", checksumsFile)
	command.Dir = r.out
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, output)
	}
	statement := &intoto.Statement{}
	if err := protojson.Unmarshal(read(t, r, provenanceFile), statement); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(statement.Predicate.AsMap())
	if err != nil {
		t.Fatal(err)
	}
	predicate := &provenance.Provenance{}
	if err := protojson.Unmarshal(encoded, predicate); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(statement.Validate(), predicate.Validate()); err != nil {
		t.Error(err)
	}
	_, sums, err := r.files(provenanceFile, checksumsFile)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, subject := range statement.Subject {
		said[subject.Name] = subject.Digest["sha256"]
	}
	if !maps.Equal(said, sums) {
		t.Errorf("the provenance is of\n%v\nand the files are\n%v", said, sums)
	}
	if commit := predicate.BuildDefinition.ResolvedDependencies[0].Digest["gitCommit"]; commit != r.commit {
		t.Errorf("the commit is %q", commit)
	}
}

// entries of a tar archive; the same time and owner for all is part of what is tested.
func entries(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for reader := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.ModTime.Unix() != 1700000000 || header.Uid != 0 || header.Uname != "" {
			t.Errorf("%s is of %s, user %d %q", header.Name, header.ModTime, header.Uid, header.Uname)
		}
		if files[header.Name], err = io.ReadAll(reader); err != nil {
			t.Fatal(err)
		}
	}
}

func untarred(t *testing.T, archive []byte) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range entries(t, archive) {
		path := filepath.Join(folder, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func gunzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	reader, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func unzipped(t *testing.T, content []byte) map[string][]byte {
	t.Helper()
	reader, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, entry := range reader.File {
		opened, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[entry.Name], err = io.ReadAll(opened); err != nil {
			t.Fatal(err)
		}
	}
	return files
}
