// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"slices"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"goservice.dev/operator/workload/internal/exchange"
	"goservice.dev/operator/workload/panics"
)

// Logger of the service. Its level changes with Level. A line that is logged with a context, such as by InfoContext, carries the
// trace_id and span_id of the context's span, and the request_id of its request, if there are.
func (t *Telemetry) Logger() *slog.Logger { return slog.New(&handler{logger: t.plain, level: t.level}) }

// handler is a slog.Handler that writes as the request lines are written.
type handler struct {
	logger zerolog.Logger
	level  *Level
	// groups that are open. What is given within them is kept, since JSON objects cannot be written in parts; what is given
	// before the first one is in the logger, encoded once.
	groups []group
}

// group is a name and the attributes that were given within it.
type group struct {
	name       string
	attributes []slog.Attr
}

// levelOf is the closest level at or below.
func levelOf(level slog.Level) zerolog.Level {
	switch {
	case level < slog.LevelInfo:
		return zerolog.DebugLevel
	case level < slog.LevelWarn:
		return zerolog.InfoLevel
	case level < slog.LevelError:
		return zerolog.WarnLevel
	}
	return zerolog.ErrorLevel
}

func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return h.level.Enabled(levelOf(level))
}

func (h *handler) Handle(ctx context.Context, record slog.Record) error {
	line := h.logger.WithLevel(levelOf(record.Level))
	if !record.Time.IsZero() {
		line.Time(zerolog.TimestampFieldName, record.Time)
	}
	identify(ctx, line)
	attributes := make([]slog.Attr, 0, record.NumAttrs())
	record.Attrs(func(a slog.Attr) bool {
		attributes = append(attributes, a)
		return true
	})
	// From the inside out: what is in no group in the end belongs to the line itself.
	for _, g := range slices.Backward(h.groups) {
		attributes = append(slices.Clone(g.attributes), attributes...)
		attributes = []slog.Attr{{Key: g.name, Value: slog.GroupValue(attributes...)}}
	}
	for _, a := range attributes {
		appendAttr(line, a)
	}
	line.Msg(record.Message)
	return nil
}

// identify adds whose line it is.
func identify(ctx context.Context, line *zerolog.Event) {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		traceID, spanID := span.TraceID(), span.SpanID()
		line.Str("trace_id", hex.EncodeToString(traceID[:])).Str("span_id", hex.EncodeToString(spanID[:]))
	}
	if e := exchange.From(ctx); e != nil && e.RequestID != "" {
		line.Str("request_id", e.RequestID)
	}
}

func (h *handler) WithAttrs(attributes []slog.Attr) slog.Handler {
	if len(attributes) == 0 {
		return h
	}
	next := *h
	if len(h.groups) > 0 {
		next.groups = slices.Clone(h.groups)
		last := &next.groups[len(next.groups)-1]
		last.attributes = append(slices.Clone(last.attributes), attributes...)
		return &next
	}
	next.logger = h.logger.With().EmbedObject(embedded(attributes)).Logger()
	return &next
}

// embedded attributes are encoded once for all lines of a logger.
type embedded []slog.Attr

// MarshalZerologObject makes it a zerolog.LogObjectMarshaler.
func (attributes embedded) MarshalZerologObject(line *zerolog.Event) {
	for _, a := range attributes {
		appendAttr(line, a)
	}
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	next := *h
	next.groups = append(slices.Clone(h.groups), group{name: name})
	return &next
}

// appendAttr follows the rules of slog.Handler: values are resolved, empty attributes and groups are left out, groups without a
// name are inlined.
func appendAttr(line *zerolog.Event, a slog.Attr) {
	if a.Equal(slog.Attr{}) {
		return
	}
	value := a.Value.Resolve()
	switch value.Kind() {
	case slog.KindGroup:
		if a.Key == "" {
			for _, member := range value.Group() {
				appendAttr(line, member)
			}
		} else if len(value.Group()) > 0 {
			inner := line.CreateDict()
			for _, member := range value.Group() {
				appendAttr(inner, member)
			}
			line.Dict(a.Key, inner)
		}
	case slog.KindString:
		line.Str(a.Key, value.String())
	case slog.KindInt64:
		line.Int64(a.Key, value.Int64())
	case slog.KindUint64:
		line.Uint64(a.Key, value.Uint64())
	case slog.KindFloat64:
		line.Float64(a.Key, value.Float64())
	case slog.KindBool:
		line.Bool(a.Key, value.Bool())
	case slog.KindDuration:
		line.Str(a.Key, value.Duration().String()) // a number would need a unit
	case slog.KindTime:
		line.Time(a.Key, value.Time())
	default:
		if err, is := value.Any().(error); is { // JSON would make {} of most
			line.Str(a.Key, contained(err.Error))
			return
		}
		line.RawJSON(a.Key, encoded(value.Any()))
	}
}

// contained text of a foreign method, which may panic, as that of a nil pointer does.
func contained(method func() string) (text string) {
	defer func() {
		if value := recover(); value != nil {
			text = panics.Recovered(value).Error()
		}
	}()
	return method()
}

// encoded is the value as JSON, or what is wrong with it.
func encoded(value any) (data []byte) {
	text := contained(func() string {
		encoded, err := json.Marshal(value)
		if err != nil {
			return err.Error()
		}
		data = encoded
		return ""
	})
	if data == nil {
		data, _ = json.Marshal(text) // a string always encodes
	}
	return data
}
