// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// Every open panel of both dashboards is drawn, as well-formed XML, whether it has data or not.
func TestEveryPanelIsDrawn(t *testing.T) {
	v := view{time.Unix(0, 0), time.Unix(600, 0), 5 * time.Second}
	for _, name := range []string{"service", "operator"} {
		for _, filled := range []bool{false, true} {
			text, err := os.ReadFile("../../../config/grafana/" + name + ".json")
			if err != nil {
				t.Fatal(err)
			}
			var d dashboard
			if err := json.Unmarshal(text, &d); err != nil {
				t.Fatal(err)
			}
			for i := range d.Panels {
				for j := range d.Panels[i].Targets {
					if filled {
						d.Panels[i].Targets[j].series = []series{
							{map[string]string{"le": "0.1", "pod": "<a&b>"}, []point{{0, 1}, {5, 2}, {10, 3}}}, {map[string]string{"le": "+Inf"}, []point{{300, 4}}},
						}
					}
				}
			}
			picture := draw(&d, v)
			for i := range d.Panels {
				if !strings.Contains(picture, xmlText(d.Panels[i].Title)) {
					t.Errorf("%s: panel %q is missing", name, d.Panels[i].Title)
				}
			}
			decoder := xml.NewDecoder(strings.NewReader(picture))
			for {
				if _, err := decoder.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			if missing := strings.Contains(picture, "No data"); missing == filled {
				t.Errorf("%s: says that there is no data: %t, with data: %t", name, missing, filled)
			}
		}
	}
}

func xmlText(text string) string {
	var escaped strings.Builder
	if err := xml.EscapeText(&escaped, []byte(text)); err != nil {
		return text
	}
	return escaped.String()
}

func TestQuantities(t *testing.T) {
	two := 2
	for _, c := range []struct {
		unit     string
		decimals *int
		value    float64
		want     string
	}{
		{"percentunit", nil, 0.125, "12.5%"},
		{"percentunit", &two, 0.99, "99.00%"},
		{"s", nil, 0.00025, "250 µs"},
		{"s", nil, 0.0123, "12.3 ms"},
		{"s", nil, 90, "90 s"},
		{"dtdurations", nil, 7 * 86400, "7 days"},
		{"reqps", nil, 1234, "1.23K req/s"},
		{"bytes", nil, 1536, "1.5 KiB"},
		{"short", nil, 2_500_000, "2.5M"},
		{"none", nil, 0, "0"},
	} {
		p := panel{}
		p.FieldConfig.Defaults.Unit, p.FieldConfig.Defaults.Decimals = c.unit, c.decimals
		if got := p.quantity(c.value); got != c.want {
			t.Errorf("%g in %s is %q, not %q", c.value, c.unit, got, c.want)
		}
	}
}
