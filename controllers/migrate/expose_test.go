// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"slices"
	"strings"
	"testing"

	"goservice.dev/operator/api/v1alpha1"
)

// exposedCart has a port of each kind; side is in the Service, as 81.
const exposedCart = cart + `{"apiVersion": v1, kind: Service, metadata: {name: cart}, spec: {selector: {app: cart}, ports: [{name: http, port: 80, targetPort: http}, {name: api, port: 81, targetPort: side}]}}
---
`

func exposeOf(spec *v1alpha1.GoServiceSpec) any { return spec.Expose }

func TestAnIngressBecomesExpose(t *testing.T) {
	const (
		web  = `{service: {name: cart, port: {name: http}}}`
		api  = `{service: {name: cart, port: {number: 81}}}`
		all  = `{path: /, pathType: Prefix, backend: ` + web + `}`
		part = `{path: /cart, pathType: Prefix, backend: ` + web + `}`
	)
	rule := func(host string, paths ...string) string {
		return `{host: ` + host + `, http: {paths: [` + strings.Join(paths, ", ") + `]}}`
	}
	for what, c := range map[string]struct{ metadata, spec, want, note string }{
		"a host":                   {"", `rules: [` + rule("a.example", all) + `]`, `{"hosts":["a.example"]}`, ""},
		"hosts, paths, and a port": {"", `ingressClassName: nginx, rules: [` + rule("a.example", strings.Replace(all, web, api, 1), strings.Replace(part, web, api, 1)) + `, ` + rule("'*.a.example'", strings.Replace(all, web, api, 1), strings.Replace(part, web, api, 1)) + `]`, `{"hosts":["a.example","*.a.example"],"paths":["/","/cart"],"port":"api","ingressClassName":"nginx"}`, ""},
		"annotations":              {`, annotations: {example.com/a: b, kubectl.kubernetes.io/last-applied-configuration: "{}"}`, `rules: [` + rule("a.example", all) + `]`, `{"hosts":["a.example"],"annotations":{"example.com/a":"b"}}`, ""},
		"a certificate":            {"", `tls: [{hosts: [a.example], secretName: cert}], rules: [` + rule("a.example", part) + `]`, `{"hosts":["a.example"],"paths":["/cart"],"tls":{"secretName":"cert"}}`, ""},
		"a default certificate":    {"", `tls: [{hosts: [a.example]}], rules: [` + rule("a.example", all) + `]`, `{"hosts":["a.example"],"tls":{}}`, ""},
		"an issuer":                {`, annotations: {cert-manager.io/cluster-issuer: le}`, `tls: [{hosts: [a.example], secretName: cert}], rules: [` + rule("a.example", all) + `]`, `{"hosts":["a.example"],"tls":{"secretName":"cert","issuer":{"name":"le","kind":"ClusterIssuer"}}}`, ""},
		"a namespace's issuer":     {`, annotations: {cert-manager.io/issuer: le}`, `tls: [{hosts: [a.example], secretName: cert}], rules: [` + rule("a.example", all) + `]`, `{"hosts":["a.example"],"tls":{"secretName":"cert","issuer":{"name":"le"}}}`, ""},
		"a certificate of no host": {"", `tls: [{secretName: cert}], rules: [` + rule("a.example", all) + `]`, `{"hosts":["a.example"],"tls":{"secretName":"cert"}}`, "spec.tls[0].hosts: they are those of the rules"},
		"the usual type of path":   {"", `rules: [` + rule("a.example", strings.Replace(all, "Prefix", "ImplementationSpecific", 1)) + `]`, `{"hosts":["a.example"]}`, "spec.rules[a.example].paths[/].pathType: ImplementationSpecific: it is Prefix"},
		"a class of old":           {`, annotations: {kubernetes.io/ingress.class: gce}`, `rules: [` + rule("a.example", all) + `]`, `{"hosts":["a.example"],"annotations":{"kubernetes.io/ingress.class":"gce"}}`, ""},
		"two issuers":              {`, annotations: {cert-manager.io/issuer: a, cert-manager.io/cluster-issuer: b}`, `tls: [{hosts: [a.example], secretName: cert}], rules: [` + rule("a.example", all) + `]`, "null", "there is one issuer"},
		"another type of path":     {"", `rules: [` + rule("a.example", strings.Replace(part, "Prefix", "Exact", 1)) + `]`, "null", "spec.rules[a.example].paths[/cart].pathType: Exact: it stays as it is: in spec.expose, paths are prefixes"},
		"no host":                  {"", `rules: [{http: {paths: [` + all + `]}}]`, "null", "spec.rules[*]: it stays as it is: in spec.expose, a rule must have a host and paths"},
		"a default backend":        {"", `defaultBackend: ` + web, "null", "spec.defaultBackend"},
		"other paths of a host":    {"", `rules: [` + rule("a.example", all) + `, ` + rule("b.example", part) + `]`, "null", `spec.rules[b.example]: ["/cart"]: it stays as it is: in spec.expose, all hosts have the same paths`},
		"another service":          {"", `rules: [` + rule("a.example", all, strings.Replace(part, "name: cart", "name: other", 1)) + `]`, "null", "spec.rules[a.example].paths[/cart].backend"},
		"a bucket":                 {"", `rules: [` + rule("a.example", all, `{path: /static, pathType: Prefix, backend: {resource: {kind: Bucket, name: a}}}`) + `]`, "null", "spec.rules[a.example].paths[/static].backend"},
		"two ports":                {"", `rules: [` + rule("a.example", all, strings.Replace(part, web, api, 1)) + `]`, "null", "all paths lead to the same port"},
		"no such port":             {"", `rules: [` + rule("a.example", strings.Replace(all, web, strings.Replace(api, "81", "82", 1), 1)) + `]`, "null", "the GoService's Service has no such port"},
		"two certificates":         {"", `tls: [{hosts: [a.example], secretName: a}, {hosts: [b.example], secretName: b}], rules: [` + rule("a.example", all) + `, ` + rule("b.example", all) + `]`, "null", "there is one certificate for all hosts"},
		"TLS for some hosts":       {"", `tls: [{hosts: [a.example], secretName: a}], rules: [` + rule("a.example", all) + `, ` + rule("b.example", all) + `]`, "null", "the certificate is for all hosts"},
		"a host twice":             {"", `rules: [` + rule("a.example", all) + `, ` + rule("a.example", all) + `]`, "null", "or is there twice"},
		"an odd path":              {"", `rules: [` + rule("a.example", strings.Replace(part, "/cart", "/a'b", 1)) + `]`, "null", "a path has no characters to escape"},
		"a long annotation":        {`, annotations: {a: ` + strings.Repeat("a", 4097) + `}`, `rules: [` + rule("a.example", all) + `]`, "null", "metadata.annotations[a]: 4097: it stays as it is: in spec.expose, at most 4096 characters"},
		"of another service":       {"", `rules: [` + rule("a.example", strings.Replace(all, "name: cart", "name: other", 1)) + `]`, "null", ""},
	} {
		manifests := exposedCart + `{"apiVersion": networking.k8s.io/v1, kind: Ingress, metadata: {name: front` + c.metadata + `}, spec: {` + c.spec + `}}`
		expect(t, what, manifests, c.want, "", exposeOf)
		output := converted(t, read(t, manifests))
		notes, left := allNotes(output.Results[0]), slices.Contains(output.Left, "Ingress front")
		if !strings.Contains(notes, c.note) || left != (c.want == "null") {
			t.Errorf("%s: stays: %t; no note with %q in:\n%s", what, left, c.note, notes)
		}
	}
}

func TestARouteBecomesExpose(t *testing.T) {
	const (
		edge = `parentRefs: [{name: edge}], hostnames: [a.example]`
		web  = `{name: cart, port: 80}`
	)
	for what, c := range map[string]struct{ kind, spec, want, note string }{
		"all requests":    {"HTTPRoute", edge + `, rules: [{backendRefs: [` + web + `]}]`, `{"hosts":["a.example"],"gateway":{"name":"edge"}}`, ""},
		"all written out": {"HTTPRoute", `parentRefs: [{group: gateway.networking.k8s.io, kind: Gateway, namespace: gw, name: edge, sectionName: https}], hostnames: [a.example], rules: [{matches: [{path: {type: PathPrefix, value: /}}], backendRefs: [{group: "", kind: Service, name: cart, port: 80, weight: 1}]}]`, `{"hosts":["a.example"],"gateway":{"name":"edge","namespace":"gw","sectionName":"https"}}`, ""},
		"two rules":       {"HTTPRoute", edge + `, rules: [{matches: [{path: {value: /a}}], backendRefs: [{name: cart, port: 81}]}, {matches: [{path: {value: /b}}, {path: {value: /a}}], backendRefs: [{name: cart, port: 81}]}]`, `{"hosts":["a.example"],"paths":["/a","/b"],"port":"api","gateway":{"name":"edge"}}`, ""},
		"gRPC":            {"GRPCRoute", edge + `, rules: [{matches: [{method: {service: shop.v1.Cart}}, {method: {service: shop.v1.Audit, method: Read}}], backendRefs: [` + web + `]}]`, `{"hosts":["a.example"],"paths":["/shop.v1.Cart","/shop.v1.Audit/Read"],"gateway":{"name":"edge"}}`, "the port of the Service gets the appProtocol grpc"},
		"all of gRPC":     {"GRPCRoute", edge + `, rules: [{backendRefs: [{name: cart, port: 81}]}]`, `{"hosts":["a.example"],"port":"api","gateway":{"name":"edge"}}`, "the port of the Service gets the appProtocol grpc"},
		"a method of all": {"GRPCRoute", edge + `, rules: [{matches: [{method: {method: Read}}], backendRefs: [` + web + `]}]`, "null", "a method is that of a service"},
		"an expression":   {"GRPCRoute", edge + `, rules: [{matches: [{method: {type: RegularExpression, service: a}}], backendRefs: [` + web + `]}]`, "null", "services and methods have their names"},
		"two Gateways":    {"HTTPRoute", `parentRefs: [{name: a}, {name: b}], hostnames: [a.example], rules: [{backendRefs: [` + web + `]}]`, "null", "there is one Gateway"},
		"a mesh":          {"HTTPRoute", `parentRefs: [{group: "", kind: Service, name: cart}], hostnames: [a.example], rules: [{backendRefs: [` + web + `]}]`, "null", "the parent is a Gateway"},
		"a port of it":    {"HTTPRoute", `parentRefs: [{name: edge, port: 443}], hostnames: [a.example], rules: [{backendRefs: [` + web + `]}]`, "null", "spec.parentRefs[0].port: 443: it stays as it is: in spec.expose, there is no field for it"},
		"no host":         {"HTTPRoute", `parentRefs: [{name: edge}], rules: [{backendRefs: [` + web + `]}]`, "null", "hosts must be named"},
		"a filter":        {"HTTPRoute", edge + `, rules: [{filters: [{type: RequestRedirect}], backendRefs: [` + web + `]}]`, "null", "spec.rules[0].filters"},
		"a timeout":       {"HTTPRoute", edge + `, rules: [{timeouts: {request: 1s}, backendRefs: [` + web + `]}]`, "null", "spec.rules[0].timeouts"},
		"a header":        {"HTTPRoute", edge + `, rules: [{matches: [{headers: [{name: a, value: b}]}], backendRefs: [` + web + `]}]`, "null", "spec.rules[0].matches[0].headers"},
		"an exact path":   {"HTTPRoute", edge + `, rules: [{matches: [{path: {type: Exact, value: /a}}], backendRefs: [` + web + `]}]`, "null", "spec.rules[0].matches[0].path.type: Exact"},
		"a canary":        {"HTTPRoute", edge + `, rules: [{backendRefs: [` + web + `, {name: canary, port: 80, weight: 1}]}]`, "null", "all requests go to the service"},
		"no weight":       {"HTTPRoute", edge + `, rules: [{backendRefs: [{name: cart, port: 80, weight: 0}]}]`, "null", "spec.rules[0].backendRefs[0].weight: 0"},
		"two ports":       {"HTTPRoute", edge + `, rules: [{backendRefs: [` + web + `]}, {matches: [{path: {value: /a}}], backendRefs: [{name: cart, port: 81}]}]`, "null", "all requests go to the same port"},
		"no such port":    {"HTTPRoute", edge + `, rules: [{backendRefs: [{name: cart, port: 82}]}]`, "null", "the GoService's Service has no such port"},
		"another service": {"HTTPRoute", edge + `, rules: [{backendRefs: [{name: other, port: 80}]}]`, "null", ""},
	} {
		manifests := exposedCart + `{"apiVersion": gateway.networking.k8s.io/v1, kind: ` + c.kind + `, metadata: {name: front}, spec: {` + c.spec + `}}`
		expect(t, what, manifests, c.want, "", exposeOf)
		output := converted(t, read(t, manifests))
		notes, left := allNotes(output.Results[0]), slices.Contains(output.Left, c.kind+" front")
		if !strings.Contains(notes, c.note) || left != (c.want == "null") {
			t.Errorf("%s: stays: %t; no note with %q in:\n%s", what, left, c.note, notes)
		}
	}
	grpc := strings.Replace(exposedCart, "targetPort: http}", "targetPort: http, appProtocol: grpc}", 1)
	h2c := strings.Replace(exposedCart, "targetPort: http}", "targetPort: http, appProtocol: kubernetes.io/h2c}", 1)
	for kind, service := range map[string]string{"HTTPRoute": grpc, "GRPCRoute": h2c} {
		expect(t, kind, service+`{"apiVersion": gateway.networking.k8s.io/v1, kind: `+kind+`, metadata: {name: front}, spec: {`+edge+`, rules: [{backendRefs: [`+web+`]}]}}`, "null", "", exposeOf)
	}
}

// One object leads to the service afterwards; what the others are for stays.
func TestOneOfSeveralBecomesExpose(t *testing.T) {
	ingress := func(name, kind string) string {
		return `{"apiVersion": networking.k8s.io/v1, kind: Ingress, metadata: {name: ` + name + `}, spec: {rules: [{host: ` + name + `.example, http: {paths: [{path: /a, pathType: ` + kind + `, backend: {service: {name: cart, port: {number: 80}}}}]}}]}}
---
`
	}
	const route = `{"apiVersion": gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: front}, spec: {parentRefs: [{name: edge}], hostnames: [r.example], rules: [{backendRefs: [{name: cart, port: 80}]}]}}
---
`
	for what, c := range map[string]struct {
		manifests, want string
		left            []string
	}{
		"the one of the service's name": {ingress("a", "Prefix") + ingress("cart", "Prefix"), `{"hosts":["cart.example"],"paths":["/a"]}`, []string{"Ingress a"}},
		"the first one":                 {ingress("a", "Prefix") + ingress("b", "Prefix"), `{"hosts":["a.example"],"paths":["/a"]}`, []string{"Ingress b"}},
		"the one that can be said":      {ingress("a", "Exact") + ingress("b", "Prefix"), `{"hosts":["b.example"],"paths":["/a"]}`, []string{"Ingress a"}},
		"none, since the name is taken": {ingress("cart", "Exact") + ingress("b", "Prefix"), "null", []string{"Ingress cart", "Ingress b"}},
		"a route beside that name":      {ingress("cart", "Exact") + route, `{"hosts":["r.example"],"gateway":{"name":"edge"}}`, []string{"Ingress cart"}},
	} {
		output := converted(t, read(t, exposedCart+c.manifests))
		if got := shown(output.Results[0].Service.Spec.Expose); got != c.want || !slices.Equal(output.Left, c.left) {
			t.Errorf("%s: %s, want %s; stay: %q, want %q\n%s", what, got, c.want, output.Left, c.left, allNotes(output.Results[0]))
		}
	}
}
