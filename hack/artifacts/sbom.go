// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"
	"golang.org/x/mod/module"
)

// program of a release.
type program struct {
	name     string // in the names of files
	platform platform
	path     string // where it was compiled
}

func (r *release) programs() []program {
	var all []program
	for _, target := range imageTargets {
		for _, architecture := range imageArchitectures {
			p := platform{"linux", architecture}
			all = append(all, program{"goservice-" + target, p, filepath.Join(r.built, p.folder(), target)})
		}
	}
	for _, p := range pluginPlatforms {
		all = append(all, program{pluginName, p, filepath.Join(r.built, p.folder(), p.program())})
	}
	return all
}

func (p program) base(version string) string {
	return p.name + "-" + version + "-" + p.platform.folder()
}

// billsOfMaterials writes for each program what is in it, and for those in images the licenses, which the plugin's archives contain.
func (r *release) billsOfMaterials() error {
	for _, p := range r.programs() {
		document, err := r.billOfMaterials(p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.path, err)
		}
		var content bytes.Buffer
		if err := spdxjson.Write(document, &content, spdxjson.Indent("  ")); err != nil {
			return err
		}
		if err := r.put(p.base(r.version)+".spdx.json", content.Bytes()); err != nil {
			return err
		}
		if p.name == pluginName {
			continue
		}
		texts, err := licenseTexts(p.path)
		if err != nil {
			return err
		}
		if err := r.put(p.base(r.version)+".licenses.txt", texts); err != nil {
			return err
		}
	}
	return nil
}

var notInIdentifiers = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// billOfMaterials says the same as `go version -m`, with checksums and licenses.
func (r *release) billOfMaterials(p program) (*spdx.Document, error) {
	info, err := buildinfo.ReadFile(p.path)
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(p.path)
	if err != nil {
		return nil, err
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(content))
	main := r.packageOf(module.Version{Path: info.Main.Path, Version: r.version}, "Apache-2.0")
	main.PackageFileName = filepath.Base(p.path)
	main.PrimaryPackagePurpose = "APPLICATION"
	main.PackageChecksums = []common.Checksum{{Algorithm: common.SHA256, Value: sum}}
	document := &spdx.Document{
		SPDXVersion: spdx.Version, DataLicense: spdx.DataLicense, SPDXIdentifier: "DOCUMENT",
		DocumentName: p.base(r.version),
		// Unique by content, and the same in each build of it.
		DocumentNamespace: r.source + "/spdx/" + p.base(r.version) + "-" + sum,
		CreationInfo: &spdx.CreationInfo{
			Created:  r.created.Format(time.RFC3339),
			Creators: []common.Creator{{CreatorType: "Organization", Creator: "The GoService Authors"}, {CreatorType: "Tool", Creator: "make-release"}},
		},
		Packages: []*spdx.Package{main},
		Relationships: []*spdx.Relationship{{
			RefA: common.MakeDocElementID("", "DOCUMENT"), RefB: common.MakeDocElementID("", string(main.PackageSPDXIdentifier)),
			Relationship: common.TypeRelationshipDescribe,
		}},
	}
	for _, version := range linked(info, r.version) {
		expression, err := license(version)
		if err != nil {
			return nil, err
		}
		if err := notPermissive(version, expression); err != nil {
			return nil, err
		}
		dependency := r.packageOf(version, expression)
		document.Packages = append(document.Packages, dependency)
		document.Relationships = append(document.Relationships, &spdx.Relationship{
			RefA:         common.MakeDocElementID("", string(main.PackageSPDXIdentifier)),
			RefB:         common.MakeDocElementID("", string(dependency.PackageSPDXIdentifier)),
			Relationship: common.TypeRelationshipDependsOn,
		})
	}
	return document, nil
}

func (r *release) packageOf(version module.Version, expression string) *spdx.Package {
	location := "NOASSERTION" // a module comes from whatever proxy the build has; go.sum says that it is the same
	if strings.HasPrefix(version.Path, ours) {
		location = "git+" + r.source + "@" + r.commit
	}
	return &spdx.Package{
		PackageName: version.Path, PackageVersion: version.Version,
		PackageSPDXIdentifier:   common.ElementID("Package-" + notInIdentifiers.ReplaceAllString(version.Path, "-")),
		PackageDownloadLocation: location,
		PackageLicenseConcluded: "NOASSERTION", PackageLicenseDeclared: expression, PackageCopyrightText: "NOASSERTION",
		PackageExternalReferences: []*spdx.PackageExternalReference{{
			Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL,
			Locator: "pkg:golang/" + strings.ToLower(version.Path) + "@" + strings.ReplaceAll(version.Version, "+", "%2B"),
		}},
	}
}
