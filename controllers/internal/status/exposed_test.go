// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"errors"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/build"
)

// exposedAs gives the service spec.expose, on a cluster that has the routes of Gateway API.
func exposedAs(s *Situation, expose string) {
	s.Service.Spec.Expose = &v1alpha1.ExposeSpec{}
	if err := yaml.UnmarshalStrict([]byte(expose), s.Service.Spec.Expose); err != nil {
		panic(err)
	}
	s.Optional[build.HTTPRouteKind], s.Optional[build.GRPCRouteKind] = true, true
}

// routed gives it an HTTPRoute of generation 4, of which controllers say something.
func routed(s *Situation, parents string) {
	route := &unstructured.Unstructured{}
	var content []any
	if err := yaml.Unmarshal([]byte(parents), &content); err != nil {
		panic(err)
	}
	route.Object = map[string]any{"status": map[string]any{"parents": content}}
	route.SetGeneration(4)
	s.Observed.Children[apply.Key{Kind: build.HTTPRouteKind, Name: serviceName}] = route
}

func TestExposedSaysWhetherClientsAreLedToTheService(t *testing.T) {
	const (
		toEdge   = `{hosts: [shop.example], gateway: {name: edge}}`
		accepts  = `{type: Accepted, status: "True", reason: Accepted, observedGeneration: 4}`
		resolves = `{type: ResolvedRefs, status: "True", reason: ResolvedRefs, observedGeneration: 4}`
		yesSays  = `True RouteAccepted: Gateway "edge" accepts the HTTPRoute`
		awaits   = `Unknown AwaitingGateway: no controller has answered for Gateway "edge": check that it exists`
	)
	entry := func(ref, controller string, conditions ...string) string {
		return `{parentRef: ` + ref + `, controllerName: ` + controller + `, conditions: [` + strings.Join(conditions, ", ") + `]}`
	}
	answered := func(expose string, entries ...string) func(*Situation) {
		return func(s *Situation) {
			exposedAs(s, expose)
			routed(s, "["+strings.Join(entries, ", ")+"]")
		}
	}
	ingress := func(expose string, addresses ...networkingv1.IngressLoadBalancerIngress) func(*Situation) {
		return func(s *Situation) {
			exposedAs(s, expose)
			object := &networkingv1.Ingress{}
			object.Status.LoadBalancer.Ingress = addresses
			s.Observed.Children[apply.Key{Kind: build.IngressKind, Name: serviceName}] = object
		}
	}
	cases := map[string]struct {
		change func(*Situation)
		want   string // the beginning
	}{
		"not exposed": {func(*Situation) {}, ""},
		"no Gateway API": {func(s *Situation) {
			exposedAs(s, toEdge)
			delete(s.Optional, build.HTTPRouteKind)
		}, "False RouteKindAbsent: HTTPRoute (gateway.networking.k8s.io/v1) is not installed in this cluster; install Gateway API, or set expose.ingressClassName"},
		"only the other kind of route": {func(s *Situation) {
			exposedAs(s, toEdge)
			s.Service.Spec.Service = &v1alpha1.ServiceSpec{AppProtocol: "grpc"}
			delete(s.Optional, build.GRPCRouteKind)
		}, "False RouteKindAbsent: GRPCRoute"},
		"an Ingress meanwhile": {func(s *Situation) {
			ingress(`{hosts: [a], gateway: {name: edge}, ingressClassName: nginx}`)(s)
			delete(s.Optional, build.HTTPRouteKind)
		}, `Unknown AwaitingAddress: the Ingress has no address: check that IngressClass "nginx" exists`},
		"just applied":  {func(s *Situation) { exposedAs(s, toEdge) }, "Unknown NotYetApplied: the HTTPRoute is being applied"},
		"paused before": {func(s *Situation) { exposedAs(s, toEdge); s.Service.Spec.Paused = true }, "Unknown NotYetApplied: there is no HTTPRoute, and spec.paused is true"},
		"not applied":   {func(s *Situation) { exposedAs(s, toEdge); s.ApplyErr = errors.New("timeout") }, "False ApplyFailed: the HTTPRoute is not applied; the condition Applied says why"},
		"an edit is refused": {func(s *Situation) {
			answered(toEdge, entry(`{name: edge}`, "a", accepts, resolves))(s)
			s.ApplyErr = &apply.Failure{Kind: "HTTPRoute", Name: serviceName, Err: errors.New("x")}
		}, "False ApplyFailed"},
		"the Service is not": {func(s *Situation) {
			answered(toEdge, entry(`{name: edge}`, "a", accepts, resolves))(s)
			s.ApplyErr = &apply.Failure{Kind: "Service", Name: serviceName, Err: errors.New("x")}
		}, "False ApplyFailed"},
		"something else is not": {func(s *Situation) {
			answered(toEdge, entry(`{name: edge}`, "a", accepts, resolves))(s)
			s.ApplyErr = &apply.Failure{Kind: "ConfigMap", Name: "a", Err: errors.New("x")}
		}, yesSays},
		"nobody answers":            {answered(toEdge), awaits},
		"nobody knows the listener": {answered(`{hosts: [a], gateway: {name: edge, sectionName: web}}`), `Unknown AwaitingGateway: no controller has answered for Gateway "edge": check that it exists with the listener "web", and that the controller`},
		"accepted":                  {answered(toEdge, entry(`{name: edge}`, "a", accepts, resolves)), yesSays},
		"all of it is written out": {
			answered(toEdge, entry(`{group: gateway.networking.k8s.io, kind: Gateway, namespace: shop, name: edge}`, "a", accepts, resolves)), yesSays,
		},
		"in another namespace": {
			answered(`{hosts: [a], gateway: {name: edge, namespace: gw, sectionName: https}}`, entry(`{namespace: gw, name: edge, sectionName: https}`, "a", accepts, resolves)),
			`True RouteAccepted: Gateway "edge" of namespace gw accepts the HTTPRoute`,
		},
		"of another namespace": {answered(toEdge, entry(`{namespace: gw, name: edge}`, "a", accepts, resolves)), awaits},
		"of another listener":  {answered(toEdge, entry(`{name: edge, sectionName: https}`, "a", accepts, resolves)), awaits},
		"of another Gateway":   {answered(toEdge, entry(`{name: other}`, "a", accepts, resolves)), awaits},
		"of another kind":      {answered(toEdge, entry(`{group: "", kind: Service, name: edge}`, "a", accepts, resolves)), awaits},
		"refused": {
			answered(toEdge, entry(`{name: edge}`, "a", `{type: Accepted, status: "False", reason: NoMatchingListenerHostname, message: "no\nhost", observedGeneration: 4}`, resolves)),
			`False NoMatchingListenerHostname: Gateway "edge": Accepted is False (NoMatchingListenerHostname), says a: no host`,
		},
		"refused without a reason that an event can have": {
			answered(toEdge, entry(`{name: edge}`, "a", `{type: Accepted, status: "False", reason: `+strings.Repeat("a", 129)+`, observedGeneration: 4}`)), "False NotAccepted: ",
		},
		"unresolved": {
			answered(toEdge, entry(`{name: edge}`, "a", accepts, `{type: ResolvedRefs, status: "False", reason: BackendNotFound, observedGeneration: 5}`)),
			`False BackendNotFound: Gateway "edge": ResolvedRefs is False (BackendNotFound), says a`,
		},
		"accepted before an edit": {
			answered(toEdge, entry(`{name: edge}`, "a", strings.Replace(accepts, "4", "3", 1), resolves)),
			`Unknown AwaitingGateway: a has not said of Gateway "edge" whether Accepted is True for the latest HTTPRoute`,
		},
		"refused before an edit": {
			answered(toEdge, entry(`{name: edge}`, "a", `{type: Accepted, status: "False", reason: A, observedGeneration: 3}`)), "Unknown AwaitingGateway: a has not said",
		},
		"the cache lags behind an edit": {
			func(s *Situation) {
				answered(toEdge, entry(`{name: edge}`, "a", accepts, resolves))(s)
				s.ExposedGeneration = 5
			}, "Unknown AwaitingGateway: a has not said",
		},
		"half an answer":         {answered(toEdge, entry(`{name: edge}`, "a", accepts)), "Unknown AwaitingGateway: a has not said of Gateway \"edge\" whether ResolvedRefs is True"},
		"an unknown answer":      {answered(toEdge, entry(`{name: edge}`, "a", strings.Replace(accepts, "True", "Unknown", 1), resolves)), "Unknown AwaitingGateway: a has not said"},
		"two controllers agree":  {answered(toEdge, entry(`{name: edge}`, "b", accepts, resolves), entry(`{name: edge}`, "a", accepts, resolves)), yesSays},
		"two disagree":           {answered(toEdge, entry(`{name: edge}`, "a", accepts, resolves), entry(`{name: edge}`, "b", strings.Replace(accepts, `"True"`, `"False"`, 1))), `False Accepted: Gateway "edge": Accepted is False (Accepted), says b`},
		"no address, no class":   {ingress(`{hosts: [a]}`), "Unknown AwaitingAddress: the Ingress has no address: expose.ingressClassName is not set, so check that the cluster has a default IngressClass"},
		"an address":             {ingress(`{hosts: [a]}`, networkingv1.IngressLoadBalancerIngress{IP: "192.0.2.7"}), "True AddressAssigned: the Ingress has the address 192.0.2.7; DNS must lead the hosts there"},
		"a name":                 {ingress(`{hosts: [a]}`, networkingv1.IngressLoadBalancerIngress{}, networkingv1.IngressLoadBalancerIngress{Hostname: "lb.example"}), "True AddressAssigned: the Ingress has the address lb.example"},
		"an address of nothing":  {ingress(`{hosts: [a]}`, networkingv1.IngressLoadBalancerIngress{}), "Unknown AwaitingAddress"},
		"an answer in no form":   {func(s *Situation) { exposedAs(s, toEdge); routed(s, `[{conditions: text}]`) }, awaits},
		"what is no longer used": {func(s *Situation) { routed(s, "[]") }, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := serving()
			c.change(&s)
			status := computed(s)
			if got := said(status)["Exposed"]; !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
				t.Errorf("Exposed:\n got %s\nwant %s", got, c.want)
			}
			if got := said(status)["Ready"]; s.ApplyErr == nil && !strings.HasPrefix(got, "True Ready") {
				t.Errorf("Ready: %s", got)
			}
		})
	}
}

func TestTheURLIsWhereClientsFindTheService(t *testing.T) {
	const toEdge = `hosts: ["*.shop.example", a.shop.example, shop.example], gateway: {name: edge}`
	cases := map[string]struct {
		expose    string
		listeners []Listener
		want      string
	}{
		"an Ingress":              {`{hosts: [shop.example]}`, nil, "http://shop.example/"},
		"an Ingress with TLS":     {`{hosts: [shop.example], paths: [/cart, /], tls: {}}`, nil, "https://shop.example/cart"},
		"wildcards only":          {`{hosts: ["*.shop.example"]}`, nil, ""},
		"no listener is known":    {`{` + toEdge + `}`, nil, "https://a.shop.example/"},
		"HTTPS before HTTP":       {`{` + toEdge + `}`, []Listener{{"web", "", 80, "HTTP"}, {"secure", "", 443, "HTTPS"}}, "https://a.shop.example/"},
		"HTTP":                    {`{` + toEdge + `}`, []Listener{{"odd", "", 8080, "HTTP"}, {"web", "", 80, "HTTP"}}, "http://a.shop.example/"},
		"another port":            {`{` + toEdge + `}`, []Listener{{"web", "", 8080, "HTTP"}, {"odd", "", 8081, "HTTP"}}, "http://a.shop.example:8080/"},
		"another port, HTTPS":     {`{` + toEdge + `}`, []Listener{{"secure", "", 8443, "HTTPS"}}, "https://a.shop.example:8443/"},
		"listeners of hosts":      {`{` + toEdge + `}`, []Listener{{"a", "other.example", 443, "HTTPS"}, {"b", "*.a.shop.example", 443, "HTTPS"}, {"c", "*.shop.example", 80, "HTTP"}}, "http://a.shop.example/"},
		"a listener of this host": {`{` + toEdge + `}`, []Listener{{"a", "a.shop.example", 81, "HTTP"}}, "http://a.shop.example:81/"},
		"a listener by its name":  {`{hosts: [shop.example], gateway: {name: edge, sectionName: web}}`, []Listener{{"secure", "", 443, "HTTPS"}, {"web", "", 80, "HTTP"}}, "http://shop.example/"},
		"a protocol of no URL":    {`{` + toEdge + `}`, []Listener{{"tls", "", 443, "TLS"}}, "https://a.shop.example/"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := serving()
			exposedAs(&s, c.expose)
			s.Listeners = c.listeners
			if got := computed(s).URL; got != c.want {
				t.Errorf("url %q, want %q", got, c.want)
			}
		})
	}
	s := serving()
	exposedAs(&s, `{`+toEdge+`}`)
	clear(s.Optional)
	s.Service.Status.URL = "https://old.example/"
	if got := computed(s).URL; got != "" {
		t.Errorf("url %q although nothing leads there", got)
	}
}
