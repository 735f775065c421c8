// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command picture draws a dashboard of config/grafana as SVG: the panels as the file places and describes them, with what the Prometheus of
// the test cluster answers to their queries. It is no Grafana: colors, units, legends, and thresholds are drawn alike, not alerts, tooltips,
// or closed rows.
//
//	go -C hack/dashboards run ./picture -dashboard service -set namespace=default -set service=checkout -since 10m -out ../../docs/images/dashboard-service.svg
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

func main() {
	name := flag.String("dashboard", "service", "`name` of the dashboard: service or operator")
	out := flag.String("out", "", "SVG `file` to write")
	since := flag.Duration("since", 10*time.Minute, "how far back to draw")
	scraped := flag.Duration("step", 5*time.Second, "interval at which the targets are scraped")
	chosen := map[string]string{"cluster": ".*"}
	flag.Func("set", "`variable=value` of the dashboard; may be repeated", func(text string) error {
		variable, value, found := strings.Cut(text, "=")
		if !found {
			return fmt.Errorf("%q has no =", text)
		}
		chosen[variable] = value
		return nil
	})
	flag.Parse()
	if err := run(*name, *out, *since, *scraped, chosen); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(name, out string, since, scraped time.Duration, chosen map[string]string) error {
	text, err := os.ReadFile("../../config/grafana/" + name + ".json")
	if err != nil {
		return err
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	to := time.Now().Truncate(scraped)
	view := view{from: to.Add(-since), to: to, step: max(scraped, since/240).Truncate(time.Second)}
	pairs := []string{"$__rate_interval", fmt.Sprintf("%ds", int((4 * scraped).Seconds()))} // as Grafana computes it
	for variable, value := range chosen {
		pairs = append(pairs, "$"+variable, value)
	}
	complete := strings.NewReplacer(pairs...).Replace
	for i := range d.Panels {
		for j := range d.Panels[i].Targets {
			t := &d.Panels[i].Targets[j]
			if t.series, err = ask(complete(t.Expr), t.Instant, view); err != nil {
				return fmt.Errorf("panel %q: %w", d.Panels[i].Title, err)
			}
		}
	}
	return os.WriteFile(out, []byte(draw(&d, view)), 0o644)
}

// view is the time that is drawn.
type view struct {
	from, to time.Time
	step     time.Duration
}

// series is an answer of Prometheus, with one point where it is instant.
type series struct {
	labels map[string]string
	points []point
}

// point is a value at a time in Unix seconds.
type point struct{ at, value float64 }

// ask the Prometheus of the test cluster, through the API server.
func ask(expression string, instant bool, v view) ([]series, error) {
	parameters := url.Values{"query": {expression}}
	path := "query"
	if instant {
		parameters.Set("time", unix(v.to))
	} else {
		path += "_range"
		parameters.Set("start", unix(v.from))
		parameters.Set("end", unix(v.to))
		parameters.Set("step", strconv.FormatFloat(v.step.Seconds(), 'f', -1, 64))
	}
	body, err := exec.Command("kubectl", "get", "--raw", "/api/v1/namespaces/monitoring/services/prometheus:9090/proxy/api/v1/"+path+"?"+parameters.Encode()).Output()
	if err != nil {
		return nil, fmt.Errorf("asking Prometheus for %s: %w", expression, err)
	}
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  json.RawMessage
				Values []json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	var all []series
	for _, r := range answer.Data.Result {
		s := series{labels: r.Metric}
		if r.Value != nil {
			r.Values = append(r.Values, r.Value)
		}
		for _, raw := range r.Values {
			var at float64
			var value string
			if err := json.Unmarshal(raw, &[]any{&at, &value}); err != nil {
				return nil, err
			}
			number, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return nil, err
			}
			s.points = append(s.points, point{at, number})
		}
		all = append(all, s)
	}
	return all, nil
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
