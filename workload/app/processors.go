// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
)

// Digest hashes a text.
type Digest struct{}

type digestInput struct {
	// Algorithm is sha256 (the default) or sha512.
	Algorithm string  `json:"algorithm"`
	Text      *string `json:"text"`
}

func (Digest) parse(input json.RawMessage) (parsed digestInput, err error) {
	if err := strict(input, &parsed); err != nil {
		return parsed, err
	}
	switch parsed.Algorithm {
	case "", "sha256", "sha512":
	default:
		return parsed, invalid("algorithm", "must be sha256 or sha512")
	}
	if parsed.Text == nil {
		return parsed, invalid("text", "must be given")
	}
	if !losesNothing(input) {
		return parsed, invalid("text", "must be Unicode: UTF-8 without unpaired surrogates")
	}
	return parsed, nil
}

// Check wants a text.
func (d Digest) Check(input json.RawMessage) error {
	_, err := d.parse(input)
	return err
}

// Process returns the digest in hexadecimal digits.
func (d Digest) Process(_ context.Context, input json.RawMessage) (any, error) {
	parsed, err := d.parse(input)
	if err != nil {
		return nil, err
	}
	if parsed.Algorithm == "sha512" {
		sum := sha512.Sum512([]byte(*parsed.Text))
		return map[string]string{"digest": hex.EncodeToString(sum[:])}, nil
	}
	sum := sha256.Sum256([]byte(*parsed.Text))
	return map[string]string{"digest": hex.EncodeToString(sum[:])}, nil
}

// Fetch reads a path of an upstream.
type Fetch struct{ Upstreams Upstreams }

type fetchInput struct {
	Upstream string `json:"upstream"`
	// Path with an optional query; empty means /.
	Path string `json:"path"`
}

// Fetched is the output of Fetch.
type Fetched struct {
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body,omitempty"`
	// BodyEncoding is base64 for a body that is neither JSON nor UTF-8.
	BodyEncoding string `json:"bodyEncoding,omitempty"`
}

func (f Fetch) parse(input json.RawMessage) (parsed fetchInput, err error) {
	if err := strict(input, &parsed); err != nil {
		return parsed, err
	}
	if err := checkUpstream("upstream", parsed.Upstream, f.Upstreams.Names()); err != nil {
		return parsed, err
	}
	if parsed.Path == "" {
		parsed.Path = "/"
	}
	return parsed, checkPath("path", parsed.Path)
}

// Check wants a declared upstream and a path.
func (f Fetch) Check(input json.RawMessage) error {
	_, err := f.parse(input)
	return err
}

// Process returns what the upstream answered, whatever its status.
func (f Fetch) Process(ctx context.Context, input json.RawMessage) (any, error) {
	parsed, err := f.parse(input)
	if err != nil {
		return nil, err
	}
	content, err := f.Upstreams.Fetch(ctx, parsed.Upstream, parsed.Path, maxFetchBytes)
	if err != nil {
		return nil, err
	}
	body, encoding := bodyOf(content)
	return Fetched{Status: content.Status, Body: body, BodyEncoding: encoding}, nil
}

// strict decodes one JSON object without unknown fields; its errors are *Invalid.
func strict(input json.RawMessage, into any) error {
	if len(input) == 0 || input[0] != '{' {
		return invalid("", "must be a JSON object")
	}
	decoder := json.NewDecoder(bytes.NewReader(input))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil {
		return nil
	}
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return invalid(wrong.Field, "must be a %s, not a value of type %s", wrong.Type.String(), wrong.Value)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return invalid(strings.Trim(name, `"`), "is not known")
	}
	return invalid("", "must be a JSON object: %v", err)
}
