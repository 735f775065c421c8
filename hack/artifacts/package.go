// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const chartName = "goservice-operator"

var chartVersions = regexp.MustCompile(`(?m)^(version|appVersion): .*$`)

// chart packs the Helm chart as `helm package --version --app-version` does, but with one time for all, and with the release's images as values.
func (r *release) chart() error {
	files, err := filesBelow(filepath.Join(r.root, "config", "charts", chartName), chartName+"/")
	if err != nil {
		return err
	}
	for i, f := range files {
		switch f.name {
		case chartName + "/values.yaml":
			if files[i].content, err = r.values(f.content); err != nil {
				return err
			}
		case chartName + "/Chart.yaml":
			files[i].content = chartVersions.ReplaceAllFunc(f.content, func(line []byte) []byte {
				if strings.HasPrefix(string(line), "appVersion") {
					return []byte("appVersion: " + r.version)
				}
				return []byte("version: " + r.semantic())
			})
		}
	}
	archive, err := tarGzipped(files, r.created)
	if err != nil {
		return err
	}
	return r.put(chartName+"-"+r.semantic()+".tgz", archive)
}

// values of the chart, whose defaults are the release's images. What the chart's templates take instead of an empty value stays unsaid, so that
// a mirror is one value.
func (r *release) values(text []byte) ([]byte, error) {
	registry, tag := "", r.version
	for _, block := range []struct{ name, reference string }{{"image", r.managerImage}, {"workloadImage", r.workloadImage}} {
		parts := references.FindSubmatch([]byte(block.reference))
		set := map[string]string{"registry": string(parts[1]), "repository": string(parts[2]), "tag": string(parts[3]), "digest": string(parts[4])}
		if set["registry"] == registry {
			set["registry"] = ""
		}
		if set["tag"] == tag {
			set["tag"] = ""
		}
		registry, tag = string(parts[1]), cmp.Or(set["tag"], tag)
		found := regexp.MustCompile(`(?m)^` + block.name + `:\n(?: .*\n)+`).FindIndex(text)
		if found == nil {
			return nil, fmt.Errorf("values.yaml has no %s", block.name)
		}
		lines := string(text[found[0]:found[1]])
		for key, value := range set {
			line := regexp.MustCompile(`(?m)^  ` + key + `: .*$`)
			if !line.MatchString(lines) {
				return nil, fmt.Errorf("values.yaml has no %s.%s", block.name, key)
			}
			lines = line.ReplaceAllLiteralString(lines, fmt.Sprintf("  %s: %q", key, value))
		}
		text = slices.Concat(text[:found[0]], []byte(lines), text[found[1]:])
	}
	return text, nil
}

// bundle packs what hack/bundle has made for the Operator Lifecycle Manager.
func (r *release) bundle() error {
	files, err := filesBelow(filepath.Join(r.built, "bundle"), "")
	if err != nil {
		return err
	}
	archive, err := tarGzipped(files, r.created)
	if err != nil {
		return err
	}
	return r.put("goservice-operator-bundle-"+r.semantic()+".tar.gz", archive)
}

const pluginName = "kubectl-gosvc"

// platform that the plugin is compiled for.
type platform struct{ os, architecture string }

var pluginPlatforms = []platform{
	{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}, {"windows", "arm64"},
}

// platforms whose plugin is packed.
func (r *release) platforms() []platform {
	if r.part == "" {
		return pluginPlatforms
	}
	return slices.DeleteFunc(slices.Clone(pluginPlatforms), func(p platform) bool { return p.folder() != r.part })
}

func (p platform) folder() string { return p.os + "-" + p.architecture }

// program is the plugin's file name.
func (p platform) program() string {
	if p.os == "windows" {
		return pluginName + ".exe"
	}
	return pluginName
}

func (p platform) archive(version string) string {
	name := pluginName + "-" + version + "-" + p.folder()
	if p.os == "windows" {
		return name + ".zip"
	}
	return name + ".tar.gz"
}

// plugin writes an archive for each platform, with our license and those of everything that is linked.
func (r *release) plugin() error {
	license, err := os.ReadFile(filepath.Join(r.root, "LICENSE"))
	if err != nil {
		return err
	}
	completion, err := os.ReadFile(filepath.Join(r.root, "hack", pluginName, "kubectl_complete-gosvc"))
	if err != nil {
		return err
	}
	for _, p := range r.platforms() {
		path := filepath.Join(r.built, p.folder(), p.program())
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		texts, err := licenseTexts(path)
		if err != nil {
			return err
		}
		files := []file{
			{name: p.program(), content: content, executable: true},
			{name: "LICENSE", content: license},
			{name: "THIRD_PARTY_LICENSES.txt", content: texts},
		}
		pack := zipped
		if p.os != "windows" {
			pack = tarGzipped
			files = append(files, file{name: "kubectl_complete-gosvc", content: completion, executable: true})
		}
		archive, err := pack(files, r.created)
		if err != nil {
			return err
		}
		if err := r.put(p.archive(r.version), archive); err != nil {
			return err
		}
	}
	return nil
}

// krew writes the manifest of the plugin for krew, with the checksums of the archives that lie beside it. Krew takes the plugin's name from the file's.
func (r *release) krew() error {
	var text strings.Builder
	fmt.Fprintf(&text, `apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: gosvc
spec:
  version: v%s
  homepage: %s
  shortDescription: Explain, check, and retune GoServices
  description: |
    Says what a GoService does and why, what a cluster lacks for it, changes its
    limits and waits for the pods, and shows all services live.
  platforms:
`, r.semantic(), r.source)
	for _, p := range r.platforms() {
		name := p.archive(r.version)
		content, err := os.ReadFile(filepath.Join(r.out, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, `  - selector:
      matchLabels: {os: %s, arch: %s}
    uri: %s/releases/download/%s/%s
    sha256: %x
    bin: %s
`, p.os, p.architecture, r.source, r.version, name, sha256.Sum256(content), p.program())
	}
	return r.put("gosvc.yaml", []byte(text.String()))
}
