// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"goservice.dev/operator/workload/telemetry"
)

func TestTheStandardVariablesAreHonored(t *testing.T) {
	cases := map[string]struct {
		environment map[string]string
		want        telemetry.TracingConfig
		warnings    []string // each must be named by a warning
	}{
		"nothing":        {},
		"empty is unset": {environment: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "", "OTEL_PROPAGATORS": "", "OTEL_TRACES_SAMPLER": ""}},
		"one endpoint": {
			environment: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/base/"},
			want:        telemetry.TracingConfig{Endpoint: "http://c:4318/base/v1/traces"},
		},
		"an endpoint for traces is used as it is": {
			environment: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://t"},
			want:        telemetry.TracingConfig{Endpoint: "https://t/"},
		},
		"everything of the exporter": {
			environment: map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_HEADERS": "a=1", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "b=%20x, c=2",
				"OTEL_EXPORTER_OTLP_TIMEOUT": "2500", "OTEL_EXPORTER_OTLP_COMPRESSION": "none", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
			},
			want: telemetry.TracingConfig{
				Endpoint: "http://c/v1/traces", Headers: map[string]string{"b": " x", "c": "2"}, Timeout: 2500 * time.Millisecond, Uncompressed: true,
			},
		},
		"disabled": {environment: map[string]string{"OTEL_SDK_DISABLED": "TRUE", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}},
		"none":     {environment: map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}},
		"identity": {
			environment: map[string]string{"OTEL_SERVICE_NAME": "shop", "OTEL_RESOURCE_ATTRIBUTES": "service.name=other,team=a%2Cb"},
			want:        telemetry.TracingConfig{ServiceName: "shop", Resource: map[string]string{"team": "a,b"}},
		},
		"the name among the attributes": {
			environment: map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "service.name=other"}, want: telemetry.TracingConfig{ServiceName: "other"},
		},
		"samplers that respect callers": {
			environment: map[string]string{"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25"},
			want:        telemetry.TracingConfig{SampleRatio: 0.25},
		},
		"samplers that do not": {
			environment: map[string]string{"OTEL_TRACES_SAMPLER": "always_on"}, want: telemetry.TracingConfig{SampleRatio: 1, IgnoreCallers: true},
		},
		"propagators": {
			environment: map[string]string{"OTEL_PROPAGATORS": "tracecontext"}, want: telemetry.TracingConfig{WithoutBaggage: true},
		},
		"no propagators": {
			environment: map[string]string{"OTEL_PROPAGATORS": "none"},
			want:        telemetry.TracingConfig{WithoutBaggage: true, WithoutTraceContext: true},
		},
		"resource attributes of which one is malformed": {
			environment: map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "team,a=1,=2,b=%zz,"},
			want:        telemetry.TracingConfig{Resource: map[string]string{"a": "1"}}, warnings: []string{"OTEL_RESOURCE_ATTRIBUTES: must be name=value pairs"},
		},
		"what is not supported": {
			environment: map[string]string{
				"OTEL_TRACES_SAMPLER": "jaeger_remote", "OTEL_PROPAGATORS": "b3,tracecontext,baggage", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
				"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_SDK_DISABLED": "maybe", "OTEL_EXPORTER_OTLP_COMPRESSION": "zstd",
				"OTEL_EXPORTER_OTLP_TIMEOUT": "10s",
			},
			want: telemetry.TracingConfig{Endpoint: "http://c:4317/v1/traces"},
			warnings: []string{
				`OTEL_TRACES_SAMPLER: "jaeger_remote"`, `OTEL_PROPAGATORS: "b3"`, `OTEL_EXPORTER_OTLP_PROTOCOL: "grpc"`, `OTEL_SDK_DISABLED: "maybe"`,
				`OTEL_EXPORTER_OTLP_COMPRESSION: "zstd"`, `OTEL_EXPORTER_OTLP_TIMEOUT: "10s"`,
			},
		},
		"a ratio that is none": {
			environment: map[string]string{"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "NaN"},
			want:        telemetry.TracingConfig{SampleRatio: 1}, warnings: []string{`OTEL_TRACES_SAMPLER_ARG: "NaN"`},
		},
		"another exporter": {
			environment: map[string]string{"OTEL_TRACES_EXPORTER": "zipkin", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"},
			warnings:    []string{`OTEL_TRACES_EXPORTER: "zipkin": must be otlp or none; no traces are sent`},
		},
		"no URL": {
			environment: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "hunter2:4317"}, warnings: []string{"OTEL_EXPORTER_OTLP_ENDPOINT: must be an http or https URL"},
		},
		"headers that are none": {
			environment: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_HEADERS": "hunter2"},
			want:        telemetry.TracingConfig{Endpoint: "http://c/v1/traces"}, warnings: []string{"OTEL_EXPORTER_OTLP_HEADERS: must be name=value pairs"},
		},
		"certificates that are not there": {
			environment: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c", "OTEL_EXPORTER_OTLP_CERTIFICATE": "/none"},
			warnings:    []string{"OTEL_EXPORTER_OTLP_CERTIFICATE: open /none"},
		},
		"half of a client certificate": {
			environment: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c", "OTEL_EXPORTER_OTLP_CLIENT_KEY": "/none"},
			warnings:    []string{"OTEL_EXPORTER_OTLP_CLIENT_KEY: the certificate and the key must be set together"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, warnings := telemetry.TracingFromEnvironment(c.environment)
			if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(warnings) != len(c.warnings) {
				t.Errorf("warnings %q, want %q", warnings, c.warnings)
			}
			all := strings.Join(warnings, "\n")
			for _, want := range c.warnings {
				if !strings.Contains(all, want) {
					t.Errorf("%s\nlacks %s", all, want)
				}
			}
			if strings.Contains(all, "hunter2") {
				t.Errorf("%s repeats a secret", all)
			}
		})
	}
}
