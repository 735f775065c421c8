// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Everything but CAP_SYS_RESOURCE (bit 24), as such machines report it.
const withoutSysResource = "Name:\tx\nCapBnd:\t000001fffeffffff\nCapAmb:\t0\n"

func TestDescription(t *testing.T) {
	cases := map[string]struct {
		args []string
		path string
		at   []string
	}{
		"create":              {[]string{"--root", "/r", "--log-format", "json", "create", "--bundle", "/b", "id"}, "/b/config.json", []string{"process"}},
		"create, joined":      {[]string{"create", "--bundle=/b", "id"}, "/b/config.json", []string{"process"}},
		"run in this folder":  {[]string{"run", "id"}, "config.json", []string{"process"}},
		"exec":                {[]string{"--log", "/l", "exec", "--process", "/p.json", "--detach", "id"}, "/p.json", nil},
		"exec without a file": {[]string{"exec", "id", "true"}, "", nil},
		"state":               {[]string{"state", "id"}, "", nil},
		"delete of exec":      {[]string{"delete", "--force", "id"}, "", nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path, at := description(c.args)
			if path != c.path || !slices.Equal(at, c.at) {
				t.Errorf("description = %q at %q, want %q at %q", path, at, c.path, c.at)
			}
		})
	}
}

func TestTrimFile(t *testing.T) {
	bounding, err := boundingSet(withoutSysResource)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		at         []string
		have, want string
	}{
		"bundle": {
			[]string{"process"},
			`{"linux":{"limit":9223372036854775807},"process":{"capabilities":{"bounding":["CAP_KILL","CAP_SYS_RESOURCE"]}}}`,
			`{"linux":{"limit":9223372036854775807},"process":{"capabilities":{"bounding":["CAP_KILL"]}}}`,
		},
		"process":              {nil, `{"capabilities":{"effective":["CAP_SYS_RESOURCE"]}}`, `{"capabilities":{"effective":[]}}`},
		"nothing to take away": {nil, `{ "capabilities": {"effective": ["CAP_BPF"]} }`, `{ "capabilities": {"effective": ["CAP_BPF"]} }`},
		"unknown is kept":      {nil, `{"capabilities":{"effective":["CAP_NEW"]}}`, `{"capabilities":{"effective":["CAP_NEW"]}}`},
		"no process":           {[]string{"process"}, `{"root":{}}`, `{"root":{}}`},
		"no capabilities":      {nil, `{"args":["true"]}`, `{"args":["true"]}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file.json")
			if err := os.WriteFile(path, []byte(c.have), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := trimFile(path, c.at, bounding); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("trimmed to %s, want %s", got, c.want)
			}
		})
	}
}

func TestBoundingSetMissing(t *testing.T) {
	if _, err := boundingSet("Name:\tx\n"); err == nil {
		t.Error("a status without a bounding set was accepted")
	}
}
