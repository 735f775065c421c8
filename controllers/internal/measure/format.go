// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/indicators"
	"goservice.dev/operator/controllers/plan"
)

// format is how a service's metrics are read: its indicators, prepared.
type format struct {
	onToolkit  bool
	indicators []indicators.Histogram
	histograms []histogramFormat
	// begins says with which bytes the lines begin that matter.
	begins [256]bool
}

// histogramFormat is an indicators.Histogram, prepared.
type histogramFormat struct {
	name, prefix []byte
	results      []byte  // how the lines of its counter of results begin; nil where the histogram has them
	unit         float64 // seconds
	labels       [][]byte
	failed       matcher
	ignored      matcher
	expressive   bool // takes more than a comparison to match
	kind         []byte
	calls        matcher
	except       []byte // a label, and what it says of requests that do not count
	excepted     matcher
}

// matcher says whether a whole value matches.
type matcher func(value []byte) bool

// maxResult is how long a result may be that is compared with an expression: pods write values, and users expressions.
const maxResult = 64

// formats of the presets.
var formats = map[v1alpha1.IndicatorsPreset]*format{}

func init() {
	for _, preset := range []v1alpha1.IndicatorsPreset{
		v1alpha1.IndicatorsToolkit, v1alpha1.IndicatorsOpenTelemetry, v1alpha1.IndicatorsPrometheus, v1alpha1.IndicatorsGRPC,
	} {
		formats[preset] = newFormat(specOf(preset))
	}
}

// specOf a service with a preset.
func specOf(preset v1alpha1.IndicatorsPreset) *v1alpha1.GoServiceSpec {
	return &v1alpha1.GoServiceSpec{Observability: &v1alpha1.ObservabilitySpec{Metrics: &v1alpha1.MetricsSpec{Indicators: preset}}}
}

// formatOf a spec.
func formatOf(spec *v1alpha1.GoServiceSpec) *format {
	if known := formats[plan.Indicators(spec)]; known != nil {
		return known
	}
	return newFormat(spec)
}

func newFormat(spec *v1alpha1.GoServiceSpec) *format {
	f := &format{onToolkit: plan.OnToolkit(spec), indicators: indicators.Of(spec)}
	for i := range plain {
		f.begins[plain[i].name[0]] = true
	}
	for _, name := range suggested {
		f.begins[name[0]] = true
	}
	for _, h := range f.indicators {
		prepared := histogramFormat{name: []byte(h.Name), prefix: []byte(h.Name + "_"), unit: h.Unit.Seconds()}
		var costly bool
		prepared.failed, prepared.expressive = matching(h.Failed)
		prepared.ignored, costly = matching(h.Ignored)
		prepared.expressive = prepared.expressive || costly
		if h.Results != "" {
			prepared.results = []byte(h.Results + "{")
			f.begins[h.Results[0]] = true
		}
		for _, name := range h.Labels {
			prepared.labels = append(prepared.labels, []byte(name+`="`))
		}
		if h.Except != "" {
			prepared.except = []byte(h.Except + `="`)
			prepared.excepted, _ = matching(h.Excepted)
		}
		if h.Kind != "" {
			prepared.kind = []byte(h.Kind + `="`)
			prepared.calls, _ = matching(h.Calls)
		}
		f.histograms = append(f.histograms, prepared)
		f.begins[h.Name[0]] = true
	}
	return f
}

// matching whole values, and whether that takes a regular expression: plain alternatives and whole classes of status codes do not. One
// that the schema would have refused matches nothing.
func matching(pattern string) (match matcher, expressive bool) {
	switch {
	case pattern == "":
		return func([]byte) bool { return false }, false
	case pattern == "5..":
		return func(value []byte) bool { return len(value) == 3 && value[0] == '5' }, false
	case regexp.QuoteMeta(pattern) == pattern:
		return func(value []byte) bool { return string(value) == pattern }, false
	case regexp.QuoteMeta(strings.ReplaceAll(pattern, "|", "")) == strings.ReplaceAll(pattern, "|", ""):
		words := map[string]bool{}
		for word := range strings.SplitSeq(pattern, "|") {
			words[word] = true
		}
		return func(value []byte) bool { return words[string(value)] }, false
	}
	expression, err := regexp.Compile("^(?:" + pattern + ")$")
	if err != nil {
		return func([]byte) bool { return false }, false
	}
	return func(value []byte) bool { return len(value) <= maxResult && expression.Match(value) }, true
}

// result of a series' requests, nil where none of the labels says it.
func (h *histogramFormat) result(line []byte) []byte {
	for _, name := range h.labels {
		if result := label(line, name); result != nil {
			return result
		}
	}
	return nil
}

// isExcepted says whether a series is of requests that do not count.
func (h *histogramFormat) isExcepted(line []byte) bool {
	return h.except != nil && h.excepted(label(line, h.except))
}

// isCall says whether a series is of requests with one answer.
func (h *histogramFormat) isCall(line []byte) bool {
	return h.kind == nil || h.calls(label(line, h.kind))
}

// suggested are the histograms of all presets.
var suggested = indicators.Names()

// notice a histogram that another preset reads.
func (p *parser) notice(line []byte) {
	if p.other != "" || p.known {
		return
	}
	for _, name := range suggested {
		if bytes.HasPrefix(line, []byte(name)) && bytes.HasPrefix(line[len(name):], []byte("_count{")) {
			p.other, _ = indicators.Suggest(name)
			return
		}
	}
}

// missing is what is wrong with a page that has been read and has no indicators.
func (p *parser) missing() error {
	if p.onToolkit && p.chosen < len(p.histograms) { // the conventions that the toolkit follows
		p.other = v1alpha1.IndicatorsOpenTelemetry
	}
	switch {
	case p.other != "":
		return otherPreset(p.other)
	case p.onToolkit:
		return errForeign
	case p.sample.StartSeconds > 0 || p.sample.CPUSeconds > 0:
		return nil // histograms of requests begin with the first one
	}
	names := make([]string, len(p.histograms))
	for i := range p.histograms {
		names[i] = string(p.histograms[i].name)
	}
	return fmt.Errorf("serves no %s, which begins with its first request", strings.Join(names, " or "))
}

// otherPreset reads the metrics of a page, not the one that the service names.
type otherPreset v1alpha1.IndicatorsPreset

func (o otherPreset) Error() string {
	return fmt.Sprintf("serves metrics that observability.metrics.indicators: %s reads", string(o))
}

// errForeign is what a pod gets that serves metrics, but neither those of the toolkit nor any that a preset reads.
var errForeign = errors.New("serves no goservice_service_seconds: is the image built on the toolkit? Otherwise set observability.metrics.indicators")
