// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package app

import (
	"context"
	"net/url"
	"slices"
	"strings"
)

// Upstreams is the port to other services.
type Upstreams interface {
	// Names of all that may be called, in order.
	Names() []string
	// Fetch reads a path of one of them. A body of more than maxBytes is an error.
	Fetch(ctx context.Context, name, path string, maxBytes int64) (Content, error)
}

// Content is what an upstream answered.
type Content struct {
	Status int
	// JSON says that the body is valid JSON.
	JSON bool
	Body []byte
}

const (
	// maxFetchBytes bounds what is read of one answer.
	maxFetchBytes = 256 << 10
	// maxGatheredBytes bounds what is held of all answers to one request: each upstream may have its share.
	maxGatheredBytes = 4 << 20
)

func checkUpstream(field, name string, known []string) error {
	if slices.Contains(known, name) {
		return nil
	}
	if len(known) == 0 {
		return invalid(field, "must be a declared upstream; none is declared")
	}
	return invalid(field, "must be one of %s", strings.Join(known, ", "))
}

func checkPath(field, path string) error {
	switch {
	case !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//"):
		return invalid(field, "must begin with one /")
	case strings.ContainsAny(path, "\r\n\\"):
		return invalid(field, "must have no line breaks and no \\")
	case len(path) > maxPathBytes:
		return invalid(field, "must have at most %d bytes", maxPathBytes)
	}
	parsed, err := url.Parse(path)
	if err != nil {
		return invalid(field, "must be a path, percent-encoded, with an optional query")
	}
	for segment := range strings.SplitSeq(parsed.Path, "/") {
		if segment == "." || segment == ".." {
			return invalid(field, "must not contain the segments . and ..")
		}
	}
	return nil
}

const maxPathBytes = 2048
