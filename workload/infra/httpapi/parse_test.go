// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package httpapi

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"goservice.dev/operator/workload/app"
)

// named demands that an error tells its client the field and the rule, and repeats not more than a little of the input.
func named(t *testing.T, err error) {
	t.Helper()
	var bad *app.Invalid
	if !errors.As(err, &bad) || bad.Field == "" || bad.Rule == "" || len(bad.Field) > 4*maxEcho {
		t.Fatalf("error %#v names no field and rule", err)
	}
}

func FuzzParseLoad(f *testing.F) {
	for _, seed := range []string{"", "cpu=20ms&sleep=1s&alloc=64KiB", "cpu=1s&cpu=2s", "gpu=1", "alloc=99999999999MiB", "%zz", "sleep=-1s", "alloc=1Mi"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		load, err := parseLoad(raw)
		if err != nil {
			named(t, err)
			return
		}
		if load.CPU < 0 || load.CPU > app.MaxCPU || load.Sleep < 0 || load.Sleep > app.MaxSleep || load.AllocBytes < 0 || load.AllocBytes > app.MaxAllocBytes {
			t.Fatalf("%q is accepted as %+v", raw, load)
		}
	})
}

func FuzzParseJobs(f *testing.F) {
	for _, seed := range []string{
		`{"jobs":[{"id":"a","kind":"digest","input":{"text":"x"}}]}`, `{"kind":"digest","input":{}}`, "{}\n{}\n", `{"jobs":{}}`,
		`{"jobs":[]} x`, `{"kind":1}`, strings.Repeat(`{"x":`, 50), "\x00", `{"` + strings.Repeat("y", 200) + `":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		batch := app.Batch{Processors: map[string]app.Processor{"digest": app.Digest{}}}
		for _, parse := range []func(io.Reader) ([]app.Job, error){parseBatch, parseLines} {
			jobs, err := parse(bytes.NewReader(body))
			if err == nil {
				err = batch.Check(jobs)
			}
			if err != nil {
				named(t, err)
				continue
			}
			for _, job := range jobs {
				if _, err := (app.Digest{}).Process(t.Context(), job.Input); err != nil {
					t.Fatalf("job %s is accepted but fails: %v", job.Input, err)
				}
			}
		}
	})
}

func TestShorten(t *testing.T) {
	if got := shorten(strings.Repeat("ä", 100)); len(got) > maxEcho+8 || !utf8.ValidString(got) {
		t.Errorf("%q", got)
	}
}

// counted is how much of a text has been read.
type counted struct {
	*strings.Reader
	bytes int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.bytes += n
	return n, err
}

// A batch with too many jobs is refused for the first one too many. Its array is not built, and what follows is not read.
func TestWhatIsBeyondTheBoundOfABatchIsNotRead(t *testing.T) {
	for name, c := range map[string]struct {
		parse func(io.Reader) ([]app.Job, error)
		text  string
	}{
		"an array":  {parseBatch, `{"jobs":[` + strings.Repeat("{},", 1<<20) + `{}]}`},
		"lines":     {parseLines, strings.Repeat("{}\n", 1<<20)},
		"no job":    {parseBatch, `{"jobs":[` + strings.Repeat("1,", 1<<20) + `1]}`},
		"two lists": {parseBatch, `{"jobs":[],"jobs":[` + strings.Repeat("{},", 1<<20) + `{}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			text := &counted{Reader: strings.NewReader(c.text)}
			jobs, err := c.parse(text)
			if err == nil {
				err = app.Batch{}.Check(jobs)
			}
			named(t, err)
			if len(jobs) > app.MaxJobs+1 || text.bytes > 128<<10 {
				t.Errorf("%d jobs of %d bytes were read", len(jobs), text.bytes)
			}
		})
	}
}
