// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// defaultExportTimeout is that of the OpenTelemetry specification.
const defaultExportTimeout = 10 * time.Second

// TracingConfig says what is traced and where traces go. The zero value sends none, and takes part in the traces of others.
type TracingConfig struct {
	// Endpoint that traces are posted to, such as http://collector:4318/v1/traces. Empty records no traces.
	Endpoint string
	// Headers of each export, such as a token.
	Headers map[string]string
	// Timeout of one attempt to export; 0 means 10 s.
	Timeout time.Duration
	// Uncompressed exports are sent as they are instead of with gzip.
	Uncompressed bool
	// TLS of the connection to an https endpoint; nil uses the system's root certificates.
	TLS *tls.Config
	// ServiceName, if set, replaces Config.Service in traces, and Resource adds attributes to them.
	ServiceName string
	Resource    map[string]string
	// SampleRatio of new traces, 0 to 1, until Sampler.Set changes it.
	SampleRatio float64
	// IgnoreCallers decides about each request by the ratio, whatever its caller decided.
	IgnoreCallers bool
	// MaxCallerTraces bounds how many requests per second are recorded only because their callers decided so; beyond it, the
	// ratio decides. 0 means DefaultMaxCallerTraces, a negative value none.
	MaxCallerTraces float64
	// WithoutTraceContext and WithoutBaggage take no traceparent and no baggage from callers, and send none to upstreams.
	WithoutTraceContext, WithoutBaggage bool
}

// DefaultMaxCallerTraces per second keep a caller, who may be anybody, from making a service spend its time on traces and
// log lines.
const DefaultMaxCallerTraces = 100

// TracingFromEnvironment reads the standard variables of OpenTelemetry: OTEL_SDK_DISABLED, OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES, OTEL_PROPAGATORS, OTEL_TRACES_EXPORTER, OTEL_TRACES_SAMPLER with its _ARG, and of
// OTEL_EXPORTER_OTLP_ and OTEL_EXPORTER_OTLP_TRACES_, which comes first: ENDPOINT, HEADERS, TIMEOUT, PROTOCOL, COMPRESSION,
// CERTIFICATE, CLIENT_CERTIFICATE and CLIENT_KEY. OTEL_BSP_ and OTEL_SPAN_ are read by the SDK.
//
// Telemetry never keeps a service from starting: what cannot be used is left out, and named in a warning. Warnings repeat no
// URL and no header, which may hold secrets.
func TracingFromEnvironment(environment map[string]string) (config TracingConfig, warnings []string) {
	r := &reader{environment: environment}
	r.identity(&config)
	r.propagators(&config)
	r.sampler(&config)
	if disabled := r.get("OTEL_SDK_DISABLED"); strings.EqualFold(disabled, "true") {
		return config, r.warnings
	} else if disabled != "" && !strings.EqualFold(disabled, "false") {
		r.warn("OTEL_SDK_DISABLED", disabled, "must be true or false; it is taken for false")
	}
	switch exporter := r.get("OTEL_TRACES_EXPORTER"); exporter {
	case "", "otlp":
		r.exporter(&config)
	case "none":
	default:
		r.warn("OTEL_TRACES_EXPORTER", exporter, "must be otlp or none; no traces are sent")
	}
	return config, r.warnings
}

// reader collects what is wrong.
type reader struct {
	environment map[string]string
	warnings    []string
}

// get treats an empty variable as one that is not set, as the specification says.
func (r *reader) get(name string) string { return strings.TrimSpace(r.environment[name]) }

// otlp finds an exporter's setting: that for traces, or else that for all signals.
func (r *reader) otlp(setting string) (name, value string) {
	for _, prefix := range []string{"OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"} {
		if value := r.get(prefix + setting); value != "" {
			return prefix + setting, value
		}
	}
	return "", ""
}

func (r *reader) warn(name, value, rule string) {
	r.warnings = append(r.warnings, fmt.Sprintf("%s: %.100q: %s", name, value, rule))
}

// secret warns without the value.
func (r *reader) secret(name, rule string) {
	r.warnings = append(r.warnings, fmt.Sprintf("%s: %s", name, rule))
}

func (r *reader) identity(config *TracingConfig) {
	attributes, bad := pairs(r.get("OTEL_RESOURCE_ATTRIBUTES"))
	if bad > 0 {
		r.secret("OTEL_RESOURCE_ATTRIBUTES", fmt.Sprintf("must be name=value pairs separated by commas, percent-encoded; %d left out", bad))
	}
	config.Resource = attributes
	config.ServiceName = r.get("OTEL_SERVICE_NAME")
	if config.ServiceName == "" {
		config.ServiceName = attributes["service.name"]
	}
	delete(config.Resource, "service.name")
}

func (r *reader) propagators(config *TracingConfig) {
	list := r.get("OTEL_PROPAGATORS")
	if list == "" {
		return
	}
	config.WithoutTraceContext, config.WithoutBaggage = true, true
	for name := range strings.SplitSeq(list, ",") {
		switch name = strings.TrimSpace(name); name {
		case "tracecontext":
			config.WithoutTraceContext = false
		case "baggage":
			config.WithoutBaggage = false
		case "none", "":
		default:
			r.warn("OTEL_PROPAGATORS", name, "is not supported; known are tracecontext, baggage and none")
		}
	}
}

func (r *reader) sampler(config *TracingConfig) {
	name := r.get("OTEL_TRACES_SAMPLER")
	base, respect := strings.CutPrefix(name, "parentbased_")
	switch base {
	case "":
		if respect {
			r.warn("OTEL_TRACES_SAMPLER", name, "is not known")
		}
		return
	case "always_on":
		config.SampleRatio = 1
	case "always_off":
		config.SampleRatio = 0
	case "traceidratio":
		config.SampleRatio = r.ratio()
	default:
		r.warn("OTEL_TRACES_SAMPLER", name, "is not supported; known are always_on, always_off, traceidratio, each also with parentbased_ before it")
		return
	}
	config.IgnoreCallers = !respect
}

// ratio is 1 where it is missing or wrong, as the specification says.
func (r *reader) ratio() float64 {
	argument := r.get("OTEL_TRACES_SAMPLER_ARG")
	if argument == "" {
		return 1
	}
	ratio, err := strconv.ParseFloat(argument, 64)
	if err != nil || math.IsNaN(ratio) || ratio < 0 || ratio > 1 {
		r.warn("OTEL_TRACES_SAMPLER_ARG", argument, "must be 0 to 1; it is taken for 1")
		return 1
	}
	return ratio
}

// exporter leaves the endpoint empty where traces cannot be sent as they should be.
func (r *reader) exporter(config *TracingConfig) {
	name, endpoint := r.otlp("ENDPOINT")
	if endpoint == "" {
		return
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		r.secret(name, "must be an http or https URL; no traces are sent")
		return
	}
	if name == "OTEL_EXPORTER_OTLP_ENDPOINT" { // the endpoint of all signals
		u = u.JoinPath("v1", "traces")
	} else if u.Path == "" {
		u.Path = "/"
	}
	if name, protocol := r.otlp("PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		r.warn(name, protocol, "is not supported; traces are sent with http/protobuf, which collectors usually take on port 4318")
	}
	switch name, compression := r.otlp("COMPRESSION"); compression {
	case "", "gzip":
	case "none":
		config.Uncompressed = true
	default:
		r.warn(name, compression, "must be gzip or none; it is taken for gzip")
	}
	if name, timeout := r.otlp("TIMEOUT"); timeout != "" {
		milliseconds, err := strconv.ParseInt(timeout, 10, 32)
		if err != nil || milliseconds <= 0 {
			r.warn(name, timeout, "must be a number of milliseconds above 0; it is taken for 10000")
		} else {
			config.Timeout = time.Duration(milliseconds) * time.Millisecond
		}
	}
	name, headers := r.otlp("HEADERS")
	parsed, bad := pairs(headers)
	if bad > 0 {
		r.secret(name, fmt.Sprintf("must be name=value pairs separated by commas, percent-encoded; %d left out", bad))
	}
	if config.TLS, err = r.tls(); err != nil {
		r.warnings = append(r.warnings, err.Error()+"; no traces are sent") // not without the identity that was asked for
		return
	}
	config.Endpoint, config.Headers = u.String(), parsed
}

func (r *reader) tls() (*tls.Config, error) {
	caName, ca := r.otlp("CERTIFICATE")
	certName, certificate := r.otlp("CLIENT_CERTIFICATE")
	keyName, key := r.otlp("CLIENT_KEY")
	if ca == "" && certificate == "" && key == "" {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", caName, err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: %w", caName, errors.New("no PEM certificate in the file"))
		}
	}
	if certificate != "" || key != "" {
		if certificate == "" || key == "" {
			return nil, fmt.Errorf("%s%s: the certificate and the key must be set together", certName, keyName)
		}
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", certName, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// pairs reads name=value between commas, percent-encoded, and counts those that cannot be read.
func pairs(text string) (found map[string]string, bad int) {
	found = map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		decoded, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || err != nil || name == "" || strings.ContainsAny(name, " \t\r\n:") || strings.ContainsAny(decoded, "\r\n\x00") {
			bad++
			continue
		}
		found[name] = decoded
	}
	return found, bad
}
