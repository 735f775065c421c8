// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"goservice.dev/operator/workload/internal/exchange"
)

const (
	exportTimeout  = 10 * time.Second
	exportAttempts = 3
	exportBackoff  = 500 * time.Millisecond
)

// TracingConfig says where traces go.
type TracingConfig struct {
	// Endpoint of the collector, such as http://collector:4318; /v1/traces is added. Empty records no traces.
	Endpoint string
	// Headers of each export, such as a token.
	Headers map[string]string
}

// newProvider makes the tracing library's provider. It records what the request's middleware decided to record, what has a
// recorded parent, and the sampler's share of the rest.
func newProvider(ctx context.Context, config Config, sampler *Sampler, logger zerolog.Logger) (*sdktrace.TracerProvider, error) {
	client, err := newOTLPClient(config.Tracing)
	if err != nil {
		return nil, err
	}
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("trace exporter: %w", err)
	}
	identity, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", config.Service),
		attribute.String("service.namespace", config.Namespace),
		attribute.String("service.instance.id", config.Instance),
		attribute.String("service.version", config.Version),
	), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("trace resource: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { logger.Warn().Err(err).Msg("traces are not sent") }))
	return sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(identity),
		sdktrace.WithSampler(sdktrace.ParentBased(rootSampler{sampler})),
	), nil
}

// rootSampler decides about spans without a parent.
type rootSampler struct{ sampler *Sampler }

func (s rootSampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	decision := sdktrace.Drop
	// The middleware has decided about its request already, and starts spans of recorded ones only.
	if e := exchange.From(p.ParentContext); e != nil && e.Trace.Sampled || s.sampler.Sample(p.TraceID) {
		decision = sdktrace.RecordAndSample
	}
	return sdktrace.SamplingResult{Decision: decision, Tracestate: trace.SpanContextFromContext(p.ParentContext).TraceState()}
}

func (rootSampler) Description() string { return "GoServiceRatio" }

// otlpClient posts OTLP as protobuf. The ready-made client of the tracing project would add gRPC, and 5 MB, to the binary.
type otlpClient struct {
	url     string
	headers map[string]string
	http    *http.Client
}

func newOTLPClient(config TracingConfig) (*otlpClient, error) {
	endpoint, err := url.Parse(config.Endpoint)
	if err != nil || (endpoint.Scheme != "http" && endpoint.Scheme != "https") || endpoint.Host == "" {
		return nil, errors.New("trace endpoint: must be an http or https URL") // it and the cause may hold a password
	}
	return &otlpClient{
		url:     endpoint.JoinPath("v1", "traces").String(),
		headers: config.Headers,
		http:    &http.Client{Timeout: exportTimeout, Transport: http.DefaultTransport.(*http.Transport).Clone()},
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
	var body bytes.Buffer
	zip := gzip.NewWriter(&body)
	if _, err := zip.Write(encoded); err != nil {
		return fmt.Errorf("compressing traces: %w", err)
	}
	if err := zip.Close(); err != nil {
		return fmt.Errorf("compressing traces: %w", err)
	}
	for attempt := 1; ; attempt++ {
		retry, err := c.post(ctx, body.Bytes())
		if err == nil || !retry || attempt == exportAttempts {
			return err
		}
		backoff := time.NewTimer(exportBackoff << (attempt - 1))
		select {
		case <-ctx.Done():
			backoff.Stop()
			return errors.Join(err, ctx.Err())
		case <-backoff.C:
		}
	}
}

func (c *otlpClient) post(ctx context.Context, body []byte) (retry bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return false, fmt.Errorf("sending traces: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	request.Header.Set("Content-Encoding", "gzip")
	for name, value := range c.headers {
		request.Header.Set(name, value)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return true, fmt.Errorf("sending traces: %w", err)
	}
	defer response.Body.Close()
	detail, _ := io.ReadAll(io.LimitReader(response.Body, 256)) // enough for a reason; drained so that the connection is kept
	if response.StatusCode/100 == 2 {
		return false, nil
	}
	switch response.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		retry = true
	}
	return retry, fmt.Errorf("sending traces: %s: %s", response.Status, strings.ToValidUTF8(string(detail), "?"))
}
