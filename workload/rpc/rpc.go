// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"goservice.dev/operator/workload/service"
)

// DefaultReadMaxBytes is the size of the largest message that a handler reads where no connect.WithReadMaxBytes says otherwise;
// it is that of grpc-go. Larger ones are answered with RESOURCE_EXHAUSTED.
const DefaultReadMaxBytes = 4 << 20

// Registry of the procedures that one service.Service answers.
type Registry struct {
	service    *service.Service
	errors     *connect.ErrorWriter
	metrics    *metrics
	procedures map[string]*procedure // by path
	fallback   *procedure            // of paths that are no procedure's
	names      []string              // of the services
	checks     map[string]func(context.Context) error
}

type registrySettings struct{ reflection bool }

// Option changes what New serves.
type Option func(*registrySettings)

// WithoutReflection keeps clients from asking which services, procedures and messages there are.
func WithoutReflection() Option { return func(s *registrySettings) { s.reflection = false } }

// New prepares the service for procedures and serves grpc.health.v1 and, unless WithoutReflection, grpc.reflection v1 and
// v1alpha. It can be called once for each service.
func New(svc *service.Service, options ...Option) *Registry {
	settings := registrySettings{reflection: true}
	for _, option := range options {
		option(&settings)
	}
	r := &Registry{
		service: svc, errors: connect.NewErrorWriter(), metrics: newMetrics(svc.Metrics()),
		procedures: map[string]*procedure{}, checks: map[string]func(context.Context) error{},
	}
	r.fallback = &procedure{registry: r, name: "_OTHER"}
	r.serveHealth()
	if settings.reflection {
		r.serveReflection()
	}
	return r
}

type settings struct {
	handler []connect.HandlerOption
	all     []service.RouteOption
	routes  map[string][]service.RouteOption // by the name of the method
	check   func(context.Context) error
}

// HandleOption changes how one service is served.
type HandleOption func(*settings)

// WithHandlerOptions passes options to Connect's handlers, such as interceptors, codecs and limits of sizes. They come after the
// package's own.
func WithHandlerOptions(options ...connect.HandlerOption) HandleOption {
	return func(s *settings) { s.handler = append(s.handler, options...) }
}

// WithRoute gives the route of one method, such as Place, options of the service's chain; an empty name means all methods.
func WithRoute(method string, options ...service.RouteOption) HandleOption {
	return func(s *settings) {
		if method == "" {
			s.all = append(s.all, options...)
			return
		}
		s.routes[method] = append(s.routes[method], options...)
	}
}

// WithHealth adds a condition to the health of this service alone: it is NOT_SERVING while the check fails, and while
// service.Service is not ready.
func WithHealth(check func(context.Context) error) HandleOption {
	return func(s *settings) { s.check = check }
}

// Handle serves the procedures of one service. construct is the constructor that protoc-gen-connect-go generates, and
// implementation what it takes, as the interface that is generated beside it: the compiler does not infer that.
//
// Each procedure is a route of its own, whose pattern is its path: /acme.orders.v1.Orders/Place. That is its http_route in the
// metrics. Procedures that stream hold no worker of the pool, and only the client's deadline bounds them.
//
// It panics, as http.ServeMux does, if the service is served already, if its generated code is not linked in, or if an option names
// a method that it does not have.
func Handle[T any](
	r *Registry, construct func(T, ...connect.HandlerOption) (string, http.Handler), implementation T, options ...HandleOption,
) {
	s := settings{
		handler: []connect.HandlerOption{connect.WithReadMaxBytes(DefaultReadMaxBytes), connect.WithInterceptors(observer{})},
		routes:  map[string][]service.RouteOption{},
	}
	for _, option := range options {
		option(&s)
	}
	path, handler := construct(implementation, s.handler...)
	name := strings.Trim(path, "/")
	described, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	descriptor, is := described.(protoreflect.ServiceDescriptor)
	if err != nil || !is {
		panic(fmt.Sprintf("rpc: %s: its generated code is not linked in: %v", name, err))
	}
	methods := descriptor.Methods()
	for method := range s.routes {
		if methods.ByName(protoreflect.Name(method)) == nil {
			panic(fmt.Sprintf("rpc: %s has no method %q", name, method))
		}
	}
	for i := range methods.Len() {
		method := methods.Get(i)
		p := &procedure{handler: handler, receives: method.IsStreamingClient(), sends: method.IsStreamingServer()}
		r.handle(path+string(method.Name()), p, slices.Concat(s.all, s.routes[string(method.Name())]))
	}
	r.handleOthers(path)
	r.names = append(r.names, name)
	slices.Sort(r.names)
	r.checks[name] = s.check
}

// handle one procedure.
func (r *Registry) handle(path string, p *procedure, options []service.RouteOption) {
	p.registry, p.name = r, strings.TrimPrefix(path, "/")
	r.procedures[path] = p
	given := []service.RouteOption{service.WithProtocol(r)}
	if p.receives || p.sends {
		given = append(given, service.Unpooled(), service.Timeout(0)) // the client's own deadline holds
	}
	if p.receives {
		given = append(given, service.MaxBody(0)) // each message has its bound
	}
	r.service.Handle(path, p, append(given, options...)...)
}

// handleOthers answers calls of methods that the service does not have.
func (r *Registry) handleOthers(path string) {
	r.service.Handle(path, http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.fallback.ended(request, connect.CodeUnimplemented, http.StatusNotFound, nil)
		_ = r.errors.Write(w, request, connect.NewError(connect.CodeUnimplemented, errors.New("there is no method "+request.URL.Path)))
	}), service.WithProtocol(r), service.Unpooled())
}

func (r *Registry) procedure(path string) *procedure {
	if p, ok := r.procedures[path]; ok {
		return p
	}
	return r.fallback
}
