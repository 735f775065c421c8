// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// identities tell a service from another one that had its name before. All that is remembered of services is by their names, and one that
// is deleted and made anew at once is never seen to be gone.
type identities struct {
	mu sync.Mutex
	of map[client.ObjectKey]types.UID
}

// replaces notes which service has the name now, and says whether another one had it before.
func (i *identities) replaces(service *v1alpha1.GoService) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.of == nil {
		i.of = map[client.ObjectKey]types.UID{}
	}
	name := client.ObjectKeyFromObject(service)
	former, known := i.of[name]
	i.of[name] = service.UID
	return known && former != service.UID
}

func (i *identities) forget(name client.ObjectKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.of, name)
}
