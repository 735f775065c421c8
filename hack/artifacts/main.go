// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// release is what a release is made of, and where its files go.
type release struct {
	version       string    // v0.2.0, or dev-… for sources without a tag
	commit        string    // of the sources, 40 hex digits
	source        string    // address of the repository
	created       time.Time // that everything in the files carries
	root          string    // folder of the checkout
	built         string    // folder of the compiled programs, OS-ARCHITECTURE/PROGRAM
	out           string    // folder to write to
	managerImage  string    // reference of the operator's image, for the chart
	workloadImage string    // reference of the bundled workload's image, likewise
	part          string    // the only platform whose plugin is packed, without images and what describes them; empty for a whole release
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "artifacts:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	r := release{}
	flags := flag.NewFlagSet("artifacts", flag.ContinueOnError)
	licenses := flags.Bool("licenses", false, "print the modules of all released programs with their licenses, and fail if one is not permissive")
	check := flags.Bool("check", false, "only check the other flags, and that both changelogs have what the notes need")
	flags.StringVar(&r.version, "version", "", "version of the release, such as v0.2.0")
	flags.StringVar(&r.commit, "commit", "", "commit of the sources, 40 hex digits")
	flags.StringVar(&r.source, "source", "", "https address of the repository")
	flags.StringVar(&r.managerImage, "image", "", "reference of the operator's image that the chart installs, such as registry.example/manager:v0.2.0")
	flags.StringVar(&r.workloadImage, "workload-image", "", "reference of the image of GoServices that set none, likewise")
	flags.StringVar(&r.root, "root", "../..", "folder of the checkout")
	flags.StringVar(&r.built, "built", "", "folder of the compiled programs")
	flags.StringVar(&r.out, "out", "", "folder to write to")
	flags.StringVar(&r.part, "part", "", "only notes, chart, and the plugin of this platform, such as linux-amd64, with its krew manifest and checksums")
	epoch := flags.String("epoch", "", "time of everything in the files, in seconds since 1970, as SOURCE_DATE_EPOCH")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *licenses {
		return printLicenses(os.Stdout, r.root)
	}
	seconds, err := strconv.ParseInt(*epoch, 10, 64)
	if err != nil || seconds <= 0 {
		return fmt.Errorf("-epoch %q: must be a number of seconds since 1970", *epoch)
	}
	r.created = time.Unix(seconds, 0).UTC()
	if err := r.valid(); err != nil {
		return err
	}
	if *check {
		_, err := r.notes()
		return err
	}
	return r.write()
}

var (
	// What hack/release.sh takes, and what hack/version.sh says without a tag.
	versions = regexp.MustCompile(`^(v[01]\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?|dev-[0-9a-f]{12})$`)
	commits  = regexp.MustCompile(`^[0-9a-f]{40}$`)
	// Registry (with folders), name, tag, digest.
	references = regexp.MustCompile(`^([a-z0-9][a-zA-Z0-9.:/_-]*)/([a-z0-9][a-z0-9._-]*)(?::([\w][\w.-]*)|@(sha256:[0-9a-f]{64}))$`)
)

func (r *release) valid() error {
	if !versions.MatchString(r.version) {
		return fmt.Errorf("-version %q: must be a version such as v0.2.0 or v0.2.0-rc.1, or dev-HASH as hack/version.sh prints it", r.version)
	}
	if !commits.MatchString(r.commit) {
		return fmt.Errorf("-commit %q: must be the 40 hex digits of a commit", r.commit)
	}
	if !strings.HasPrefix(r.source, "https://") {
		return fmt.Errorf("-source %q: must be an https address", r.source)
	}
	for name, reference := range map[string]string{"image": r.managerImage, "workload-image": r.workloadImage} {
		if !references.MatchString(reference) {
			return fmt.Errorf("-%s %q: must be REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:DIGEST", name, reference)
		}
	}
	if r.part != "" && len(r.platforms()) == 0 {
		return fmt.Errorf("-part %q: must be a platform of the plugin, such as linux-amd64", r.part)
	}
	if r.built == "" || r.out == "" {
		return errors.New("-built and -out: both folders must be named")
	}
	return nil
}

// write makes all files. The order matters at the end: provenance covers all files before it, and the checksums all but themselves.
func (r *release) write() error {
	steps := []struct {
		what  string
		do    func() error
		whole bool // it needs all programs
	}{
		{"notes", r.putNotes, false},
		{"images", r.images, true},
		{"chart", r.chart, false},
		{"bundle", r.bundle, true},
		{"plugin", r.plugin, false},
		{"krew manifest", r.krew, false},
		{"bills of materials", r.billsOfMaterials, true},
		{"provenance", r.provenance, true},
		{"checksums", r.checksums, false},
	}
	for _, step := range steps {
		if step.whole && r.part != "" {
			continue
		}
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

// put writes a file of the release.
func (r *release) put(name string, content []byte) error {
	return os.WriteFile(filepath.Join(r.out, name), content, 0o644)
}

// semantic is the version as Helm wants it: without a v.
func (r *release) semantic() string {
	if version, tagged := strings.CutPrefix(r.version, "v"); tagged {
		return version
	}
	return "0.0.0-" + r.version
}
