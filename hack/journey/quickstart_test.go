// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package journey

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/onsi/gomega"
)

// The quickstart ends with a service that answers, the edit that the README has people try reaches its pods, and it can be removed. It comes last,
// because it removes the cluster.
func TestTheQuickstart(t *testing.T) {
	j := newJourney(t, helms[0])
	j.Expect(j.typed(root, j.documented("README.md", "make quickstart"))).To(gomega.ContainSubstring(j.url))
	j.served("/")
	j.typed(root, j.documented("README.md", "kubectl patch gosvc checkout"))
	j.typed(root, j.documented("README.md", "kubectl wait gosvc checkout"))
	j.Eventually(func() string { return j.typed(root, j.documented("README.md", "kubectl events --for")) }).WithTimeout(time.Minute).
		Should(gomega.ContainSubstring("Retuned"))
	load := j.typed(root, "make load RATE=400 FOR=10s")
	admitted := regexp.MustCompile(`(?m)^\s*200\s+\d+\s+([0-9.]+)`).FindStringSubmatch(load)
	j.Expect(admitted).To(gomega.HaveLen(2), load)
	rate, err := strconv.ParseFloat(admitted[1], 64)
	j.Expect(err).NotTo(gomega.HaveOccurred())
	j.Expect(rate).To(gomega.BeNumerically("~", 100, 30), load)
	j.Expect(j.typed(root, "make quickstart-down 2>&1")).To(gomega.ContainSubstring("images"))
	_, _, err = j.try("", root+"/hack/cluster/cluster.sh", "status")
	j.Expect(err).To(gomega.HaveOccurred())
}
