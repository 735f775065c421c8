// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"sync"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/podhttp"
	"goservice.dev/operator/controllers/tuner"
)

// Pods are not trusted. What a page may hold is bounded, so that one image can neither fill the operator's memory nor its
// status; a page beyond the bounds is refused as a whole.
const (
	// MaxPageBytes of a page.
	MaxPageBytes = 4 << 20
	// maxLine bounds a line of the exposition; a longer one is none of those that are read here.
	maxLine = 64 << 10
	// maxSeries of request durations, each for a route, a method and a status.
	maxSeries = 2000
	// maxBuckets of a series; the toolkit has 15.
	maxBuckets = 64
	// maxBoundLength of a bucket's bound as it is written.
	maxBoundLength = 32
	// maxValue is beyond what any of these counts or gauges can reach, and small enough for sums and products of such values
	// to stay finite.
	maxValue = 1e20
)

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, maxLine) }}

// parse reads the counters from a Prometheus text exposition. It looks at the few families that it knows and skips the
// rest of a page without taking it apart.
func (f *format) parse(page io.Reader) (Sample, error) {
	reader := readers.Get().(*bufio.Reader)
	reader.Reset(page)
	defer func() {
		reader.Reset(nil)
		readers.Put(reader)
	}()
	p := parser{format: f, chosen: len(f.histograms)}
	for {
		line, err := reader.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if err = skipLine(reader); err == nil {
				continue
			}
			line = nil
		}
		if problem := p.line(bytes.TrimSuffix(line, []byte{'\n'})); problem != nil {
			return Sample{}, problem
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Sample{}, fmt.Errorf("reading metrics: %w", err)
		}
	}
	p.tally()
	if !p.known {
		if err := p.missing(); err != nil {
			return Sample{}, err
		}
	}
	if err := p.seriesEnds(); err != nil {
		return Sample{}, err
	}
	p.sample.Buckets = p.buckets
	return p.sample, nil
}

func skipLine(reader *bufio.Reader) error {
	for {
		if _, err := reader.ReadSlice('\n'); !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

type parser struct {
	*format
	sample Sample
	known  bool
	// chosen is the histogram that counts: the first one of the format that the page has.
	chosen int
	// other is a histogram that another preset reads.
	other v1alpha1.IndicatorsPreset
	// buckets of all series together, and the position in them of the series being read; bounds are as the first series
	// writes them, one after the other, and rest is what the series being read must still have.
	buckets      []tuner.Bucket
	position     int
	bounds, rest []byte
	// results are counted apart from the histogram of the same index; judged are those that an expression was compared with.
	results [maxHistograms]results
	judged  map[string]judgement
	// series is how the lines of the present series begin, up to the bound; ignored says that its status keeps it out.
	series  []byte
	ignored bool
	// seriesCount of all that were begun, counted says that one with buckets was read to its end.
	seriesCount int
	counted     bool
}

// plain are the gauges and counters without labels, by the first letters of their lines, each with the field that takes its value.
var plain = [...]struct {
	name  string
	field func(*Sample) *float64
}{
	{"goservice_service_seconds_sum ", func(s *Sample) *float64 { return &s.ServiceSeconds }},
	{"goservice_service_seconds_count ", func(s *Sample) *float64 { return &s.Served }},
	{"goservice_pool_busy ", func(s *Sample) *float64 { return &s.Busy }},
	{"goservice_pool_workers ", func(s *Sample) *float64 { return &s.Workers }},
	{"goservice_pool_max_workers ", func(s *Sample) *float64 { return &s.MostWorkers }},
	{"goservice_pool_queued ", func(s *Sample) *float64 { return &s.Queued }},
	{"http_server_active_requests ", func(s *Sample) *float64 { return &s.Active }},
	{"process_cpu_seconds_total ", func(s *Sample) *float64 { return &s.CPUSeconds }},
	{"process_start_time_seconds ", func(s *Sample) *float64 { return &s.StartSeconds }},
	{"go_sched_gomaxprocs_threads ", func(s *Sample) *float64 { return &s.Processors }},
	{"go_gc_heap_live_bytes ", func(s *Sample) *float64 { return &s.HeapLiveBytes }},
	{"go_gc_gogc_percent ", func(s *Sample) *float64 { return &s.GOGC }},
	{"goservice_hand_off_hop_seconds ", func(s *Sample) *float64 { return &s.HandOff.HopSeconds }},
	{"goservice_hand_off_peers ", func(s *Sample) *float64 {
		s.HandOff.Peers = new(float64)
		return s.HandOff.Peers
	}},
}

// rejectedName is the counter of requests that were turned away, reasonRateLimit its label for those above a rate limit.
const (
	rejectedName    = "goservice_requests_rejected_total"
	reasonRateLimit = `reason="rate_limit"`
)

var (
	rejectedPrefix = []byte(rejectedName + "{")
	servedPrefix   = []byte("goservice_service_seconds_count ")
	noRoute        = []byte(`http_route=""`)
	rateLimited    = []byte(reasonRateLimit)
	statusLabel    = []byte(`http_response_status_code="`)
	boundLabel     = []byte(`le="`)
)

func (p *parser) line(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	if !p.begins[line[0]] { // comments too
		return nil
	}
	for i := range p.histograms {
		h := &p.histograms[i]
		if bytes.HasPrefix(line, h.prefix) {
			return p.duration(i, h, line)
		}
		if h.results != nil && bytes.HasPrefix(line, h.results) {
			return p.result(i, h, line)
		}
	}
	p.notice(line)
	if bytes.HasPrefix(line, rejectedPrefix) {
		value, err := valueOf(line)
		p.sample.Rejected += value
		if bytes.Contains(line, rateLimited) {
			p.sample.Refused += value
		}
		return err
	}
	if bytes.HasPrefix(line, movesPrefix) {
		return p.sample.HandOff.count(line)
	}
	for i := range plain {
		name := plain[i].name
		if len(line) <= len(name) || line[3] != name[3] || string(line[:len(name)]) != name { // the fourth letter tells most apart
			continue
		}
		value, err := valueOf(line)
		*plain[i].field(&p.sample) = value
		p.known = p.known || bytes.HasPrefix(line, servedPrefix)
		return err
	}
	return nil
}

// duration reads a line of the request durations in the histogram of an index.
func (p *parser) duration(index int, h *histogramFormat, line []byte) error {
	kind, _, is := bytes.Cut(line[len(h.prefix):], openBrace)
	if !is {
		kind, _, _ = bytes.Cut(line[len(h.prefix):], space)
	}
	switch string(kind) {
	case "bucket", "sum", "count":
	default: // another metric, whose name goes on
		return nil
	}
	if !p.choose(index) {
		return nil
	}
	if kind[0] == 'c' {
		if h.results != nil {
			return nil
		}
		return p.result(index, h, line)
	}
	if kind[0] == 'b' {
		return p.bucket(h, line)
	}
	if h.isExcepted(line) {
		return nil
	}
	value, err := valueOf(line)
	p.sample.DurationSeconds += value * h.unit
	return err
}

// choose a histogram, unless an earlier one is there, and forget what was read of a later one: services that change from one to another
// serve both for a while.
func (p *parser) choose(index int) bool {
	if index >= p.chosen {
		return index == p.chosen
	}
	p.chosen = index
	p.sample.DurationSeconds = 0
	p.buckets, p.position, p.bounds, p.rest = nil, 0, nil, nil
	p.series, p.ignored, p.seriesCount, p.counted = p.series[:0], false, 0, false
	return true
}

var (
	openBrace = []byte("{")
	space     = []byte(" ")
)

// unmatched tells from a series' labels whether no route took its requests.
func unmatched(line []byte) bool {
	status := string(label(line, statusLabel))
	return (status == "404" || status == "405") && bytes.Contains(line, noRoute)
}

// bucket adds to the histogram of all series. Those of one process have the same bounds in the same order, so that the
// bounds are read from the first series and only compared with those of the others.
func (p *parser) bucket(h *histogramFormat, line []byte) error {
	if len(p.series) == 0 || !bytes.HasPrefix(line, p.series) {
		if err := p.seriesEnds(); err != nil {
			return err
		}
		at := bytes.LastIndex(line, boundLabel)
		if at < 0 {
			return errors.New("metrics: a bucket without a bound")
		}
		if p.seriesCount++; p.seriesCount > maxSeries {
			return fmt.Errorf("metrics: more than %d series of request durations", maxSeries)
		}
		p.series = append(p.series[:0], line[:at+len(boundLabel)]...)
		p.position, p.rest = 0, p.bounds
		failed, limited, err := p.judge(h, line)
		if err != nil {
			return err
		}
		p.sample.Bucketed = true
		p.ignored = failed || limited || !h.isCall(line) || h.isExcepted(line)
	}
	if p.ignored {
		return nil
	}
	end := bytes.IndexByte(line[len(p.series):], '"')
	if end < 0 {
		return errors.New("metrics: a bucket's bound does not end")
	}
	quoted, rest := line[len(p.series):len(p.series)+end+1], line[len(p.series)+end+1:]
	value, err := valueOf(rest)
	if err != nil {
		return err
	}
	if !p.counted {
		if err := p.newBound(h, quoted); err != nil {
			return err
		}
	} else if !bytes.HasPrefix(p.rest, quoted) {
		return errUneven
	} else {
		p.rest = p.rest[len(quoted):]
	}
	p.buckets[p.position].Count += value
	p.position++
	return nil
}

// errUneven would make of different histograms one that is none.
var errUneven = errors.New("metrics: series of request durations have different buckets")

// newBound is the next one of the first series, with the quote behind it.
func (p *parser) newBound(h *histogramFormat, quoted []byte) error {
	upper, err := strconv.ParseFloat(string(quoted[:len(quoted)-1]), 64)
	upper *= h.unit
	switch {
	case err != nil, len(quoted) > maxBoundLength:
		return fmt.Errorf("metrics: a bucket's bound %q is not a number", podhttp.Clip(string(quoted)))
	case len(p.buckets) == maxBuckets:
		return fmt.Errorf("metrics: more than %d buckets", maxBuckets)
	case math.IsNaN(upper), len(p.buckets) > 0 && upper <= p.buckets[len(p.buckets)-1].UpperBound:
		return errors.New("metrics: bucket bounds do not increase")
	}
	p.buckets = append(p.buckets, tuner.Bucket{UpperBound: upper})
	p.bounds = append(p.bounds, quoted...)
	return nil
}

// seriesEnds checks that the series being read has all of its buckets, the last of them without a bound.
func (p *parser) seriesEnds() error {
	if len(p.series) == 0 || p.ignored {
		return nil
	}
	if p.position < len(p.buckets) {
		return errUneven
	}
	if !math.IsInf(p.buckets[len(p.buckets)-1].UpperBound, 1) {
		return errors.New("metrics: the last bucket's bound is not +Inf")
	}
	p.counted = true
	return nil
}

// label finds the value of a label, whose name ends with an equals sign and a quote; nil without it. Values that matter here never
// hold an escaped quote. A name that only ends like this one is another one's, and so is one in a value, where quotes are escaped.
func label(line, name []byte) []byte {
	for rest := line; ; {
		at := bytes.Index(rest, name)
		if at < 0 {
			return nil
		}
		value := rest[at+len(name):]
		if at > 0 && (rest[at-1] == '{' || rest[at-1] == ',') {
			end := bytes.IndexByte(value, '"')
			if end < 0 {
				return nil
			}
			return value[:end]
		}
		rest = value
	}
}

// valueOf is the number behind the name and labels. A label's value may hold a space, therefore the last closing brace
// counts.
func valueOf(line []byte) (float64, error) {
	text := line
	if brace := bytes.LastIndexByte(line, '}'); brace >= 0 {
		text = line[brace+1:]
	} else if space := bytes.IndexByte(line, ' '); space >= 0 {
		text = line[space:]
	}
	text = bytes.TrimLeft(text, " ")
	if space := bytes.IndexByte(text, ' '); space >= 0 { // a timestamp follows
		text = text[:space]
	}
	if value, simple := digits(text); simple {
		return value, nil
	}
	value, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return 0, fmt.Errorf("metrics: %q is not a number", podhttp.Clip(string(text)))
	}
	return value, plausible(value)
}

// plausible refuses what no count and none of the gauges that are read here can be: a single infinite value would stay in
// every mean that it gets into.
func plausible(value float64) error {
	if value >= 0 && value <= maxValue { // NaN is neither
		return nil
	}
	return fmt.Errorf("metrics: %v is neither a count nor a size", value)
}

// digits reads a plain whole number, which most lines hold.
func digits(text []byte) (float64, bool) {
	if len(text) == 0 || len(text) > 15 {
		return 0, false
	}
	n := 0
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return float64(n), true
}
