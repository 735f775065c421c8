// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package alerts

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	trace "go.opentelemetry.io/proto/otlp/collector/trace/v1"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/rpc"
	workload "goservice.dev/operator/workload/service"
)

// process is a service on the toolkit that uses everything that has metrics, as it serves in a pod: on ports, with TLS.
type process struct {
	t       *testing.T
	service *workload.Service
	client  *http.Client
}

const exported = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

func startProcess(t *testing.T, threshold string) *process {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(upstream.Close)
	certificate, key := selfSigned(t)
	p := &process{t: t, service: workload.New(
		workload.WithLog(io.Discard), workload.WithVersion("v1"),
		workload.WithBuiltIn(livesettings.Document{Version: livesettings.Version, RateLimit: &livesettings.RateLimit{RequestsPerSecond: 1000, Burst: 1000}}),
		workload.WithEnvironment(map[string]string{
			"GOSERVICE_NAME": "checkout", "GOSERVICE_NAMESPACE": "shop", "GOSERVICE_POD": "checkout-1",
			"GOSERVICE_PORT": "0", "GOSERVICE_ADMIN_PORT": "0", "GOSERVICE_LIVE_SETTINGS_FILE": "", "GOSERVICE_LATENCY_THRESHOLD": threshold,
			"GOSERVICE_TLS_CERT_FILE": certificate, "GOSERVICE_TLS_KEY_FILE": key,
			"GOSERVICE_PEERS_NAMES": "checkout-metrics", "GOSERVICE_PEERS_KEYS": t.TempDir(),
			"GOSERVICE_UPSTREAMS": `[{"name":"billing","url":"` + upstream.URL + `"}]`,
		}),
	)}
	p.register()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.service.Serve(ctx) }()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	p.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	// What was asked for last is counted when its stream has ended.
	for families := p.scrape(); families["goservice_stream_seconds"] == nil || families["goservice_background_failures_total"] == nil; families = p.scrape() {
		p.work()
		runtime.Gosched()
	}
	return p
}

// register routes and work of each kind.
func (p *process) register() {
	s := p.service
	s.HandleFunc("GET /status/{code}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("code") == "500" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	s.HandleFunc("GET /bill", func(w http.ResponseWriter, r *http.Request) {
		billing, _ := s.Upstream("billing")
		request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, billing.URL().String(), nil)
		if err != nil {
			panic(err)
		}
		response, err := billing.HTTP().Do(request)
		if err != nil {
			panic(err)
		}
		_ = response.Body.Close()
		w.WriteHeader(response.StatusCode)
	})
	s.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
	})
	s.ReadyWhen("database", func(context.Context) error { return nil })
	s.Go("consumer", func(ctx context.Context) error { <-ctx.Done(); return nil })
	s.Go("broken", func(context.Context) error { return errors.New("for the metric of failures") })
	rpc.Handle(rpc.New(s), func(_ struct{}, options ...connect.HandlerOption) (string, http.Handler) {
		return strings.TrimSuffix(exported, "Export"), connect.NewUnaryHandler(exported, func(
			context.Context, *connect.Request[trace.ExportTraceServiceRequest],
		) (*connect.Response[trace.ExportTraceServiceResponse], error) {
			return connect.NewResponse(&trace.ExportTraceServiceResponse{}), nil
		}, options...)
	}, struct{}{})
}

// work is one request of each kind.
func (p *process) work() {
	p.t.Helper()
	for _, path := range []string{"/status/200", "/status/200", "/status/500", "/bill", "/events"} {
		p.ask(http.MethodGet, "https", p.service.Address, path, "")
	}
	p.ask(http.MethodPost, "https", p.service.Address, exported, "{}")
}

func (p *process) ask(method, scheme string, address func() net.Addr, path, body string) []byte {
	p.t.Helper()
	_, port, err := net.SplitHostPort(address().String())
	if err != nil {
		p.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(p.t.Context(), method, scheme+"://127.0.0.1:"+port+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := p.client.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// scrape is what Prometheus gets.
func (p *process) scrape() map[string]*dto.MetricFamily {
	p.t.Helper()
	text := expfmt.NewTextParser(model.UTF8Validation)
	families, err := text.TextToMetricFamilies(strings.NewReader(string(p.ask(http.MethodGet, "http", p.service.AdminAddress, "/metrics", ""))))
	if err != nil {
		p.t.Fatalf("the metrics of the workload: %v", err)
	}
	return families
}

// selfSigned writes a certificate and its key.
func selfSigned(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(30 * 24 * time.Hour)}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	certificate, key = filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: signed}, key: {Type: "PRIVATE KEY", Bytes: encoded}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}
