// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

const (
	exportAttempts = 3
	exportBackoff  = 500 * time.Millisecond
	// maxExportAnswer bounds what is read of a collector's answer.
	maxExportAnswer = 4096
	// dialTimeout, handshakeTimeout and idleTimeout of the connection to the collector.
	dialTimeout      = 5 * time.Second
	handshakeTimeout = 5 * time.Second
	idleTimeout      = 90 * time.Second
)

// newProvider makes the tracing library's provider.
func newProvider(ctx context.Context, config Config, sampler *Sampler, logger zerolog.Logger) (*sdktrace.TracerProvider, error) {
	client, err := newOTLPClient(config.Tracing)
	if err != nil {
		return nil, err
	}
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("trace exporter: %w", err)
	}
	return sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(loggedExporter{exporter, logger}),
		sdktrace.WithResource(identity(config)),
		sdktrace.WithSampler(spanSampler{sampler}),
		sdktrace.WithIDGenerator(idGenerator{}),
	), nil
}

// loggedExporter logs errors itself: the SDK would hand them to the process's global handler, which may be somebody else's.
type loggedExporter struct {
	sdktrace.SpanExporter
	logger zerolog.Logger
}

func (e loggedExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := e.SpanExporter.ExportSpans(ctx, spans); err != nil {
		e.logger.Warn().Err(err).Int("spans", len(spans)).Msg("traces are not sent")
	}
	return nil
}

// identity is what traces say of this process; what the environment says comes first.
func identity(config Config) *resource.Resource {
	attributes := make([]attribute.KeyValue, 0, 4+len(config.Tracing.Resource))
	for _, own := range [][2]string{
		{"service.name", cmp.Or(config.Tracing.ServiceName, config.Service)}, {"service.namespace", config.Namespace},
		{"service.instance.id", config.Instance}, {"service.version", config.Version},
	} {
		if _, given := config.Tracing.Resource[own[0]]; own[1] != "" && !given {
			attributes = append(attributes, attribute.String(own[0], own[1]))
		}
	}
	for name, value := range config.Tracing.Resource {
		attributes = append(attributes, attribute.String(name, value))
	}
	own := resource.NewSchemaless(attributes...)
	sdk, err := resource.New(context.Background(), resource.WithTelemetrySDK())
	if err != nil { // constants
		return own
	}
	merged, err := resource.Merge(sdk, own)
	if err != nil { // two schemas, of which there is one
		return own
	}
	return merged
}

// otlpClient posts OTLP as protobuf. The ready-made client of the tracing project would add gRPC, and 5 MB, to the binary.
type otlpClient struct {
	url          string
	headers      map[string]string
	uncompressed bool
	http         *http.Client
}

func newOTLPClient(config TracingConfig) (*otlpClient, error) {
	endpoint, err := url.Parse(config.Endpoint)
	if err != nil || (endpoint.Scheme != "http" && endpoint.Scheme != "https") || endpoint.Host == "" {
		return nil, errors.New("trace endpoint: must be an http or https URL") // it and the cause may hold a password
	}
	return &otlpClient{
		url:          endpoint.String(),
		headers:      config.Headers,
		uncompressed: config.Uncompressed,
		http: &http.Client{
			Timeout: cmp.Or(config.Timeout, defaultExportTimeout),
			// A transport of its own: http.DefaultTransport may have been replaced, and may trace what it sends.
			Transport: &http.Transport{
				Proxy:               http.ProxyFromEnvironment,
				DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
				TLSClientConfig:     config.TLS,
				TLSHandshakeTimeout: handshakeTimeout,
				IdleConnTimeout:     idleTimeout,
				ForceAttemptHTTP2:   true,
			},
			// Headers may hold a token that is meant for the endpoint and nobody else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func (c *otlpClient) Start(context.Context) error { return nil }

func (c *otlpClient) Stop(context.Context) error {
	c.http.CloseIdleConnections()
	return nil
}

// UploadTraces sends one batch, and again where the collector asks for it.
func (c *otlpClient) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	// The request message of the collector's service has the same single field as TracesData, but its package needs gRPC.
	encoded, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("encoding traces: %w", err)
	}
	if !c.uncompressed {
		var body bytes.Buffer
		zip := gzip.NewWriter(&body)
		if _, err := zip.Write(encoded); err != nil {
			return fmt.Errorf("compressing traces: %w", err)
		}
		if err := zip.Close(); err != nil {
			return fmt.Errorf("compressing traces: %w", err)
		}
		encoded = body.Bytes()
	}
	for attempt := 1; ; attempt++ {
		retry, after, err := c.post(ctx, encoded)
		if err == nil || !retry || attempt == exportAttempts {
			return err
		}
		backoff := exportBackoff << (attempt - 1)
		backoff = backoff/2 + rand.N(backoff) // all pods of a service were refused at the same moment
		backoff = max(backoff, after)
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < backoff {
			return err // the collector asks for more time than there is
		}
		pause := time.NewTimer(backoff)
		select {
		case <-ctx.Done():
			pause.Stop()
			return errors.Join(err, ctx.Err())
		case <-pause.C:
		}
	}
}

// post sends the body once. after is how long the collector asks to wait before the next attempt; 0 where it does not say.
func (c *otlpClient) post(ctx context.Context, body []byte) (retry bool, after time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return false, 0, errors.New("sending traces: the endpoint cannot be used") // the cause repeats it
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	if !c.uncompressed {
		request.Header.Set("Content-Encoding", "gzip")
	}
	for name, value := range c.headers {
		request.Header.Set(name, value)
	}
	response, err := c.http.Do(request)
	if err != nil {
		if cause := (*url.Error)(nil); errors.As(err, &cause) { // without the URL, which may hold a password
			err = cause.Err
		}
		return true, 0, fmt.Errorf("sending traces: %w", err)
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, maxExportAnswer)) // drained so that the connection is kept
	if response.StatusCode/100 == 2 {
		if rejected, reason := partialSuccess(answer); rejected > 0 || reason != "" {
			return false, 0, fmt.Errorf("sending traces: the collector rejected %d spans: %s", rejected, printable(reason))
		}
		return false, 0, nil
	}
	switch response.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		retry = true
	}
	return retry, retryAfter(response.Header.Get("Retry-After"), time.Now()),
		fmt.Errorf("sending traces: %s: %s", response.Status, printable(string(answer)))
}

// printable is what a log line may hold of a collector's answer.
func printable(text string) string {
	const most = 256
	return strings.ToValidUTF8(text[:min(len(text), most)], "?")
}

// retryAfter reads seconds or a date.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(header); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}

// Fields of ExportTraceServiceResponse and its ExportTracePartialSuccess, whose package needs gRPC.
const (
	fieldPartialSuccess protowire.Number = 1
	fieldRejectedSpans  protowire.Number = 1
	fieldErrorMessage   protowire.Number = 2
)

// partialSuccess finds what a collector that answers 200 has rejected all the same, or warns of. An answer that cannot be read
// says nothing.
func partialSuccess(answer []byte) (rejected int64, reason string) {
	walk(answer, func(number protowire.Number, kind protowire.Type, outer []byte) {
		if number != fieldPartialSuccess || kind != protowire.BytesType {
			return
		}
		inner, _ := protowire.ConsumeBytes(outer)
		walk(inner, func(number protowire.Number, kind protowire.Type, value []byte) {
			switch {
			case number == fieldRejectedSpans && kind == protowire.VarintType:
				count, _ := protowire.ConsumeVarint(value)
				rejected = int64(count)
			case number == fieldErrorMessage && kind == protowire.BytesType:
				text, _ := protowire.ConsumeBytes(value)
				reason = string(text)
			}
		})
	})
	return rejected, reason
}

// walk visits the fields of a message up to what cannot be read.
func walk(message []byte, visit func(protowire.Number, protowire.Type, []byte)) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return
		}
		message = message[n:]
		if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
			return
		}
		visit(number, kind, message[:n])
		message = message[n:]
	}
}
