// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	provenance "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	provenanceFile = "provenance.intoto.json"
	checksumsFile  = "SHA256SUMS"
)

// files of the release so far, with their SHA-256 in hexadecimal; not those that are named.
func (r *release) files(without ...string) (names []string, sums map[string]string, err error) {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return nil, nil, err
	}
	sums = map[string]string{}
	for _, entry := range entries {
		if !entry.Type().IsRegular() || slices.Contains(without, entry.Name()) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(r.out, entry.Name()))
		if err != nil {
			return nil, nil, err
		}
		sum := sha256.Sum256(content)
		names = append(names, entry.Name())
		sums[entry.Name()] = hex.EncodeToString(sum[:])
	}
	return names, sums, nil
}

// provenance is an in-toto statement with SLSA's predicate: which sources and which Go made the files. It is not signed, and names no
// machine or time: whoever runs the build again gets the same. The workflow of a release signs it.
func (r *release) provenance() error {
	names, sums, err := r.files(provenanceFile, checksumsFile)
	if err != nil {
		return err
	}
	info, err := buildinfo.ReadFile(r.programs()[0].path)
	if err != nil {
		return err
	}
	parameters, err := structpb.NewStruct(map[string]any{"target": "release", "version": r.version, "sourceDateEpoch": r.created.Unix()})
	if err != nil {
		return err
	}
	predicate := &provenance.Provenance{
		BuildDefinition: &provenance.BuildDefinition{
			BuildType:          r.source + "/make-release/v1",
			ExternalParameters: parameters,
			ResolvedDependencies: []*intoto.ResourceDescriptor{
				{Uri: "git+" + r.source, Digest: map[string]string{"gitCommit": r.commit}},
				{Uri: "pkg:golang/stdlib@" + strings.TrimPrefix(info.GoVersion, "go"), Name: "go"},
			},
		},
		RunDetails: &provenance.RunDetails{Builder: &provenance.Builder{Id: r.source + "/make-release"}},
	}
	if err := predicate.Validate(); err != nil {
		return err
	}
	encoded, err := protojson.Marshal(predicate)
	if err != nil {
		return err
	}
	statement := &intoto.Statement{Type: intoto.StatementTypeUri, PredicateType: "https://slsa.dev/provenance/v1", Predicate: &structpb.Struct{}}
	if err := protojson.Unmarshal(encoded, statement.Predicate); err != nil {
		return err
	}
	for _, name := range names {
		statement.Subject = append(statement.Subject, &intoto.ResourceDescriptor{Name: name, Digest: map[string]string{"sha256": sums[name]}})
	}
	if err := statement.Validate(); err != nil {
		return err
	}
	if encoded, err = protojson.Marshal(statement); err != nil {
		return err
	}
	// protojson varies its spaces on purpose.
	var content bytes.Buffer
	if err := json.Indent(&content, encoded, "", "  "); err != nil {
		return err
	}
	content.WriteByte('\n')
	return r.put(provenanceFile, content.Bytes())
}

// checksums in the form of `sha256sum --check`.
func (r *release) checksums() error {
	names, sums, err := r.files(checksumsFile)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, name := range names {
		fmt.Fprintf(&text, "%s  %s\n", sums[name], name)
	}
	return r.put(checksumsFile, []byte(text.String()))
}
