// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package e2e

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/onsi/gomega"
)

// What dashboards are made of: more than so many queries, panels without data, and those that have some if an earlier test brought it about. Without
// are those about what a service may have and that of the test has not: shares of a limit, a certificate, streams, RPC, work in the background,
// declared dependencies, sizes that are tuned.
var dashboards = map[string]struct {
	queries        int
	empty, unknown []string
}{
	"service": {queries: 60, empty: []string{
		"Background work", "Certificate expires in", "Duration of RPC calls", "Ends of streams", "Failing dependencies", "Failures of background work",
		"Open streams", "RPC calls", "Share of each pod", "Tuning decisions",
	}},
	"operator": {queries: 20, unknown: []string{"Tuning decisions"}},
}

// panel of a dashboard, or a row with others, or the dashboard.
type panel struct {
	Title   string
	Targets []struct{ Expr string }
	Panels  []panel
}

// hasData asks Prometheus what every panel of a dashboard shows, and expects something wherever there is what it is about.
func (j *journey) hasData(name string, chosen ...string) {
	j.t.Helper()
	text, err := os.ReadFile("../../config/grafana/" + name + ".json")
	j.Expect(err).NotTo(gomega.HaveOccurred())
	var dashboard panel
	j.Expect(json.Unmarshal(text, &dashboard)).To(gomega.Succeed())
	complete := strings.NewReplacer(append(chosen, "$__rate_interval", "1m", "$cluster", ".*")...)
	empty, asked := map[string]bool{}, 0
	var ask func(p panel)
	ask = func(p panel) {
		shown := len(p.Targets) == 0
		for _, target := range p.Targets {
			var data struct{ Result []any }
			j.Expect(j.prometheus("query", map[string]string{"query": complete.Replace(target.Expr)}, &data)).To(gomega.Succeed(), p.Title)
			shown = shown || len(data.Result) > 0
			asked++
		}
		if !shown {
			empty[p.Title] = true
		}
		for _, inner := range p.Panels {
			ask(inner)
		}
	}
	ask(dashboard)
	want := dashboards[name]
	j.Expect(asked).To(gomega.BeNumerically(">", want.queries), name)
	for _, title := range want.unknown {
		delete(empty, title)
	}
	j.Expect(slices.Sorted(maps.Keys(empty))).To(gomega.Equal(want.empty), "panels of dashboard %s without data", name)
}
