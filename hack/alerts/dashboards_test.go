// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package alerts

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// dashboard is the part of Grafana's model that the tests look at.
type dashboard struct {
	UID, Title  string
	Panels      []panel
	Annotations struct {
		List []struct{ Name, Expr string }
	}
}

type panel struct {
	ID          int
	Type, Title string
	Description string
	GridPos     struct{ X, Y, W, H int }
	Datasource  *struct{ Type, UID string }
	Targets     []struct{ Expr, RefID string }
}

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	paths, err := filepath.Glob("testdata/config/grafana/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	all := map[string]dashboard{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		decoder := json.NewDecoder(bytes.NewReader(text))
		if err := decoder.Decode(&d); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if decoder.More() {
			t.Errorf("%s holds more than one document", path)
		}
		all[path] = d
	}
	return all
}

// grafana fills in what Grafana does before it asks Prometheus.
var grafana = strings.NewReplacer("$__rate_interval", "1m", "$namespace", "shop", "$service", "checkout", "$job", "operator")

func (d dashboard) queries() []string {
	var all []string
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all = append(all, grafana.Replace(target.Expr))
		}
	}
	for _, annotation := range d.Annotations.List {
		if annotation.Expr != "" {
			all = append(all, grafana.Replace(annotation.Expr))
		}
	}
	return all
}

func TestDashboards(t *testing.T) {
	uids := map[string]string{}
	for path, d := range dashboards(t) {
		if d.UID == "" || d.Title == "" || uids[d.UID] != "" {
			t.Errorf("%s has the uid %q, as %q, and the title %q", path, d.UID, uids[d.UID], d.Title)
		}
		uids[d.UID] = path
		ids, cells := map[int]bool{}, map[[2]int]string{}
		for _, p := range d.Panels {
			if p.Title == "" || ids[p.ID] {
				t.Errorf("%s: panel %d %q has no title, or its id is another's", path, p.ID, p.Title)
			}
			ids[p.ID] = true
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := cells[[2]int{x, y}]; other != "" || x > 23 {
						t.Fatalf("%s: panel %q lies over %q or beyond the edge", path, p.Title, other)
					}
					cells[[2]int{x, y}] = p.Title
				}
			}
			if p.Type == "row" {
				continue
			}
			if p.Description == "" || p.Datasource == nil || p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
				t.Errorf("%s: panel %q is not complete", path, p.Title)
			}
			for _, target := range p.Targets {
				if left := grafana.Replace(target.Expr); strings.Contains(left, "$") {
					t.Errorf("%s: panel %q uses an unknown variable: %s", path, p.Title, left)
				}
			}
		}
	}
}

// Every query of the dashboards can be answered, and those of the service's objectives have a result when all is well.
func TestDashboardQueriesAreAnswered(t *testing.T) {
	t.Parallel()
	b := newBed(t, "month", month)
	b.addPods("a", "b")
	b.run(10*time.Minute, func(time.Time) load { return load{good: 40, slow: 0.1, failed: 0.01, limited: 1, busy: 0.3} })
	for path, d := range dashboards(t) {
		for _, query := range d.queries() {
			vector, err := b.query(t.Context(), query, b.now)
			if err != nil {
				t.Errorf("%s: %s: %v", path, query, err)
			}
			if strings.Contains(query, "goservice:") && len(vector) == 0 {
				t.Errorf("%s: %s has no result", path, query)
			}
		}
	}
}
