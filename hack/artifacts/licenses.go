// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"cmp"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/google/licensecheck"
	"golang.org/x/mod/module"
)

// ours is where the paths of our own modules begin; they are under the LICENSE of the checkout.
const ours = "goservice.dev/operator"

// permissive licenses, by SPDX identifier: those that ask for no more than their text and notices.
var permissive = []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "ISC", "MIT", "Unlicense", "Zlib"}

var licenseFiles = regexp.MustCompile(`(?i)^(li[cs]en[cs]e|copying|notice|unlicense)([-._].*)?$`)

// licenses are the texts of a module, by name of the file, from the module cache; the standard library's from Go's own folder.
func licenses(version module.Version) (map[string][]byte, error) {
	folder, err := moduleFolder(version)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", version, err)
	}
	texts := map[string][]byte{}
	for _, entry := range entries {
		if entry.Type().IsRegular() && licenseFiles.MatchString(entry.Name()) && filepath.Ext(entry.Name()) != ".go" {
			if texts[entry.Name()], err = os.ReadFile(filepath.Join(folder, entry.Name())); err != nil {
				return nil, err
			}
		}
	}
	if len(texts) == 0 {
		return nil, fmt.Errorf("%s: has no file with a license", version)
	}
	return texts, nil
}

func moduleFolder(version module.Version) (string, error) {
	root, cache, err := goFolders()
	if err != nil || version.Path == "stdlib" {
		return root, err
	}
	path, err := module.EscapePath(version.Path)
	if err != nil {
		return "", err
	}
	escaped, err := module.EscapeVersion(version.Version)
	return filepath.Join(cache, path+"@"+escaped), err
}

// goFolders are Go's own and that of the module cache.
func goFolders() (root, cache string, err error) {
	output, err := goEnvironment()
	root, cache, _ = strings.Cut(output, "\n")
	return root, cache, err
}

var goEnvironment = sync.OnceValues(func() (string, error) {
	output, err := exec.Command("go", "env", "GOROOT", "GOMODCACHE").Output()
	return strings.TrimSpace(string(output)), err
})

// license of a module as an SPDX expression. All that its files say applies; what is not recognized is an error.
func license(version module.Version) (string, error) {
	if strings.HasPrefix(version.Path, ours) {
		return "Apache-2.0", nil
	}
	texts, err := licenses(version)
	if err != nil {
		return "", err
	}
	found := map[string]bool{}
	for name, text := range texts {
		if strings.HasPrefix(strings.ToLower(name), "notice") {
			continue
		}
		coverage := licensecheck.Scan(text)
		for _, match := range coverage.Match {
			found[match.ID] = true
		}
		if len(coverage.Match) == 0 {
			return "", fmt.Errorf("%s: %s is no known license", version, name)
		}
	}
	if len(found) == 0 {
		return "", fmt.Errorf("%s: has a notice but no license", version)
	}
	return strings.Join(slices.Sorted(maps.Keys(found)), " AND "), nil
}

// notPermissive is an error where a license asks for more.
func notPermissive(version module.Version, expression string) error {
	for part := range strings.SplitSeq(expression, " AND ") {
		if !slices.Contains(permissive, part) {
			return fmt.Errorf("%s: license %s: must be one of %s", version, part, strings.Join(permissive, ", "))
		}
	}
	return nil
}

// linked are the modules in a program, as `go version -m` lists them, and the standard library; our own have the version of the release.
func linked(info *buildinfo.BuildInfo, release string) []module.Version {
	versions := []module.Version{{Path: "stdlib", Version: strings.TrimPrefix(info.GoVersion, "go")}}
	for _, dependency := range info.Deps {
		if dependency.Replace != nil && dependency.Replace.Version != "" {
			dependency = dependency.Replace
		}
		version := module.Version{Path: dependency.Path, Version: dependency.Version}
		if strings.HasPrefix(version.Path, ours) {
			version.Version = release
		}
		versions = append(versions, version)
	}
	slices.SortFunc(versions, func(a, b module.Version) int { return cmp.Compare(a.Path, b.Path) })
	return versions
}

// licenseTexts of everything in a program but our own, one after the other.
func licenseTexts(program string) ([]byte, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var all bytes.Buffer
	for _, version := range linked(info, "") {
		if strings.HasPrefix(version.Path, ours) {
			continue
		}
		texts, err := licenses(version)
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(texts)) {
			fmt.Fprintf(&all, "%s %s: %s\n\n%s\n\n", version.Path, version.Version, name, bytes.TrimSpace(texts[name]))
		}
	}
	return all.Bytes(), nil
}

// released are the folders of the modules whose programs a release hands out, with the program and the systems that it runs on.
var released = []struct {
	folder, program string
	systems         []string
}{
	{".", ".", []string{"linux"}},
	{"workload", ".", []string{"linux"}},
	{"hack/kubectl-gosvc", ".", []string{"linux", "darwin", "windows"}},
}

// printLicenses of everything that is compiled into a released program, without compiling it.
func printLicenses(w io.Writer, root string) error {
	versions := map[module.Version]bool{}
	for _, r := range released {
		for _, system := range r.systems {
			command := exec.Command("go", "list", "-tags=grpcnotrace", "-deps", "-f", "{{with .Module}}{{.Path}} {{.Version}}{{end}}", r.program)
			command.Dir = filepath.Join(root, r.folder)
			command.Env = append(os.Environ(), "GOOS="+system, "GOWORK=", "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
			command.Stderr = os.Stderr
			output, err := command.Output()
			if err != nil {
				return fmt.Errorf("go list in %s: %w", r.folder, err)
			}
			for line := range strings.Lines(string(output)) {
				path, version, _ := strings.Cut(strings.TrimSpace(line), " ")
				if path != "" && !strings.HasPrefix(path, ours) {
					versions[module.Version{Path: path, Version: version}] = true
				}
			}
		}
	}
	var failures []error
	sorted := slices.SortedFunc(maps.Keys(versions), func(a, b module.Version) int { return cmp.Compare(a.String(), b.String()) })
	for _, version := range sorted {
		expression, err := license(version)
		if err == nil {
			err = notPermissive(version, expression)
		}
		failures = append(failures, err)
		fmt.Fprintf(w, "%-70s %s\n", version, expression)
	}
	return errors.Join(failures...)
}
