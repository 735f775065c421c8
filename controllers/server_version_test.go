// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/version"
)

type serverVersion struct {
	text string
	err  error
}

func (s serverVersion) ServerVersion() (*version.Info, error) {
	return &version.Info{GitVersion: s.text}, s.err
}

func TestKnowsTolerance(t *testing.T) {
	for text, want := range map[string]bool{
		"v1.33.9": false, "v1.34.4-gke.1047000": false, "v1.35.0": true, "v1.35.2-eks-4096722": true, "v1.36.3": true, "v1.37.0+k3s1": true, "v2.0.0": true,
	} {
		if got, err := knowsTolerance(serverVersion{text: text}); err != nil || got != want {
			t.Errorf("%s: %t, %v, want %t", text, got, err, want)
		}
	}
	for name, server := range map[string]serverVersion{"no version": {text: "unknown"}, "no answer": {err: errors.New("refused")}} {
		if _, err := knowsTolerance(server); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
