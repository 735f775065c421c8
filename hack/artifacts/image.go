// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

var (
	imageTargets       = []string{"manager", "workload"}
	imageArchitectures = []string{"amd64", "arm64"}
)

// images writes an OCI archive for each target, with an index over all architectures.
func (r *release) images() error {
	for _, target := range imageTargets {
		if err := r.image(target); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) image(target string) error {
	config, program, err := imageConfig(filepath.Join(r.root, "Dockerfile"), target, r.version)
	if err != nil {
		return err
	}
	// On the index as well as on what it lists: tools look in one or the other.
	annotations := maps.Clone(config.Labels)
	annotations["org.opencontainers.image.source"] = r.source
	annotations["org.opencontainers.image.revision"] = r.commit
	config.Labels = annotations
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, architecture := range imageArchitectures {
		image, err := r.imageOf(filepath.Join(r.built, "linux-"+architecture, program), architecture, config)
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        mutate.Annotations(image, annotations).(v1.Image),
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}},
		})
	}
	index = mutate.Annotations(index, annotations).(v1.ImageIndex)
	folder, err := os.MkdirTemp("", "image")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	path, err := layout.Write(folder, empty.Index)
	if err != nil {
		return err
	}
	named := layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": r.version})
	if err := path.AppendIndex(index, named); err != nil {
		return err
	}
	files, err := filesBelow(folder, "")
	if err != nil {
		return err
	}
	archive, err := tarred(files, r.created)
	if err != nil {
		return err
	}
	return r.put("goservice-"+target+"-"+r.version+".oci.tar", archive)
}

// imageOf a program: one layer with the program at the root.
func (r *release) imageOf(program, architecture string, config v1.Config) (v1.Image, error) {
	content, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	archive, err := tarred([]file{{name: filepath.Base(program), content: content, executable: true}}, r.created)
	if err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive)), nil }
	layer, err := tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	created := v1.Time{Time: r.created}
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{
		Created: created, OS: "linux", Architecture: architecture, Config: config, RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, err
	}
	return mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{Created: created, CreatedBy: "make release"}})
}
