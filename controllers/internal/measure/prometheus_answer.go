// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"goservice.dev/operator/controllers/internal/podhttp"
	"goservice.dev/operator/controllers/tuner"
)

const (
	// maxAnswerBytes of one answer; a pod takes some 5 KB of it, of which less than 1 KB is kept.
	maxAnswerBytes = 32 << 20
	// maxPods of one answer.
	maxPods = 5000
)

// element of the result of an instant query. What the pods' labels say beside these is not kept.
type element struct {
	Metric struct {
		Pod   string `json:"pod"`
		Part  string `json:"part"`
		Bound string `json:"le"`
	} `json:"metric"`
	Value stamped `json:"value"`
}

// stamped is a value as Prometheus writes it: [seconds, "value"].
type stamped struct {
	at    float64
	value float64
}

// UnmarshalJSON reads both.
func (s *stamped) UnmarshalJSON(text []byte) error {
	var value string
	if err := json.Unmarshal(text, &[]any{&s.at, &value}); err != nil {
		return err
	}
	var err error
	s.value, err = strconv.ParseFloat(value, 64)
	return err
}

// decode reads an answer to Query, by the pods' names, one element after the other: never is all of it in memory. Pods with
// a value that cannot be are left out.
func decode(body io.Reader) (map[string]Sample, error) {
	d := answerDecoder{json: json.NewDecoder(body), samples: map[string]*Sample{}, refused: map[string]bool{}}
	if err := d.object(d.field); err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if d.status != "success" || d.kind != "vector" {
		return nil, fmt.Errorf("status %q, result type %q", podhttp.Clip(d.status), podhttp.Clip(d.kind))
	}
	known := make(map[string]Sample, len(d.samples))
	for pod, sample := range d.samples {
		if sample.At.IsZero() || d.refused[pod] {
			continue // its toolkit's own metrics are gone already, or it never had any
		}
		slices.SortFunc(sample.Buckets, func(a, b tuner.Bucket) int { return cmp.Compare(a.UpperBound, b.UpperBound) })
		sample.Bucketed = len(sample.Buckets) > 0
		known[pod] = *sample
	}
	return known, nil
}

type answerDecoder struct {
	json         *json.Decoder
	status, kind string
	samples      map[string]*Sample
	refused      map[string]bool
}

// object calls read for each key of an object, which must read the value.
func (d *answerDecoder) object(read func(key string) error) error {
	if err := d.delimiter('{'); err != nil {
		return err
	}
	for d.json.More() {
		key, err := d.json.Token()
		if err != nil {
			return err
		}
		if err := read(key.(string)); err != nil { // the decoder lets keys be strings only
			return err
		}
	}
	return d.delimiter('}')
}

func (d *answerDecoder) delimiter(want json.Delim) error {
	token, err := d.json.Token()
	if err == nil && token != want {
		return fmt.Errorf("%q expected", want)
	}
	return err
}

func (d *answerDecoder) field(key string) error {
	switch key {
	case "status":
		return d.json.Decode(&d.status)
	case "data":
		return d.object(d.data)
	}
	return d.skip()
}

func (d *answerDecoder) data(key string) error {
	switch key {
	case "resultType":
		return d.json.Decode(&d.kind)
	case "result":
		return d.result()
	}
	return d.skip()
}

func (d *answerDecoder) skip() error {
	var ignored json.RawMessage
	return d.json.Decode(&ignored)
}

func (d *answerDecoder) result() error {
	if err := d.delimiter('['); err != nil {
		return err
	}
	for d.json.More() {
		var e element
		if err := d.json.Decode(&e); err != nil {
			return err
		}
		if err := d.take(&e); err != nil {
			return err
		}
	}
	return d.delimiter(']')
}

func (d *answerDecoder) take(e *element) error {
	pod := e.Metric.Pod
	if pod == "" {
		return errors.New("series have no label pod: are they scraped through the ServiceMonitor?")
	}
	sample := d.samples[pod]
	if sample == nil {
		if len(d.samples) == maxPods {
			return fmt.Errorf("more than %d pods", maxPods)
		}
		sample = &Sample{}
		d.samples[pod] = sample
	}
	if plausible(e.Value.value) != nil {
		d.refused[pod] = true
		return nil
	}
	return sample.take(pod, e)
}

// take in one element of an answer.
func (s *Sample) take(pod string, e *element) error {
	switch part := e.Metric.Part; part {
	case partAt:
		if !s.At.IsZero() {
			return fmt.Errorf("pod %s is scraped more than once: let one ServiceMonitor select it, and ask one Prometheus", podhttp.Clip(pod))
		}
		s.At = time.UnixMilli(int64(math.Round(min(e.Value.value, maxSeconds) * 1000)))
		s.Age = time.Duration(min(e.Value.at-e.Value.value, maxSeconds) * float64(time.Second))
	case partBuckets, partMilliseconds:
		bound, err := strconv.ParseFloat(e.Metric.Bound, 64)
		if err != nil || math.IsNaN(bound) {
			return fmt.Errorf("a bucket's bound %q is not a number", podhttp.Clip(e.Metric.Bound))
		}
		if len(s.Buckets) == maxBuckets {
			return fmt.Errorf("more than %d buckets", maxBuckets)
		}
		if part == partMilliseconds {
			bound /= 1000
		}
		s.Buckets = append(s.Buckets, tuner.Bucket{UpperBound: bound, Count: e.Value.value})
	default:
		if field := fieldOf(part, s); field != nil {
			*field = e.Value.value
		}
	}
	return nil
}

// maxSeconds is beyond any time that matters here, and fits into a time.Duration.
const maxSeconds = 9e9
