// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// secretDigest makes digests of Secrets with a key.
type secretDigest struct{ key atomic.Pointer[[]byte] }

func (d *secretDigest) set(key []byte) { d.key.Store(&key) }

// transform keeps of a Secret its name and a digest.
func (d *secretDigest) transform(object any) (any, error) {
	secret, is := object.(*corev1.Secret)
	if !is || secret.CreationTimestamp.IsZero() { // caches transform some objects twice
		return object, nil
	}
	key := *d.key.Load()
	name := sha256.Sum256(key)
	mac := hmac.New(sha256.New, key)
	for _, part := range []string{secret.Namespace, secret.Name} { // equal data of two Secrets has two digests
		write(mac, []byte(part))
	}
	writeAll(mac, secret.Data)
	return &corev1.Secret{ObjectMeta: slimReference(secret, hex.EncodeToString(name[:4])+"."+hex.EncodeToString(mac.Sum(nil)[:16]))}, nil
}

// digestConfigMap keeps of a ConfigMap its name and a digest.
func digestConfigMap(object any) (any, error) {
	configMap, is := object.(*corev1.ConfigMap)
	if !is || configMap.CreationTimestamp.IsZero() {
		return object, nil
	}
	sum := sha256.New()
	writeAll(sum, configMap.Data)
	write(sum, nil)
	writeAll(sum, configMap.BinaryData)
	return &corev1.ConfigMap{ObjectMeta: slimReference(configMap, hex.EncodeToString(sum.Sum(nil)[:16]))}, nil
}

// slimReference has no time of creation, which all objects of the API server have.
func slimReference(object client.Object, digest string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: intern(object.GetNamespace()), Name: object.GetName(), UID: object.GetUID(), ResourceVersion: object.GetResourceVersion(),
		Annotations: map[string]string{digestAnnotation: digest},
	}
}

func writeAll[V ~string | ~[]byte](into hash.Hash, data map[string]V) {
	for _, key := range slices.Sorted(maps.Keys(data)) {
		write(into, []byte(key))
		write(into, []byte(data[key]))
	}
}

// write a part, with its length: no two lists of parts are written alike.
func write(into hash.Hash, part []byte) {
	fmt.Fprintf(into, "%d:", len(part))
	into.Write(part)
}
