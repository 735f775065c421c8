// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package livesettings_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/workload/livesettings"
)

func newRegistry(t *testing.T) *livesettings.Registry {
	t.Helper()
	registry, err := livesettings.NewRegistry(livesettings.Document{Version: livesettings.Version}, "")
	if err != nil {
		t.Fatal(err)
	}
	return registry
}

func apply(t *testing.T, registry *livesettings.Registry, document livesettings.Document) bool {
	t.Helper()
	changed, err := registry.Apply(document)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

func TestRegistryTurnsKnobsInOrder(t *testing.T) {
	registry := newRegistry(t)
	var turned []string
	registry.Register(func(d livesettings.Document) { turned = append(turned, "a "+d.LogLevel) })
	registry.Register(func(d livesettings.Document) { turned = append(turned, "b "+d.LogLevel) })
	apply(t, registry, livesettings.Document{Version: 1, LogLevel: "warn"})
	apply(t, registry, livesettings.Document{Version: 1, LogLevel: "warn"}) // the same revision turns nothing
	registry.Register(func(d livesettings.Document) { turned = append(turned, "c "+d.LogLevel) })
	if diff := cmp.Diff([]string{"a ", "b ", "a warn", "b warn", "c warn"}, turned); diff != "" {
		t.Errorf("knobs (-want +got):\n%s", diff)
	}
}

func TestRegistryReportsWhatIsEnforced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := newRegistry(t)
		own := registry.Report()
		started := time.Now()
		time.Sleep(time.Minute)
		document := livesettings.Document{Version: 1, RateLimit: &livesettings.RateLimit{RequestsPerSecond: 5, Burst: 2}}
		apply(t, registry, document)
		revision := digest(t, document)
		want := livesettings.Report{
			Revision: revision, Since: started.Add(time.Minute), Document: document,
			Versions: []int{livesettings.Version}, Toolkit: own.Toolkit,
		}
		if diff := cmp.Diff(want, registry.Report()); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
		if own.Revision == revision || !own.Since.Equal(started) {
			t.Errorf("built-in report %+v, want another revision since %s", own, started)
		}
	})
}

func TestAPodEnforcesItsOwnRate(t *testing.T) {
	document := livesettings.Document{Version: 1, RateLimit: &livesettings.RateLimit{
		RequestsPerSecond: 1, Burst: 2, Pods: map[string]livesettings.Bucket{"a": {RequestsPerSecond: 30, Burst: 4}, "b": {RequestsPerSecond: 5, Burst: 1}},
	}}
	whole := digest(t, document)
	for pod, want := range map[string]livesettings.RateLimit{
		"a": {RequestsPerSecond: 30, Burst: 4, Shared: true}, "b": {RequestsPerSecond: 5, Burst: 1, Shared: true},
		"new": {RequestsPerSecond: 1, Burst: 2, Shared: true, Unnamed: true}, "": {RequestsPerSecond: 1, Burst: 2, Shared: true, Unnamed: true},
	} {
		registry, err := livesettings.NewRegistry(livesettings.Document{Version: livesettings.Version}, pod)
		if err != nil {
			t.Fatal(err)
		}
		var turned livesettings.Document
		registry.Register(func(d livesettings.Document) { turned = d })
		apply(t, registry, document)
		report := registry.Report()
		if diff := cmp.Diff(&want, turned.RateLimit); diff != "" {
			t.Errorf("pod %q (-want +got):\n%s", pod, diff)
		}
		if diff := cmp.Diff(turned, report.Document); diff != "" || report.Revision != whole {
			t.Errorf("pod %q reports revision %s (the document's is %s) and (-enforced +reported):\n%s", pod, report.Revision, whole, diff)
		}
	}
	if len(document.RateLimit.Pods) != 2 {
		t.Errorf("the document itself was changed: %+v", document.RateLimit)
	}
}

// A limit that is each pod's own looks like one that is divided equally, but for what the document says.
func TestAPodKnowsWhetherItsLimitIsAPartOfOne(t *testing.T) {
	for name, c := range map[string]struct {
		limit string
		want  bool
	}{
		"each pod's own":        {`{"requestsPerSecond":1,"burst":1}`, false},
		"each pod's, of none":   {`{"requestsPerSecond":1,"burst":1,"pods":{}}`, false},
		"in equal parts":        {`{"requestsPerSecond":1,"burst":1,"shared":true}`, true},
		"in parts by demand":    {`{"requestsPerSecond":1,"burst":1,"shared":true,"pods":{"a":{"requestsPerSecond":1,"burst":1}}}`, true},
		"of an older operator":  {`{"requestsPerSecond":1,"burst":1,"pods":{"a":{"requestsPerSecond":1,"burst":1}}}`, true},
		"in parts of no others": {`{"requestsPerSecond":1,"burst":1,"shared":true,"pods":{}}`, true},
	} {
		document, err := livesettings.Parse([]byte(`{"version":1,"rateLimit":` + c.limit + `}`))
		if err != nil {
			t.Fatal(err)
		}
		for _, pod := range []string{"a", "b", ""} {
			own := document.For(pod).RateLimit
			if unnamed := pod != "a" && strings.Contains(c.limit, `"a"`); own.Shared != c.want || len(own.Pods) > 0 || own.Unnamed != unnamed {
				t.Errorf("%s: %+v of pod %q", name, own, pod)
			}
		}
	}
}

func TestRegistryKeepsTheLastGoodDocument(t *testing.T) {
	registry := newRegistry(t)
	good := livesettings.Document{Version: 1, LogLevel: "error"}
	apply(t, registry, good)
	before := registry.Report()
	if _, err := registry.Apply(livesettings.Document{Version: 1, LogLevel: "loud"}); err == nil {
		t.Error("a document that is not valid was applied")
	}
	registry.Reject(errors.New("not readable"))
	after := registry.Report()
	if after.Revision != before.Revision || after.Error != "not readable" || !after.Since.Equal(before.Since) {
		t.Errorf("after a rejection: %+v, want %+v with the error", after, before)
	}
	if changed := apply(t, registry, good); changed || registry.Report().Error != "" {
		t.Errorf("the good document again: changed %t, error %q; want neither", changed, registry.Report().Error)
	}
	applied, rejected := registry.Counts()
	if applied != 1 || rejected != 1 {
		t.Errorf("%d applied and %d rejected, want 1 and 1", applied, rejected)
	}
}

func TestRegistryRefusesABuiltInDocumentThatIsNotValid(t *testing.T) {
	if _, err := livesettings.NewRegistry(livesettings.Document{}, ""); err == nil {
		t.Error("a document without a version was accepted")
	}
}

func TestRegistryAnswersWithItsReport(t *testing.T) {
	registry := newRegistry(t)
	registry.Reject(errors.New("because"))
	recorder := httptest.NewRecorder()
	registry.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/live-settings", nil))
	var got livesettings.Report
	if err := json.Unmarshal(recorder.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := registry.Report()
	if diff := cmp.Diff(want, got); diff != "" || recorder.Code != http.StatusOK {
		t.Errorf("status %d, report (-want +got):\n%s", recorder.Code, diff)
	}
	if got := recorder.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q", got)
	}
}

func TestNobodyWaitsForAKnobToLearnTheRevision(t *testing.T) {
	registry := newRegistry(t)
	before := registry.Revision()
	registry.Register(func(d livesettings.Document) {
		if d.LogLevel != "warn" {
			return
		}
		asked := make(chan string)
		go func() { asked <- registry.Revision() }()
		if got := <-asked; got != before { // it hangs where the knob is waited for
			t.Errorf("revision %s while the knob turns, want the former %s", got, before)
		}
	})
	apply(t, registry, livesettings.Document{Version: 1, LogLevel: "warn"})
}
