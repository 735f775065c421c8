// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package livesettings_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/workload/livesettings"
)

type limits struct {
	Most int `json:"most"`
}

type pricing struct {
	limits
	Discount float64               `json:"discount"`
	Open     bool                  `json:"open"`
	Pause    livesettings.Duration `json:"pause"`
	Rates    map[string]float64    `json:"rates"`
	Since    time.Time             `json:"since"`
	Plain    string
}

func (p *pricing) Validate() error {
	if p.Discount < 0 || p.Discount > 1 {
		return errors.New("discount: must be 0 to 1")
	}
	return nil
}

func ownPricing() pricing {
	return pricing{Discount: 0.1, Rates: map[string]float64{"eu": 1}, Plain: "own"}
}

func pricingOf(t *testing.T, registry *livesettings.Registry, changed func(pricing)) *livesettings.Setting[pricing] {
	t.Helper()
	setting, err := livesettings.AddSetting(registry, "pricing", ownPricing(), changed)
	if err != nil {
		t.Fatal(err)
	}
	return setting
}

// put applies a document as a file would say it.
func put(t *testing.T, registry *livesettings.Registry, settings string) error {
	t.Helper()
	document, err := livesettings.Parse([]byte(`{"version":1,"settings":` + settings + `}`))
	if err == nil {
		_, err = registry.Apply(document)
	}
	return err
}

func TestASectionOfATeamIsLive(t *testing.T) {
	registry := newRegistry(t)
	var seen []float64
	setting := pricingOf(t, registry, func(p pricing) { seen = append(seen, p.Discount) })
	if diff := cmp.Diff(ownPricing(), setting.Load(), cmp.AllowUnexported(pricing{})); diff != "" {
		t.Errorf("before any document (-want +got):\n%s", diff)
	}
	if err := put(t, registry, `{"pricing":{"discount":0.5,"rates":{"us":2},"plain":"live"}}`); err != nil {
		t.Fatal(err)
	}
	want := ownPricing() // what the document leaves out
	want.Discount, want.Rates, want.Plain = 0.5, map[string]float64{"eu": 1, "us": 2}, "live"
	if diff := cmp.Diff(want, setting.Load(), cmp.AllowUnexported(pricing{})); diff != "" {
		t.Errorf("with a document (-want +got):\n%s", diff)
	}
	if err := put(t, registry, `{}`); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ownPricing(), setting.Load(), cmp.AllowUnexported(pricing{})); diff != "" {
		t.Errorf("when the document has no section any more (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]float64{0.1, 0.5, 0.1}, seen); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestADocumentThatASectionDoesNotAcceptChangesNothing(t *testing.T) {
	for content, want := range map[string]string{
		`{"pricing":{"discount":2}}`:                "live settings: settings.pricing: discount: must be 0 to 1",
		`{"pricing":{"discount":"2"}}`:              `live settings: settings.pricing.discount: "2": must be a number`,
		`{"pricing":{"open":1,"pause":"soon"}}`:     `live settings: settings.pricing.open: 1: must be true or false; settings.pricing.pause: "soon": must be a duration`,
		`{"pricing":{"rates":{"eu":"x"}}}`:          `live settings: settings.pricing.rates.eu: "x": must be a number`,
		`{"pricing":{"most":"x"}}`:                  `live settings: settings.pricing.most: "x": must be a whole number`,
		`{"pricing":{"since":"yesterday"}}`:         `live settings: settings.pricing.since: "yesterday": must be a time.Time`,
		`{"pricing":{"since":{}}}`:                  `live settings: settings.pricing.since: {}: must be a time.Time`,
		`{"pricing":[]}`:                            `live settings: settings.pricing: []: must be an object`,
		`{"pricing":{"discount":1},"other":"text"}`: `live settings: settings.other: "text": must be an object`,
	} {
		registry := newRegistry(t)
		turned := 0
		registry.Register(func(livesettings.Document) { turned++ })
		setting := pricingOf(t, registry, nil)
		if err := put(t, registry, content); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", content, err, want)
		}
		if turned != 1 || setting.Load().Discount != 0.1 {
			t.Errorf("%s: a part of it is in force", content)
		}
	}
}

func TestWhatNobodyKnowsOfASectionIsIgnoredAndNamed(t *testing.T) {
	registry := newRegistry(t)
	setting := pricingOf(t, registry, nil)
	err := put(t, registry, `{"pricing":{"discount":0.2,"color":"red","rates":{"x":1},"since":"2026-01-01T00:00:00Z"},"shipping":{"a":1}}`)
	if err != nil || setting.Load().Discount != 0.2 {
		t.Errorf("%v, discount %g", err, setting.Load().Discount)
	}
	if diff := cmp.Diff([]string{"settings.pricing.color", "settings.shipping"}, registry.Report().Ignored); diff != "" {
		t.Errorf("ignored (-want +got):\n%s", diff)
	}
}

func TestSectionsDoNotDependOnTheOrderOfRegistration(t *testing.T) {
	registry := newRegistry(t)
	if err := put(t, registry, `{"pricing":{"discount":0.3}}`); err != nil {
		t.Fatal(err)
	}
	if got := pricingOf(t, registry, nil).Load().Discount; got != 0.3 {
		t.Errorf("discount %g of the document in force, want 0.3", got)
	}
}

func TestSectionsThatCannotBeAreRefused(t *testing.T) {
	registry := newRegistry(t)
	pricingOf(t, registry, nil)
	for name, add := range map[string]func() (float64, error){
		"registered twice": func() (float64, error) {
			setting, err := livesettings.AddSetting(registry, "pricing", pricing{Discount: 1}, nil)
			return setting.Load().Discount, err
		},
		"a name must be": func() (float64, error) {
			setting, err := livesettings.AddSetting(registry, "a.b", pricing{Discount: 1}, nil)
			return setting.Load().Discount, err
		},
		"must be a struct": func() (float64, error) {
			setting, err := livesettings.AddSetting(registry, "number", 1.0, nil)
			return setting.Load(), err
		},
		"discount: must be 0 to 1": func() (float64, error) {
			setting, err := livesettings.AddSetting(registry, "own", pricing{Discount: 2}, nil)
			return setting.Load().Discount - 1, err
		},
	} {
		if own, err := add(); err == nil || !strings.Contains(err.Error(), name) || own != 1 {
			t.Errorf("%v with %g, want %s and the service's own values", err, own, name)
		}
	}
}

// Two files that differ only in white space or in the order of fields have the same digest.
func TestSectionsHaveACanonicalForm(t *testing.T) {
	var digests []string
	for _, content := range []string{`{"a":1.50,"b":{"c":[1,2],"d":null}}`, ` { "b" : {"d":null, "c":[ 1,2 ]}, "a":1.50}`} {
		document, err := livesettings.Parse([]byte(`{"version":1,"settings":{"x":` + content + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest(t, document))
	}
	if digests[0] != digests[1] {
		t.Errorf("digests %q", digests)
	}
}

type rule struct {
	Path    string `json:"path"`
	Blocked bool   `json:"blocked"`
}

type rules struct {
	Rules []rule              `json:"rules"`
	Pair  [2]rule             `json:"pair"`
	Inner *struct{ L []rule } `json:"inner"`
	ByKey map[string]rule     `json:"byKey"`
}

// A list of a document takes the place of the service's own, and none of its elements keeps anything of the former one at its place.
func TestAListReplacesTheServicesOwn(t *testing.T) {
	own := rules{
		Rules: []rule{{"/admin", true}, {"/b", true}}, Pair: [2]rule{{"/p", true}, {"/q", true}}, Inner: &struct{ L []rule }{[]rule{{"/i", true}}},
		ByKey: map[string]rule{"a": {"/a", true}},
	}
	registry := newRegistry(t)
	setting, err := livesettings.AddSetting(registry, "rules", own, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := put(t, registry, `{"rules":{"RULES":[{"path":"/search"}],"pair":[{"path":"/x"}],"inner":{"l":[{"path":"/y"}]},"byKey":{"a":{"path":"/z"}}}}`); err != nil {
		t.Fatal(err)
	}
	want := rules{
		Rules: []rule{{"/search", false}}, Pair: [2]rule{{"/x", false}, {}}, Inner: &struct{ L []rule }{[]rule{{"/y", false}}},
		ByKey: map[string]rule{"a": {"/z", false}},
	}
	if diff := cmp.Diff(want, setting.Load()); diff != "" {
		t.Errorf("in force (-want +got):\n%s", diff)
	}
	if err := put(t, registry, `{"rules":{"pair":[]}}`); err != nil {
		t.Fatal(err)
	}
	want = own
	want.Pair = [2]rule{}
	if diff := cmp.Diff(want, setting.Load()); diff != "" {
		t.Errorf("with one list alone (-want +got):\n%s", diff)
	}
}

type odd int

func (*odd) UnmarshalJSON([]byte) error { panic("odd") }

type fragile struct {
	Names []string `json:"names"`
	Rate  int      `json:"rate"`
	Odd   *odd     `json:"odd,omitempty"`
}

func (f *fragile) Validate() error {
	if f.Names[0] == "" {
		return errors.New("names: must not be empty")
	}
	return nil
}

// Code of the service that panics over a document rejects it, or says that not all of it is in force, and ends no process.
func TestAPanicOverADocumentIsAnError(t *testing.T) {
	registry := newRegistry(t)
	setting, err := livesettings.AddSetting(registry, "fragile", fragile{Names: []string{"own"}}, func(f fragile) {
		if f.Rate == 13 {
			panic("thirteen")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	turned := 0
	registry.Register(func(livesettings.Document) { turned++ })
	if err := put(t, registry, `{"fragile":{"names":[]}}`); err == nil || !strings.Contains(err.Error(), "settings.fragile: panic: runtime error: index out of range") {
		t.Errorf("Validate panics: error %v", err)
	}
	if setting.Load().Names[0] != "own" || turned != 1 {
		t.Errorf("after that: %+v, knobs turned %d times", setting.Load(), turned)
	}
	if err := put(t, registry, `{"fragile":{"rate":13}}`); err != nil || registry.Report().Failed != "panic: thirteen" || registry.Report().Error != "" {
		t.Errorf("changed panics: error %v, report %+v", err, registry.Report())
	}
	if setting.Load().Rate != 13 || turned != 2 {
		t.Errorf("after that: %+v, knobs turned %d times", setting.Load(), turned)
	}
	if err := put(t, registry, `{"fragile":{"rate":12}}`); err != nil || registry.Report().Failed != "" {
		t.Errorf("the next document: error %v, report %+v", err, registry.Report())
	}
	if err := put(t, registry, `{"fragile":{"names":[null],"odd":1}}`); err == nil || !strings.Contains(err.Error(), "settings.fragile: panic: odd") {
		t.Errorf("UnmarshalJSON panics: error %v", err)
	}
}
