// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package livesettings_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/workload/livesettings"
)

// bounds of one field: values at its bounds, and beyond them with the rule that refuses them. All are JSON.
type bounds struct {
	accepted, refused []string
	rule              string
}

var (
	rates = bounds{
		[]string{`5e-324`, `1`, `1e7`}, []string{`0`, `-5e-324`, `1.0000000000000002e7`}, "must be above 0 and at most 1e+07",
	}
	ownOrWorkers = bounds{[]string{`0`, `1`, `100000`}, []string{`-1`, `100001`}, "must be 0 (the service's own) to 100000"}

	bursts    = bounds{[]string{`1`, `10000000`}, []string{`0`, `-1`, `10000001`}, "must be 1 to 10000000"}
	durations = bounds{[]string{`"0s"`, `"1ns"`, `"2562047h47m16.854775807s"`}, []string{`"-1ns"`}, "must not be negative"}
)

// boundsOf every field of a document, by its path; * stands for the keys of a map.
var boundsOf = map[string]bounds{
	"version": {[]string{`1`}, []string{`0`, `2`, `-1`}, "must be 1"},
	"revision": {
		[]string{`""`, `"a"`, `"9._-Z"`, `"` + strings.Repeat("r", 64) + `"`},
		[]string{`"-a"`, `".a"`, `"_a"`, `"a b"`, `"a/b"`, `"é"`, `"` + strings.Repeat("r", 65) + `"`},
		"must be 1 to 64 letters, digits, '.', '_' and '-', a letter or digit first",
	},
	"rateLimit.requestsPerSecond":        rates,
	"rateLimit.burst":                    bursts,
	"rateLimit.shared":                   {[]string{`true`, `false`}, []string{`1`, `"yes"`}, "must be true or false"},
	"rateLimit.pods.*.requestsPerSecond": rates,
	"rateLimit.pods.*.burst":             bursts,
	"pool.workers":                       {[]string{`1`, `100000`}, []string{`0`, `-1`, `100001`}, "must be 1 to 100000"},
	"pool.minWorkers":                    ownOrWorkers,
	"pool.maxWorkers":                    ownOrWorkers,
	"pool.queueDepth":                    {[]string{`0`, `1000000`}, []string{`-1`, `1000001`}, "must be 0 to 1000000"},
	"pool.queueTimeout":                  durations,
	"pool.takeShare":                     {[]string{`0`, `0.25`, `1`, `null`}, []string{`-5e-324`, `1.0000000000000002`, `2`}, "must be 0 to 1"},
	"logLevel": {
		[]string{`""`, `"debug"`, `"info"`, `"warn"`, `"error"`, `"off"`}, []string{`"loud"`, `"Info"`, `" info"`},
		"must be debug, info, warn, error or off",
	},
	"tracing.sampleRatio": {[]string{`0`, `1`}, []string{`-5e-324`, `1.0000000000000002`, `2`}, "must be 0 to 1"},
	"runtime.gogc": {
		[]string{`-1`, `0`, `1`, `2147483647`}, []string{`-2`, `2147483648`, `4294967296`}, "must be -1 (off), 0 (leave) or a percentage of at most 2147483647",
	},
	"runtime.memoryLimitBytes": {
		[]string{`0`, `8388608`, `9223372036854775807`}, []string{`1`, `8388607`, `-1`}, "must be 0 (leave) or at least 8388608",
	},
	"settings.*":          {[]string{`{}`, `{"a":[1,{}]}`}, []string{`1`, `"x"`, `[]`, `null`, `true`}, "must be an object"},
	"upstreams.*.timeout": durations,
	"upstreams.*.requestsPerSecond": {
		append([]string{`0`}, rates.accepted...), []string{`-5e-324`, `1.0000000000000002e7`}, rates.rule,
	},
	"upstreams.*.burst":                    bursts,
	"routes.*.timeout":                     durations,
	"routes.*.maxBodyBytes":                {[]string{`0`, `1`, `9223372036854775807`}, []string{`-1`}, "must not be negative"},
	"routes.*.rateLimit.requestsPerSecond": rates,
	"routes.*.rateLimit.burst":             bursts,
	"routes.*.pool":                        {[]string{`true`, `false`, `null`}, []string{`0`, `"true"`}, "must be true or false"},
	"routes.*.exempt":                      {[]string{`true`, `false`, `null`}, []string{`1`, `"no"`}, "must be true or false"},
	"routes.*.handOff":                     {[]string{`true`, `false`, `null`}, []string{`1`, `"Disabled"`}, "must be true or false"},
	"routes.*.priority": {
		[]string{`""`, `"critical"`, `"normal"`, `"sheddable"`}, []string{`"high"`, `"Critical"`}, "must be critical, normal or sheddable",
	},
	"upstreams.*.maxInFlight": {[]string{`0`, `1`, `100000`}, []string{`-1`, `100001`}, "must be 0 (the service's own) to 100000"},
	"trustedProxies": {
		[]string{`[]`, `["10.0.0.0/8","2001:db8::/32","::1/128"]`}, []string{`["10.0.0.1"]`, `["10.0.0.1/8"]`, `["x"]`, `[""]`},
		"must be a range of addresses such as 10.0.0.0/8, with no bits set beyond the prefix",
	},
}

// fieldsOf lists the paths of a type's values.
func fieldsOf(path string, of reflect.Type) []string {
	var paths []string
	switch of.Kind() {
	case reflect.Pointer:
		return fieldsOf(path, of.Elem())
	case reflect.Map:
		return fieldsOf(path+".*", of.Elem())
	case reflect.Struct:
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			if name != "-" {
				paths = append(paths, fieldsOf(strings.TrimPrefix(path+"."+name, "."), of.Field(i).Type)...)
			}
		}
		return paths
	}
	return []string{path}
}

func TestEveryFieldHasBounds(t *testing.T) {
	fields := fieldsOf("", reflect.TypeFor[livesettings.Document]())
	slices.Sort(fields)
	if diff := cmp.Diff(fields, slices.Sorted(maps.Keys(boundsOf))); diff != "" {
		t.Errorf("a document's fields, and those whose bounds are tested (-fields +tested):\n%s", diff)
	}
}

// documentWith is a valid document with another value in one place.
func documentWith(t *testing.T, path, value string) []byte {
	t.Helper()
	var content map[string]any
	bucket := `{"requestsPerSecond":1,"burst":1}`
	whole := fmt.Sprintf(`{"version":1,"rateLimit":{"requestsPerSecond":1,"burst":1,"pods":{"a":%s,"key":%s,"z":%s}},"pool":{"workers":1},"tracing":{},`+
		`"runtime":{},"upstreams":{"a":%s,"key":%s,"z":%s},"routes":{"a":{},"key":{"rateLimit":%s},"z":{}},"settings":{"a":{},"key":{}}}`,
		bucket, bucket, bucket, bucket, bucket, bucket, bucket)
	if err := json.Unmarshal([]byte(whole), &content); err != nil {
		t.Fatal(err)
	}
	names := strings.Split(strings.ReplaceAll(path, "*", "key"), ".")
	at := content
	for _, name := range names[:len(names)-1] {
		at = at[name].(map[string]any)
	}
	at[names[len(names)-1]] = json.RawMessage(value)
	encoded, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func TestValuesAtTheirBounds(t *testing.T) {
	for path, field := range boundsOf {
		t.Run(path, func(t *testing.T) {
			for _, value := range field.accepted {
				document, err := livesettings.Parse(documentWith(t, path, value))
				if err != nil || len(document.Ignored) > 0 {
					t.Errorf("%s is refused or ignored: %v", value, err)
				}
			}
			for _, value := range field.refused {
				_, err := livesettings.Parse(documentWith(t, path, value))
				name := strings.ReplaceAll(path, "*", "key")
				if err == nil || !strings.HasPrefix(err.Error(), "live settings: "+name+": ") || !strings.HasSuffix(err.Error(), ": "+field.rule) ||
					strings.Contains(err.Error(), "; ") {
					t.Errorf("%s: got %v, want that %s %s", value, err, name, field.rule)
				}
			}
		})
	}
}

// Rules that are about more than one value: bounds that cross, and how many there may be of what has no other bound.
func TestRulesAboutSeveralValues(t *testing.T) {
	ranges := func(n int) string {
		return `{"version":1,"trustedProxies":[` + strings.TrimSuffix(strings.Repeat(`"10.0.0.0/8",`, n), ",") + `]}`
	}
	sections := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"s%d":{},`, i)
		}
		return `{"version":1,"settings":{` + strings.TrimSuffix(b.String(), ",") + `}}`
	}
	workers := func(least, most int) string {
		return fmt.Sprintf(`{"version":1,"pool":{"workers":5,"minWorkers":%d,"maxWorkers":%d}}`, least, most)
	}
	for content, want := range map[string]string{
		workers(5, 5): "", workers(4, 5): "", workers(0, 5): "", workers(5, 0): "", workers(9, 9): "",
		workers(6, 5):                          "pool.maxWorkers: 5: must be at least pool.minWorkers (6)",
		ranges(64):                             "",
		ranges(65):                             "trustedProxies: 65: must have at most 64 ranges",
		sections(livesettings.MaxSettings):     "",
		sections(livesettings.MaxSettings + 1): fmt.Sprintf("settings: %d: must have at most %d sections", livesettings.MaxSettings+1, livesettings.MaxSettings),
	} {
		got := ""
		if _, err := livesettings.Parse([]byte(content)); err != nil {
			got = strings.TrimPrefix(err.Error(), "live settings: ")
		}
		if got != want {
			t.Errorf("%.80s: %q, want %q", content, got, want)
		}
	}
}

// An upstream without a rate needs no burst; its other rules hold all the same.
func TestAnUpstreamWithoutARate(t *testing.T) {
	for content, valid := range map[string]bool{
		`{}`: true, `{"burst":0}`: true, `{"timeout":"1s"}`: true, `{"timeout":"-1s"}`: false, `{"requestsPerSecond":1}`: false,
	} {
		_, err := livesettings.Parse([]byte(`{"version":1,"upstreams":{"billing":` + content + `}}`))
		if (err == nil) != valid {
			t.Errorf("%s: error %v, valid %t", content, err, valid)
		}
	}
}

// What no JSON can say is refused as well where a document is made in Go, and has neither a form nor a digest.
func TestNumbersThatAreNone(t *testing.T) {
	registry := newRegistry(t)
	for _, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		documents := map[string]livesettings.Document{
			"rateLimit.requestsPerSecond":        {RateLimit: &livesettings.RateLimit{RequestsPerSecond: value, Burst: 1}},
			"rateLimit.pods.a.requestsPerSecond": {RateLimit: &livesettings.RateLimit{RequestsPerSecond: 1, Burst: 1, Pods: map[string]livesettings.Bucket{"a": {RequestsPerSecond: value, Burst: 1}}}},
			"pool.takeShare":                     {Pool: &livesettings.Pool{Workers: 1, TakeShare: &value}},
			"tracing.sampleRatio":                {Tracing: &livesettings.Tracing{SampleRatio: value}},
			"upstreams.a.requestsPerSecond":      {Upstreams: map[string]livesettings.Upstream{"a": {RequestsPerSecond: value, Burst: 1}}},
		}
		for path, document := range documents {
			document.Version = livesettings.Version
			if err := document.Validate(); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("%s = %g: %v", path, value, err)
			}
			if encoded, err := document.Encode(); err == nil || encoded != nil || !strings.HasPrefix(err.Error(), "live settings: ") {
				t.Errorf("%s = %g is encoded as %s, error %v", path, value, encoded, err)
			}
			if digest, err := document.Digest(); err == nil || digest != "" {
				t.Errorf("%s = %g has the digest %q", path, value, digest)
			}
			if sealed, err := document.WithRevision(); err == nil || sealed.Revision != "" {
				t.Errorf("%s = %g has the revision %q", path, value, sealed.Revision)
			}
			if changed, err := registry.Apply(document); err == nil || changed {
				t.Errorf("%s = %g is in force", path, value)
			}
			if _, err := livesettings.NewRegistry(document, ""); err == nil {
				t.Errorf("%s = %g is built in", path, value)
			}
		}
	}
}

func TestTheLargestFileIsRead(t *testing.T) {
	content := document("warn")
	content += strings.Repeat(" ", livesettings.MaxDocumentBytes-len(content))
	if parsed, err := livesettings.Parse([]byte(content)); err != nil || parsed.LogLevel != "warn" {
		t.Errorf("%+v, error %v", parsed, err)
	}
	mounted := newVolume(t)
	mounted.swap(content)
	registry := newRegistry(t)
	watcher := livesettings.Watcher{Path: mounted.file(), Registry: registry}
	watcher.Load()
	if report := registry.Report(); report.Document.LogLevel != "warn" || report.Error != "" {
		t.Errorf("report %+v", report)
	}
}

func TestUnknownFieldsAreNamed(t *testing.T) {
	for content, want := range map[string][]string{
		`{"version":1}`:                                                nil,
		`{"version":1,"-":1}`:                                          {"-"},
		`{"VERSION":1,"loglevel":"warn"}`:                              nil,
		`{"version":1,"":1}`:                                           {""},
		`{"version":1,"pool":null,"b":1,"a":{"c":1}}`:                  {"a", "b"},
		`{"version":1,"upstreams":{"x":{"a":1},"y":{"a":1,"b":1}}}`:    {"upstreams.*.a", "upstreams.*.b"},
		`{"version":1,"` + strings.Repeat("n", 100) + `":1}`:           {strings.Repeat("n", 100)},
		`{"version":1,"` + strings.Repeat("n", 101) + `":1}`:           {strings.Repeat("n", 97) + "…"},
		`{"version":1,"tracing":{"sampleRatio":1,"sampler":"always"}}`: {"tracing.sampler"},
	} {
		document, err := livesettings.Parse([]byte(content))
		if err != nil {
			t.Errorf("%s: %v", content, err)
		}
		if diff := cmp.Diff(want, document.Ignored); diff != "" {
			t.Errorf("%s: ignored (-want +got):\n%s", content, diff)
		}
	}
}
