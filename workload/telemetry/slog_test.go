// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"goservice.dev/operator/workload/telemetry"
)

func logged(t *testing.T) (*telemetry.Telemetry, *bytes.Buffer) {
	t.Helper()
	buffer := new(bytes.Buffer)
	return newTelemetry(t, telemetry.Config{Log: buffer}), buffer
}

// The standard library's own test of handlers is the oracle.
func TestTheLoggerFollowsTheRulesOfSlog(t *testing.T) {
	tel, buffer := logged(t)
	err := slogtest.TestHandler(tel.Logger().Handler(), func() (lines []map[string]any) {
		for line := range bytes.Lines(buffer.Bytes()) {
			var fields map[string]any
			if err := json.Unmarshal(line, &fields); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			fields[slog.MessageKey] = fields["message"]
			lines = append(lines, fields)
		}
		return lines
	})
	if err != nil {
		t.Error(err)
	}
}

type stumbling struct{}

func (stumbling) MarshalJSON() ([]byte, error) { panic("stumbled") }

func TestValuesAreWrittenForPeople(t *testing.T) {
	tel, buffer := logged(t)
	for value, want := range map[any]string{
		fmt.Errorf("outer: %w", errors.New("inner")): `"outer: inner"`,
		(*json.SyntaxError)(nil):                     `"panic: runtime error: invalid memory address or nil pointer dereference"`,
		1500 * time.Millisecond:                      `"1.5s"`,
		stumbling{}:                                  `"panic: stumbled"`,
		struct{ A int }{1}:                           `{"A":1}`,
		any(make(chan int)):                          `"json: unsupported type: chan int"`,
		uint64(1 << 63):                              `9223372036854775808`,
	} {
		buffer.Reset()
		tel.Logger().Info("x", "value", value)
		if !json.Valid(buffer.Bytes()) || !strings.Contains(buffer.String(), `"value":`+want) {
			t.Errorf("%T: %s, want %s", value, buffer, want)
		}
	}
}

func TestTheLevelOfLoggersIsLive(t *testing.T) {
	tel, buffer := logged(t)
	logger := tel.Logger().With("part", "a")
	for level, want := range map[string]string{"off": "", "error": "e", "warn": "we", "info": "iwe", "debug": "diwe"} {
		buffer.Reset()
		if err := tel.Level().Set(level); err != nil {
			t.Fatal(err)
		}
		logger.Debug("d")
		logger.Info("i")
		logger.Warn("w")
		logger.Error("e")
		got := ""
		for line := range bytes.Lines(buffer.Bytes()) {
			var fields struct{ Message string }
			if err := json.Unmarshal(line, &fields); err != nil {
				t.Fatal(err)
			}
			got += fields.Message
		}
		if got != want {
			t.Errorf("%s: %q, want %q", level, got, want)
		}
	}
}

func TestLinesOfARequestCarryItsTrace(t *testing.T) {
	tel, buffer := logged(t)
	serveTraced(tel, unsampledCaller, func(_ http.ResponseWriter, r *http.Request) {
		tel.Logger().InfoContext(r.Context(), "placed")
	})
	if line := buffer.String(); !strings.Contains(line, `"trace_id":"`+unsampledCaller[3:35]+`","span_id":"`) {
		t.Errorf("%s, want the trace", line)
	}
}
