// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package livesettings_test

import (
	"fmt"
	"strings"
	"testing"

	"goservice.dev/operator/workload/livesettings"
)

func TestParseSaysWhatCannotBeUsed(t *testing.T) {
	long := strings.Repeat("x", 1000)
	const duration = `must be a duration such as "25ms" or "2s"`
	cases := map[string]struct{ content, want string }{
		"no JSON":        {`{"version":`, "the file is not valid JSON: unexpected EOF"},
		"nothing":        {``, "the file is not valid JSON: EOF"},
		"more":           {`{"version":1}{}`, "the file must hold one JSON object, more follows it"},
		"a list":         {`[]`, "the file: []: must be an object"},
		"the version":    {`{"version":2}`, "version: 2: must be 1"},
		"a small burst":  {`{"version":1,"rateLimit":{"requestsPerSecond":5,"burst":0}}`, "rateLimit.burst: 0: must be 1 to 10000000"},
		"a pod's burst":  {`{"version":1,"rateLimit":{"requestsPerSecond":5,"burst":1,"pods":{"a":{"requestsPerSecond":5,"burst":0}}}}`, "rateLimit.pods.a.burst: 0: must be 1 to 10000000"},
		"a level":        {`{"version":1,"logLevel":"loud"}`, `logLevel: "loud": must be debug, info, warn, error or off`},
		"a long level":   {`{"version":1,"logLevel":"` + long + `"}`, `logLevel: "` + long[:97] + `…": must be debug, info, warn, error or off`},
		"several values": {`{"version":1,"logLevel":"loud","runtime":{"gogc":-2}}`, `logLevel: "loud": must be debug, info, warn, error or off; runtime.gogc: -2: must be -1 (off), 0 (leave) or a percentage of at most 2147483647`},
		"another type":   {`{"version":1,"rateLimit":{"requestsPerSecond":"5","burst":1.5}}`, `rateLimit.burst: 1.5: must be a whole number; rateLimit.requestsPerSecond: "5": must be a number`},
		"no object":      {`{"version":1,"pool":"wide","upstreams":7}`, `pool: "wide": must be an object; upstreams: 7: must be an object`},
		"no string":      {`{"version":1,"logLevel":true}`, `logLevel: true: must be a string`},
		"durations":      {`{"version":1,"pool":{"workers":1,"queueTimeout":25},"upstreams":{"a":{"timeout":"2"}}}`, `pool.queueTimeout: 25: ` + duration + `; upstreams.a.timeout: "2": ` + duration},
		"a revision":     {`{"version":1,"revision":"a\nb"}`, `revision: "a\nb": must be 1 to 64 letters, digits, '.', '_' and '-', a letter or digit first`},
		"a long one":     {`{"version":1,"revision":"` + long[:65] + `"}`, `revision: "` + long[:65] + `": must be 1 to 64 letters, digits, '.', '_' and '-', a letter or digit first`},
		"too much":       {strings.Repeat(" ", livesettings.MaxDocumentBytes+1), "the file has 262145 bytes or more, at most 262144 are allowed"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := livesettings.Parse([]byte(c.content))
			if err == nil || err.Error() != "live settings: "+c.want {
				t.Errorf("got  %v\nwant live settings: %s", err, c.want)
			}
		})
	}
}

func TestIgnoredFieldsAreBounded(t *testing.T) {
	var content strings.Builder
	content.WriteString(`{"version":1`)
	for i := range 1000 {
		fmt.Fprintf(&content, `,"%04d%s":{}`, i, strings.Repeat("é", 60))
	}
	content.WriteString("}")
	document, err := livesettings.Parse([]byte(content.String()))
	if err != nil {
		t.Fatal(err)
	}
	if len(document.Ignored) != 16 {
		t.Fatalf("%d names of ignored fields, want 16", len(document.Ignored))
	}
	for i, name := range document.Ignored {
		if len(name) > 100 || !strings.HasPrefix(name, fmt.Sprintf("%04dé", i)) || !strings.HasSuffix(name, "é…") {
			t.Errorf("ignored field %d is named %q in %d bytes", i, name, len(name))
		}
	}
}

// A file whose unknown fields alone differ is another document: its revision says so.
func TestARevisionIsConfirmedAsItStands(t *testing.T) {
	registry := newRegistry(t)
	for i, content := range []string{
		`{"version":1,"revision":"a","new":1}`, `{"version":1,"revision":"b","new":2}`, `{"version":1,"revision":"b","other":2}`,
	} {
		document, err := livesettings.Parse([]byte(content))
		if err != nil {
			t.Fatal(err)
		}
		changed := apply(t, registry, document)
		report := registry.Report()
		if report.Revision != document.Revision || changed != (i < 2) || len(report.Ignored) != 1 || report.Ignored[0] != document.Ignored[0] {
			t.Errorf("document %s: changed %t, report %+v", content, changed, report)
		}
	}
}

func TestAnEditedDocumentTakesEffectUnderTheSameRevision(t *testing.T) {
	registry := newRegistry(t)
	good := sealed(t, livesettings.Document{Version: 1, LogLevel: "warn"})
	edited := good
	edited.LogLevel = "debug"
	for _, document := range []livesettings.Document{good, edited, good} {
		if !apply(t, registry, document) || registry.Report().Document.LogLevel != document.LogLevel {
			t.Errorf("in force is %+v, want %+v", registry.Report().Document, document)
		}
	}
}

func TestTheReportIsBounded(t *testing.T) {
	registry := newRegistry(t)
	registry.Reject(fmt.Errorf("%s", strings.Repeat("long ", 100_000)))
	if got := registry.Report().Error; len(got) > 1000 || !strings.HasPrefix(got, "long long ") {
		t.Errorf("the error has %d bytes, at most 1000 are allowed", len(got))
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(document("warn")))
	f.Add([]byte(`{"version":1,"rateLimit":{"requestsPerSecond":625,"burst":63},"pool":{"workers":16,"queueDepth":32,"queueTimeout":"25ms"},` +
		`"tracing":{"sampleRatio":0.05},"runtime":{"gogc":100,"memoryLimitBytes":241591910},"upstreams":{"billing":{"timeout":"2s"}}}`))
	f.Add([]byte(`{"version":1,"revision":"r1","RATELIMIT":{"x":null,"requestsPerSecond":1,"burst":1},"pods":[{}],"upstreams":{"a":{"b":1}}}`))
	f.Add([]byte(`{"version":"1","pool":3}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := livesettings.Parse(data)
		if err != nil {
			if err.Error() == "live settings: " {
				t.Fatalf("%s is refused without a reason", data)
			}
			return
		}
		// What is accepted can be put in force and read back as the same.
		encoded, err := parsed.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := livesettings.Parse(encoded)
		if err != nil {
			t.Fatalf("%s is accepted, but not its canonical form %s: %v", data, encoded, err)
		}
		if first, second := digest(t, parsed), digest(t, again); first != second || parsed.Revision != again.Revision {
			t.Fatalf("digest %s and revision %q become %s and %q", first, parsed.Revision, second, again.Revision)
		}
	})
}
