// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/workload/app"
)

// Use cases stay free of what carries them.
func TestImports(t *testing.T) {
	output, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(strings.NewReader(string(output))); lines.Scan(); {
		imported := lines.Text()
		for _, forbidden := range []string{
			"net/http", "github.com/", "go.opentelemetry.io/", "k8s.io/",
			"goservice.dev/operator/workload/infra", "goservice.dev/operator/workload/service", "goservice.dev/operator/workload/telemetry",
		} {
			if strings.HasPrefix(imported, forbidden) {
				t.Errorf("app depends on %s", imported)
			}
		}
	}
}

// others are upstreams that answer after a while.
type others map[string]struct {
	after   time.Duration
	content app.Content
	err     error
}

func (o others) Names() []string { return []string{"a", "b", "c"} }

func (o others) Fetch(ctx context.Context, name, path string, _ int64) (app.Content, error) {
	answer := o[name]
	select {
	case <-ctx.Done():
		return app.Content{}, ctx.Err()
	case <-time.After(answer.after):
	}
	if answer.content.Body == nil {
		answer.content.Body = fmt.Appendf(nil, "%s%s", name, path)
	}
	return answer.content, answer.err
}

func TestGather(t *testing.T) {
	answer := func(status int, body string) app.Content {
		return app.Content{Status: status, JSON: true, Body: []byte(body)}
	}
	cases := map[string]struct {
		upstreams others
		names     []string
		want      app.Gathered
	}{
		"all, in their order, side by side": {
			others{
				"a": {after: 300 * time.Millisecond, content: answer(200, "1")}, "b": {content: answer(404, `{"x":2}`)},
				"c": {after: 300 * time.Millisecond, content: app.Content{Status: 200, Body: []byte("text")}},
			},
			nil,
			app.Gathered{Complete: true, Parts: []app.Part{
				{Upstream: "a", Status: 200, Body: json.RawMessage("1"), Took: "300ms"},
				{Upstream: "b", Status: 404, Body: json.RawMessage(`{"x":2}`), Took: "0s"},
				{Upstream: "c", Status: 200, Body: json.RawMessage(`"text"`), Took: "300ms"},
			}},
		},
		"one answers in Latin-1": {
			others{"a": {content: app.Content{Status: 200, Body: []byte("caf\xe9")}}},
			[]string{"a"},
			app.Gathered{Complete: true, Parts: []app.Part{
				{Upstream: "a", Status: 200, Body: json.RawMessage(`"Y2Fm6Q=="`), BodyEncoding: "base64", Took: "0s"},
			}},
		},
		"one is too slow": {
			others{"a": {after: time.Hour}, "b": {content: answer(200, "2")}},
			[]string{"b", "a"},
			app.Gathered{Parts: []app.Part{
				{Upstream: "b", Status: 200, Body: json.RawMessage("2"), Took: "0s"},
				{Upstream: "a", Error: "not done before the deadline", Took: "900ms"},
			}},
		},
		"one is broken": {
			others{"a": {err: errors.New("cannot be reached")}, "b": {content: answer(503, "0")}},
			[]string{"a", "b"},
			app.Gathered{Parts: []app.Part{
				{Upstream: "a", Error: "cannot be reached", Took: "0s"},
				{Upstream: "b", Status: 503, Body: json.RawMessage("0"), Error: "the upstream answered 503", Took: "0s"},
			}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				got, err := app.Aggregate{Upstreams: c.upstreams}.Gather(ctx, c.names, "/")
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("gathered (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestGatherRefuses(t *testing.T) {
	cases := map[string]struct {
		names []string
		path  string
		want  string
	}{
		"unknown upstream": {[]string{"a", "x"}, "/", "upstream: must be one of a, b, c"},
		"twice":            {[]string{"a", "b", "a"}, "/", "upstream: must name a once only"},
		"relative path":    {nil, "x", "path: must begin with one /"},
		"another host":     {nil, "//x", "path: must begin with one /"},
		"dots":             {nil, "/a/%2e%2e/b", "path: must not contain the segments . and .."},
		"encoding":         {nil, "/%zz", "path: must be a path, percent-encoded, with an optional query"},
		"line break":       {nil, "/\r\nX: y", "path: must have no line breaks and no \\"},
		"too long":         {nil, "/" + strings.Repeat("x", 2048), "path: must have at most 2048 bytes"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := app.Aggregate{Upstreams: others{}}.Gather(t.Context(), c.names, c.path)
			expectInvalid(t, err, c.want)
		})
	}
}

func expectInvalid(t *testing.T, err error, want string) {
	t.Helper()
	var bad *app.Invalid
	if !errors.As(err, &bad) || bad.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestLoad(t *testing.T) {
	for name, load := range map[string]app.Load{
		"nothing": {}, "computing": {CPU: time.Microsecond}, "memory": {AllocBytes: 1 << 20},
	} {
		if err := load.Do(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := (app.Load{Sleep: time.Second}).Do(t.Context()); err != nil || time.Since(start) != time.Second {
			t.Errorf("slept %s, %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := (app.Load{Sleep: app.MaxSleep}).Do(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("at the deadline: %v", err)
		}
		if err := (app.Load{CPU: app.MaxCPU}).Do(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("computing after the deadline: %v", err)
		}
	})
	for want, load := range map[string]app.Load{
		"cpu: must be 0s to 5s":              {CPU: app.MaxCPU + 1},
		"sleep: must be 0s to 30s":           {Sleep: -1},
		"alloc: must be 0 to 67108864 bytes": {AllocBytes: app.MaxAllocBytes + 1},
	} {
		expectInvalid(t, load.Do(t.Context()), want)
	}
}

func TestWhoAmI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		who := app.WhoAmI{Name: "shop", Pod: "shop-1", Version: "v1", Started: time.Now(), Revision: func() string { return "abc" }}
		time.Sleep(90*time.Second + time.Millisecond)
		want := app.Identity{Name: "shop", Pod: "shop-1", Version: "v1", Revision: "abc", Uptime: "1m30s"}
		if diff := cmp.Diff(want, who.Identify()); diff != "" {
			t.Errorf("identity (-want +got):\n%s", diff)
		}
	})
}

func (nap) Check(input json.RawMessage) error {
	if len(input) == 0 {
		return &app.Invalid{Field: "duration", Rule: "must be given"}
	}
	return nil
}

func (nap) Process(ctx context.Context, input json.RawMessage) (any, error) {
	var text string
	if err := json.Unmarshal(input, &text); err != nil {
		return nil, err
	}
	if text == "panic" {
		panic("boom")
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return nil, errors.New("not a duration")
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(d):
		return text, nil
	}
}

const notUnicode = "error: text: must be Unicode: UTF-8 without unpaired surrogates"

func TestProcessors(t *testing.T) {
	fetch := app.Fetch{Upstreams: others{
		"a": {content: app.Content{Status: 200, JSON: true, Body: []byte(`{"x":1}`)}}, "b": {content: app.Content{Status: 404}},
		"c": {err: errors.New("cannot be reached")},
	}}
	cases := map[string]struct {
		processor   app.Processor
		input, want string
	}{
		"sha256":   {app.Digest{}, `{"text":"abc"}`, `{"digest":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}`},
		"sha512":   {app.Digest{}, `{"text":"","algorithm":"sha512"}`, `{"digest":"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"}`},
		"bad":      {app.Digest{}, `{}`, `error: text: must be given`},
		"JSON":     {fetch, `{"upstream":"a"}`, `{"status":200,"body":{"x":1}}`},
		"text":     {fetch, `{"upstream":"b","path":"/y"}`, `{"status":404,"body":"b/y"}`},
		"broken":   {fetch, `{"upstream":"c"}`, `error: cannot be reached`},
		"no input": {fetch, `{}`, `error: upstream: must be one of a, b, c`},
		// What a decoder would replace by U+FFFD is refused: different texts must not have one digest.
		"half a pair":       {app.Digest{}, `{"text":"\ud800"}`, notUnicode},
		"the other half":    {app.Digest{}, `{"text":"x\udC00"}`, notUnicode},
		"two first halves":  {app.Digest{}, `{"text":"\uD834\uD834"}`, notUnicode},
		"half, then text":   {app.Digest{}, `{"text":"\uD834x"}`, notUnicode},
		"no UTF-8":          {app.Digest{}, "{\"text\":\"caf\xe9\"}", notUnicode},
		"a pair":            {app.Digest{}, `{"text":"\ud834\udd1e"}`, `{"digest":"e419efd3d6046adf7662b0daadab65047e8014a523316d7ccc8710de694aa9b6"}`},
		"U+FFFD itself":     {app.Digest{}, `{"text":"\ufffd"}`, `{"digest":"83d544ccc223c057d2bf80d3f2a32982c32c3c0db8e2674820da5064783fb097"}`},
		"escaped backslash": {app.Digest{}, `{"text":"\\ud800"}`, `{"digest":"fb3d435851b285a9c1dedadb318b5399d4769d64a30baaf8cf0db9071ad0a71c"}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			output, err := c.processor.Process(t.Context(), json.RawMessage(c.input))
			encoded, _ := json.Marshal(output)
			got := string(encoded)
			if err != nil {
				got = "error: " + err.Error()
			}
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// many upstreams, each of which has as much to say as it may.
type many struct {
	names []string
	asked chan int64
}

func (m many) Names() []string { return m.names }

func (m many) Fetch(_ context.Context, _, _ string, maxBytes int64) (app.Content, error) {
	m.asked <- maxBytes
	return app.Content{Status: 200, Body: []byte("x")}, nil
}

func TestWhatIsHeldOfAllAnswersIsBounded(t *testing.T) {
	for count, each := range map[int]int64{1: 256 << 10, 16: 256 << 10, 64: 64 << 10} {
		upstreams := many{asked: make(chan int64, count)}
		for i := range count {
			upstreams.names = append(upstreams.names, fmt.Sprint("u", i))
		}
		if _, err := (app.Aggregate{Upstreams: upstreams}).Gather(t.Context(), nil, "/"); err != nil {
			t.Fatal(err)
		}
		for range count {
			if got := <-upstreams.asked; got != each {
				t.Errorf("of %d upstreams each may answer with %d bytes, want %d", count, got, each)
			}
		}
	}
}
