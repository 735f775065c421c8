// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	// Time zones and root certificates for an image that has neither; what the system has comes first.
	_ "time/tzdata"

	_ "golang.org/x/crypto/x509roots/fallback"
)
