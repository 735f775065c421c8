// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package alerts

import (
	"strings"
	"testing"
	"time"
)

var (
	month      = service{"shop", "checkout", "0.05"}
	week       = service{"shop", "search", "0.12"}
	lax        = service{"back-office", "reports", "2.0"}
	slowScrape = service{"shop", "billing", "0.05"}
	rareScrape = service{"shop", "archive", "0.05"}
	loadOnly   = service{"back-office", "legacy", "0.05"}
	asleep     = service{"back-office", "archive", "0.05"}
)

// firstPage is when the first page came after a moment.
func (b *bed) firstPage(since time.Time) (after time.Duration, alert string) {
	for key, at := range b.firstFired {
		if strings.HasPrefix(key, "page ") && !at.Before(since) && (alert == "" || at.Sub(since) < after) {
			after, alert = at.Sub(since), key
		}
	}
	return after, alert
}

// A total outage pages within two minutes, whatever the objective and wherever between two scrapes it begins.
func TestOutagePagesWithinTwoMinutes(t *testing.T) {
	for name, test := range map[string]struct {
		folder   string
		service  service
		interval time.Duration
	}{
		"99.9% over 30 days":       {"month", month, 15 * time.Second},
		"99.5% over 7 days":        {"week", week, 15 * time.Second},
		"90% over 90 days":         {"lax", lax, 15 * time.Second},
		"scraped twice a minute":   {"slow-scrape", slowScrape, 30 * time.Second},
		"only a load was declared": {"load-only", loadOnly, 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, offset := range []time.Duration{0, 14 * time.Second} {
				b := newBed(t, test.folder, test.service)
				b.interval = test.interval
				b.addPods("a", "b")
				b.run(10*time.Minute+offset, steady(40))
				if fired := b.fired(); len(fired) > 0 {
					t.Fatalf("%v fired while all was well", fired)
				}
				began := b.now
				b.run(2*time.Minute, func(time.Time) load { return load{failed: 40} })
				after, alert := b.firstPage(began)
				if alert == "" {
					t.Errorf("no page within 2m of a total outage that began %s after a scrape", offset)
				}
				t.Logf("%s after %s", alert, after)
				b.run(5*time.Minute, steady(40))
				if b.firing["page GoServiceOutage"] {
					t.Error("the outage still pages five minutes after it ended")
				}
			}
		})
	}
}

func TestMostRequestsMustFailForAnOutage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		load load
		want bool
	}{
		"more than halfway": {load{good: 18, failed: 22}, true},
		"less than halfway": {load{good: 22, failed: 18}, false},
		"limited, not lost": {load{good: 5, limited: 400}, false},
		"too few to judge":  {load{failed: 0.05}, false}, // three a minute
		"enough to judge":   {load{failed: 0.2}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, "month", month)
			b.addPods("a")
			b.run(10*time.Minute, func(time.Time) load { return test.load })
			if _, fired := b.firstFired["page GoServiceOutage"]; fired != test.want {
				t.Errorf("GoServiceOutage fired: %v, want %v", fired, test.want)
			}
		})
	}
}

// With no pod left to measure, a page comes within three minutes.
func TestAbsencePagesWithinThreeMinutes(t *testing.T) {
	for name, vanish := range map[string]func(*bed){
		"pods do not answer": func(b *bed) { b.fail("a"); b.fail("b") },
		"pods are gone":      func(b *bed) { b.remove("a"); b.remove("b") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, "month", month)
			b.addPods("a", "b")
			b.run(5*time.Minute, steady(40))
			began := b.now
			vanish(b)
			b.run(3*time.Minute, steady(0))
			after, alert := b.firstPage(began)
			if alert != "page GoServiceMetricsAbsent" {
				t.Errorf("%q paged, want GoServiceMetricsAbsent", alert)
			}
			t.Logf("%s after %s", alert, after)
			// It must not resolve only because the last sight of a pod is long ago.
			for range 5 {
				b.run(15*time.Minute, steady(0))
				if !b.firing["page GoServiceMetricsAbsent"] {
					t.Fatalf("the page was over after %s without a pod", b.now.Sub(began))
				}
			}
			b.addPods("c")
			b.run(2*time.Minute, steady(40))
			if b.firing["page GoServiceMetricsAbsent"] {
				t.Error("it still pages two minutes after a pod came back")
			}
		})
	}
}

// A scrape that fails is seen for a whole interval; it is no outage.
func TestAFailedScrapePagesNobody(t *testing.T) {
	for name, test := range map[string]struct {
		folder   string
		service  service
		interval time.Duration
	}{
		"every 15 s":      {"month", month, 15 * time.Second},
		"every 30 s":      {"slow-scrape", slowScrape, 30 * time.Second},
		"every 5 minutes": {"rare-scrape", rareScrape, 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, test.folder, test.service)
			b.interval = test.interval
			b.addPods("a")
			b.run(5*test.interval, steady(10))
			b.fail("a")
			b.run(test.interval, steady(10))
			b.pods["a"].up = true
			b.run(5*test.interval, steady(10))
			if fired := b.fired(); len(fired) > 0 {
				t.Errorf("%v fired after one failed scrape", fired)
			}
			b.fail("a")
			b.run(4*test.interval+time.Minute, steady(10))
			if !b.firing["page GoServiceMetricsAbsent"] {
				t.Error("no page after four failed scrapes")
			}
		})
	}
}

func TestANewServiceHasTimeToStart(t *testing.T) {
	t.Parallel()
	b := newBed(t, "month", month)
	b.run(14*time.Minute, steady(0))
	if fired := b.fired(); len(fired) > 0 {
		t.Errorf("%v fired for a service that is 14 minutes old", fired)
	}
	b.run(6*time.Minute, steady(0))
	if !b.firing["page GoServiceMetricsAbsent"] {
		t.Error("a service that did not start within 20 minutes pages nobody")
	}
}

func TestAbsenceOfWhatMayBeAbsent(t *testing.T) {
	for name, test := range map[string]struct {
		folder  string
		service service
		want    string
	}{
		"an image that may serve no metrics": {"load-only", loadOnly, ""},
		"a service without pods":             {"asleep", asleep, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, test.folder, test.service)
			b.run(40*time.Minute, steady(0))
			if got := strings.Join(b.fired(), ", "); got != test.want {
				t.Errorf("%q fired, want %q", got, test.want)
			}
		})
	}
}

// Pods that come and go while others serve are no reason to say anything, and neither is one that does not answer.
func TestARolloutIsSilent(t *testing.T) {
	t.Parallel()
	b := newBed(t, "month", month)
	b.addPods("a", "b")
	b.run(5*time.Minute, steady(40))
	b.addPods("c")
	b.run(30*time.Second, steady(40))
	b.remove("a")
	b.addPods("d")
	b.run(30*time.Second, steady(40))
	b.remove("b")
	b.run(10*time.Minute, steady(40))
	b.fail("c")
	b.run(30*time.Minute, steady(40))
	if fired := b.fired(); len(fired) > 0 {
		t.Errorf("%v fired", fired)
	}
}
