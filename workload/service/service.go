// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package service puts the toolkit together: a service that is configured by its environment, limited, measured, traced and
// retuned while it runs, and that loses no request when it stops.
//
//	func main() { service.Main(setUp) }
//
//	func setUp(svc *service.Service) error {
//		svc.HandleFunc("POST /orders", placeOrder)
//		return nil
//	}
package service

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"goservice.dev/operator/workload/auth"
	"goservice.dev/operator/workload/forwarded"
	"goservice.dev/operator/workload/internal/budget"
	"goservice.dev/operator/workload/internal/handoff"
	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/pool"
	"goservice.dev/operator/workload/ratelimit"
	"goservice.dev/operator/workload/telemetry"
	"goservice.dev/operator/workload/upstream"
)

// Service is one process that answers HTTP requests on its port and the operator on its admin port.
type Service struct {
	config Config
	// environment that the service was made with.
	environment map[string]string
	err         error // why it cannot start
	version     string
	started     time.Time
	telemetry   *telemetry.Telemetry
	logger      *slog.Logger
	limiter     *ratelimit.Limiter
	pool        *pool.Pool
	release     func() // gives a worker of it that a request holds back
	broker      *handoff.Broker
	taking      sync.Mutex // while it is decided whether the broker takes
	sharing     *sharing   // nil where pods do not share their queue; for Serve
	live        *livesettings.Registry
	upstreams   map[string]*upstream.Client
	proxies     *forwarded.Proxies
	mux         *http.ServeMux
	raw         []rawRoute
	admin       *http.ServeMux
	wrappers    []func(http.Handler) http.Handler
	clientKey   ratelimit.KeyFunc
	routes      routes
	bodies      budget.Memory // of requests whose handlers have not taken them
	state       atomic.Int32
	listening   chan struct{}
	ports       ports

	sampleRatio  float64 // of the environment
	lifecycle    lifecycle
	background   *background
	dependencies []*dependency

	clients        []*authenticator // of the environment: each request needs its certificate besides
	authenticators []*authenticator

	_    [64]byte     // keeps the traffic of what follows off the fields that every request reads
	held atomic.Int64 // workers that requests hold by themselves, not by Do
}

type options struct {
	environment    map[string]string
	version        string
	log            io.Writer
	builtIn        livesettings.Document
	requestIDs     telemetry.RequestIDs
	withoutGlobals bool
	defaultLogger  bool
	clientKey      ratelimit.KeyFunc
}

// Option changes what New does.
type Option func(*options)

// WithVersion says which version of the service this is; else it is the one of the build information.
func WithVersion(version string) Option { return func(o *options) { o.version = version } }

// WithEnvironment replaces the process's environment.
func WithEnvironment(environment map[string]string) Option {
	return func(o *options) { o.environment = environment }
}

// WithLog sends log lines elsewhere than to standard output.
func WithLog(log io.Writer) Option { return func(o *options) { o.log = log } }

// WithoutGlobals leaves OpenTelemetry's global TracerProvider, propagators and error handler as they are. Without it New sets
// them, so that instrumented libraries send their spans along.
func WithoutGlobals() Option { return func(o *options) { o.withoutGlobals = true } }

// WithDefaultLogger makes the service's logger that of slog's functions and of package log, so that what libraries log has the
// same form and level.
func WithDefaultLogger() Option { return func(o *options) { o.defaultLogger = true } }

// WithRequestIDs gives each request an id, X-Request-Id, which stands in its response, its log lines and its calls to upstreams.
// accept says whether the id that a request carries is taken over; nil accepts none. It costs each request three allocations.
func WithRequestIDs(accept func(*http.Request) bool) Option {
	return func(o *options) { o.requestIDs = telemetry.RequestIDs{Enabled: true, Accept: accept} }
}

// WithBuiltIn sets the live values that hold as long as no live settings file says otherwise. Where it names no pool, that of
// DefaultPool holds.
func WithBuiltIn(document livesettings.Document) Option {
	return func(o *options) { o.builtIn = document }
}

// WithClientKey says how clients are told apart, for limits by client and for fairness among those who wait. Without it that is
// the client's address (forwarded.Proxies.Key): the peer's, or what a trusted proxy says.
func WithClientKey(key ratelimit.KeyFunc) Option { return func(o *options) { o.clientKey = key } }

// New reads the configuration and makes the service. A configuration that cannot be used is reported by Run and Serve.
func New(given ...Option) *Service {
	o := options{log: os.Stdout, builtIn: livesettings.Document{Version: livesettings.Version}}
	for _, option := range given {
		option(&o)
	}
	if o.environment == nil {
		o.environment = environment()
	}
	if o.version == "" {
		o.version = buildVersion()
	}
	config, err := LoadConfig(o.environment)
	s := &Service{
		config: config, environment: o.environment, err: err, version: o.version, started: time.Now(),
		mux: http.NewServeMux(), admin: http.NewServeMux(),
		limiter:   ratelimit.New(ratelimit.Unlimited, 1),
		pool:      pool.New(DefaultPool()),
		upstreams: map[string]*upstream.Client{},
		clientKey: o.clientKey,
		proxies:   new(forwarded.Proxies),
		listening: make(chan struct{}),
	}
	s.proxies.Believe(config.ForwardedHeader)
	if s.clientKey == nil {
		s.clientKey = s.proxies.Key
	}
	s.background = newBackground(s.backgroundFailed)
	s.release = func() {
		s.held.Add(-1)
		s.pool.Release()
	}
	s.setUp(o)
	return s
}

// fail notes the first error, which Serve returns.
func (s *Service) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// setUp goes on with what does not need a part that failed.
func (s *Service) setUp(o options) {
	fail := s.fail
	config := telemetry.Config{
		Service: s.config.Name, Namespace: s.config.Namespace, Instance: s.config.Pod, Version: s.version,
		LatencyThreshold: s.config.LatencyThreshold, Log: o.log, RequestIDs: o.requestIDs, Client: s.proxies.Client,
	}
	t := s.startTelemetry(config, o)
	registry, err := livesettings.NewRegistry(o.builtIn, s.config.Pod)
	if err != nil {
		fail(fmt.Errorf("built-in values: %w", err))
		registry, _ = livesettings.NewRegistry(livesettings.Document{Version: livesettings.Version}, s.config.Pod)
	}
	s.live = registry
	for _, target := range s.config.Upstreams {
		client, err := upstream.New(target, t.Transport, upstream.WithReport(func(err error) {
			s.logger.Warn("changed files refused, the last good ones stay", "error", err)
		}), upstream.WithAvailability(s.upstreamChanged(target.Name)), upstream.WithRefusals(s.upstreamRefused(target.Name)))
		if err != nil { // the list has been checked when it was read, its files have not
			fail(&ConfigError{Problems: []string{"GOSERVICE_UPSTREAMS: " + err.Error()}})
			continue
		}
		s.upstreams[target.Name] = client
	}
	if len(s.config.ClientNames) > 0 {
		certificates, err := auth.Certificates(s.config.ClientNames...)
		if err != nil { // LoadConfig has checked them
			fail(err)
		}
		s.clients = []*authenticator{{Authenticator: certificates}}
	}
	s.broker = handoff.New(handoff.Config{Pool: s.pool, Limiter: s.limiter, Serve: s.serveVisit, Zone: s.config.Zone, Logger: s.logger})
	s.registerKnobs()
	s.registerMetrics()
	s.registerAdmin()
}

// startTelemetry never fails: without traces a service can serve, and says why there are none.
func (s *Service) startTelemetry(config telemetry.Config, o options) *telemetry.Telemetry {
	tracing, warnings := telemetry.TracingFromEnvironment(o.environment)
	tracing.MaxCallerTraces = s.config.MaxCallerTraces
	if s.config.MaxCallerTraces == 0 {
		tracing.MaxCallerTraces = -1 // none, where 0 is the default
	}
	s.sampleRatio, config.Tracing = tracing.SampleRatio, tracing
	if s.err != nil {
		config.Tracing.Endpoint = "" // it will not serve
	}
	t, err := telemetry.New(context.Background(), config)
	if err != nil {
		warnings = append(warnings, err.Error()+"; no traces are sent")
		config.Tracing.Endpoint = ""
		t, _ = telemetry.New(context.Background(), config) // fails over the endpoint only
	}
	s.telemetry, s.logger = t, t.Logger()
	for _, warning := range warnings {
		s.logger.Warn("a setting of OpenTelemetry cannot be used", "problem", warning)
	}
	if !o.withoutGlobals {
		t.SetGlobals()
	}
	if o.defaultLogger {
		slog.SetDefault(s.logger)
	}
	return t
}

// Handle serves the pattern, in the form of http.ServeMux, behind the limiter and the pool. An option with a value out of range
// is reported by Run and Serve.
func (s *Service) Handle(pattern string, handler http.Handler, routeOptions ...RouteOption) {
	s.mux.Handle(pattern, s.addRoute(pattern, handler, routeOptions))
}

// HandleFunc is Handle for functions.
func (s *Service) HandleFunc(pattern string, handler http.HandlerFunc, routeOptions ...RouteOption) {
	s.Handle(pattern, handler, routeOptions...)
}

// Use wraps the handlers of routes that are registered later; the first wrapper is the outermost. Wrappers run as the
// handlers do, behind the limiter and the pool.
func (s *Service) Use(wrapper func(http.Handler) http.Handler) {
	s.wrappers = append(s.wrappers, wrapper)
}

// HandleAdmin serves the pattern on the admin port, without limiter, pool, TLS, and authentication. The Service for clients does
// not expose that port; the headless Service for metrics does, so anyone who can reach the pods can call it.
func (s *Service) HandleAdmin(pattern string, handler http.Handler) { s.admin.Handle(pattern, handler) }

// Handler is everything that the service's port serves, for tests without a network.
func (s *Service) Handler() http.Handler { return s.chain(http.HandlerFunc(s.dispatch)) }

// AdminHandler is everything that the admin port serves.
func (s *Service) AdminHandler() http.Handler { return s.admin }

// Config that the service runs with.
func (s *Service) Config() Config { return s.config }

// Version of the service.
func (s *Service) Version() string { return s.version }

// Started is when the service was made.
func (s *Service) Started() time.Time { return s.started }

// Logger of the service, whose level is live. Lines that are logged with the context of a request carry its trace_id.
func (s *Service) Logger() *slog.Logger { return s.logger }

// Metrics takes the service's own collectors.
func (s *Service) Metrics() prometheus.Registerer { return s.telemetry.Registry() }

// Tracer for spans below those of the requests; they are recorded where the request is.
func (s *Service) Tracer(name string) trace.Tracer { return s.TracerProvider().Tracer(name) }

// TracerProvider for libraries that take one; it is also OpenTelemetry's global one.
func (s *Service) TracerProvider() trace.TracerProvider { return s.telemetry.TracerProvider() }

// Pool that admits requests, for work that runs beside them under the same bound.
func (s *Service) Pool() *pool.Pool { return s.pool }

// LiveSettings holds the live settings; further knobs may be registered.
func (s *Service) LiveSettings() *livesettings.Registry { return s.live }

// Upstream finds a declared upstream by its name.
func (s *Service) Upstream(name string) (client *upstream.Client, ok bool) {
	client, ok = s.upstreams[name]
	return client, ok
}

// TrustedProxies tell the address of a request's client behind the load balancers that the live settings name.
func (s *Service) TrustedProxies() *forwarded.Proxies { return s.proxies }

// Upstreams are the names of all declared upstreams in order.
func (s *Service) Upstreams() []string { return slices.Sorted(maps.Keys(s.upstreams)) }

func environment() map[string]string {
	variables := map[string]string{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		variables[name] = value
	}
	return variables
}

func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
