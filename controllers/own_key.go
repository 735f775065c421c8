// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"crypto/rand"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ownKey reads a key of the operator's, and makes one if there is none.
func ownKey(ctx context.Context, writer client.Client, live client.Reader, name types.NamespacedName, entry string, length int) ([]byte, error) {
	kept := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name}}
	err := live.Get(ctx, name, kept)
	if apierrors.IsNotFound(err) {
		made := make([]byte, length)
		_, _ = rand.Read(made) // it never fails
		kept.Data = map[string][]byte{entry: made}
		err = writer.Create(ctx, kept)
		if apierrors.IsAlreadyExists(err) { // the other replica made one
			err = live.Get(ctx, name, kept)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("keeping a key of the operator in Secret %s: %w", name, err)
	}
	if len(kept.Data[entry]) < length {
		return nil, fmt.Errorf("the entry %q of Secret %s has fewer than %d bytes: delete the Secret, and it is made anew", entry, name, length)
	}
	return kept.Data[entry], nil
}
