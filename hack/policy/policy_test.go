// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package policy

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/zegl/kube-score/config"
	"github.com/zegl/kube-score/domain"
	"github.com/zegl/kube-score/parser"
	"github.com/zegl/kube-score/score"
	"github.com/zegl/kube-score/scorecard"
)

// page has the table of answers.
const page = "../../docs/policy-check.md"

// finding is what a check says about something that is shipped, as in a row of the table. The name of a container follows after a slash, if it is
// neither the operator's nor the service's own.
type finding struct{ check, says, about string }

func (f finding) String() string { return f.check + " | " + f.says + " | " + f.about }

// What kube-score says about what is shipped is answered, and nothing is answered that it does not say.
func TestWhatKubeScoreSaysIsAnswered(t *testing.T) {
	answered := answers(t)
	for name, manifests := range shipped {
		for i, manifest := range manifests {
			found := check(t, name, manifest(t))
			for f := range found {
				if !answered[f] {
					t.Errorf("manifest %d: not answered: %s", i, f)
				}
			}
			for f := range answered {
				if about, _, _ := strings.Cut(f.about, "/"); about == name && !found[f] {
					t.Errorf("manifest %d: answered, but not said: %s", i, f)
				}
			}
		}
	}
	for f := range answered {
		if about, _, _ := strings.Cut(f.about, "/"); shipped[about] == nil {
			t.Errorf("answered about nothing that is shipped: %s", f)
		}
	}
}

// file is a manifest as kube-score reads it.
type file struct {
	*strings.Reader
	name string
}

// Name of the file.
func (f file) Name() string { return f.name }

// check a manifest with all checks, also those that are off by default, and regardless of annotations that switch checks off.
func check(t *testing.T, name, manifest string) map[finding]bool {
	t.Helper()
	parse, err := parser.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := parse.ParseFiles([]domain.NamedReader{file{strings.NewReader(manifest), name}})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	enabled := map[string]struct{}{}
	configuration := &config.RunConfiguration{
		EnabledOptionalTests: enabled, KubernetesVersion: config.Semver{Major: 1, Minor: 30}, MinReplicasDeployment: 2, MinReplicasHPA: 2,
	}
	checks := score.RegisterAllChecks(objects, nil, configuration)
	for _, c := range checks.All() {
		enabled[c.ID] = struct{}{}
	}
	card, err := score.Score(objects, checks, configuration)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	found := map[finding]bool{}
	for _, object := range *card {
		for _, result := range object.Checks {
			if result.Skipped || result.Grade >= scorecard.GradeAllOK {
				continue
			}
			if len(result.Comments) == 0 {
				found[finding{result.Check.ID, "", name}] = true
			}
			for _, comment := range result.Comments {
				about := name
				if !slices.Contains([]string{"", "manager", "service"}, comment.Path) {
					about += "/" + comment.Path
				}
				found[finding{result.Check.ID, comment.Summary, about}] = true
			}
		}
	}
	return found
}

var row = regexp.MustCompile("^\\| (`[a-z`, -]+`) \\| (.+?) \\| (`[a-z`, /-]+`) \\| .+ \\|$")

// answers in the table. A row that has several checks, says several things, or is about several things answers each combination.
func answers(t *testing.T) map[finding]bool {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| check | says | about | answer |\n|---|---|---|---|\n")
	if !found {
		t.Fatalf("%s has no table of answers", page)
	}
	table, _, _ = strings.Cut(table, "\n\n")
	all := map[finding]bool{}
	for line := range strings.SplitSeq(table, "\n") {
		cells := row.FindStringSubmatch(line)
		if cells == nil {
			t.Fatalf("%s: not a row: %s", page, line)
		}
		for _, check := range listed(cells[1]) {
			for _, says := range strings.Split(cells[2], "; ") {
				for _, about := range listed(cells[3]) {
					all[finding{check, says, about}] = true
				}
			}
		}
	}
	return all
}

func listed(cell string) []string { return strings.Split(strings.ReplaceAll(cell, "`", ""), ", ") }
