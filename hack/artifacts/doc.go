// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Artifacts makes the files of a release from programs that are compiled already: images, archives, bills of materials, provenance,
// checksums, and notes. It reads no clock and no network, so the same programs give the same bits. `make release` runs it.
package main
