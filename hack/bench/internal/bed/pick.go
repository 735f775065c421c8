// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package bed

import (
	"fmt"
	"slices"
	"strings"
)

// Pick those of all whose names a flag lists, separated by commas, in that order. An unknown name is an error.
func Pick[T any](flag, names string, all []T, nameOf func(T) string) ([]T, error) {
	var found []T
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(one T) bool { return nameOf(one) == name })
		if i < 0 {
			return nil, fmt.Errorf("-%s: there is no %q", flag, name)
		}
		found = append(found, all[i])
	}
	return found, nil
}
