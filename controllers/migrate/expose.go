// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// What leads clients outside of the cluster to the Service becomes spec.expose if that says all of it. Otherwise it stays and keeps
// working, and the notes say what could not be said.

// entrance is an Ingress or a route that leads to the Service, and what spec.expose would be.
type entrance struct {
	object metav1.Object
	kind   schema.GroupVersionKind
	expose v1alpha1.ExposeSpec
	// unsaid is what spec.expose cannot say.
	unsaid []unsaid
	// changed is what it says a little otherwise.
	changed []unsaid
	// grpc says that the port must have the appProtocol grpc for the same kind of route.
	grpc bool
}

// unsaid is a field with the reason why it cannot be carried over.
type unsaid struct {
	path   string
	value  any
	reason string
}

func (e *entrance) cannot(path string, value any, reason string) {
	e.unsaid = append(e.unsaid, unsaid{path, value, reason})
}

const maxExposed = 16 // hosts, and paths

// What the schema allows.
var (
	validHost = regexp.MustCompile(`^([*][.])?([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?[.])*[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	validPath = regexp.MustCompile(`^/([-A-Za-z0-9._~!$&()*+,;=:@/]|%[0-9a-fA-F]{2})*$`)
	oddPath   = regexp.MustCompile(`//|/[.][.]?(/|$)|%2[fF]`)
)

const (
	maxPathLength       = 256
	maxAnnotations      = 32
	maxAnnotationLength = 4096
	// annotationClass is the class of an Ingress in the form from before it had a field, which counts.
	annotationClass = "kubernetes.io/ingress.class"
)

// exposure carries over one Ingress or route that leads to the Service.
func (c *conversion) exposure() {
	if !c.replacesService() {
		return
	}
	var found []*entrance
	for _, ingress := range c.from.ingresses {
		if e := c.ofIngress(ingress); e != nil {
			found = append(found, e)
		}
	}
	for _, route := range c.from.routes {
		if e := c.ofRoute(route); e != nil {
			found = append(found, e)
		}
	}
	chosen := c.choose(found)
	for _, e := range found {
		if e != chosen {
			for _, u := range e.unsaid {
				c.note(Changed, e.object, u.path, u.value, "it stays as it is: in spec.expose, %s", u.reason)
			}
			continue
		}
		c.from.entrance = e.object
		c.spec().Expose = &e.expose
		for _, u := range e.changed {
			c.note(Changed, e.object, u.path, u.value, "%s", u.reason)
		}
		if e.grpc {
			c.speakGRPC(e)
		}
	}
}

// choose the one that becomes spec.expose: of those that can be said the one of the GoService's name, or else the first one; nil if the
// operator's own would have the name of one that stays.
func (c *conversion) choose(found []*entrance) *entrance {
	var chosen *entrance
	for _, e := range found {
		if len(e.unsaid) == 0 && (chosen == nil || e.object.GetName() == c.result.Name && chosen.object.GetName() != c.result.Name) {
			chosen = e
		}
	}
	if chosen == nil {
		return nil
	}
	for _, e := range found {
		if e != chosen && e.kind == chosen.kind && e.object.GetName() == c.result.Name {
			chosen.cannot("metadata.name", nil, "the operator's own would have the name of another one that stays")
			return nil
		}
	}
	for _, e := range found {
		if e != chosen && len(e.unsaid) == 0 {
			e.cannot("metadata.name", nil, "another one takes the place already")
		}
	}
	return chosen
}

// check what all kinds have in common, once the rest is known.
func (c *conversion) check(e *entrance) *entrance {
	switch {
	case len(e.expose.Hosts) == 0 && len(e.unsaid) == 0:
		e.cannot("spec", nil, "hosts must be named")
	case len(e.expose.Hosts) > maxExposed:
		e.cannot("spec", len(e.expose.Hosts), fmt.Sprintf("at most %d hosts", maxExposed))
	}
	for i, host := range e.expose.Hosts {
		if !validHost.MatchString(string(host)) || slices.Contains(e.expose.Hosts[:i], host) {
			e.cannot("spec", string(host), "this is no DNS name, or is there twice")
		}
	}
	if len(e.expose.Paths) > maxExposed {
		e.cannot("spec", len(e.expose.Paths), fmt.Sprintf("at most %d paths", maxExposed))
	}
	for _, path := range e.expose.Paths {
		if text := string(path); !validPath.MatchString(text) || oddPath.MatchString(text) || len(text) > maxPathLength {
			e.cannot("spec", string(path), "a path has no characters to escape and no dots alone")
		}
	}
	if slices.Equal(e.expose.Paths, []v1alpha1.PathPrefix{"/"}) {
		e.expose.Paths = nil
	}
	c.annotations(e)
	return e
}

// annotations of the object go along.
func (c *conversion) annotations(e *entrance) {
	for key, value := range e.object.GetAnnotations() {
		_, names := issuers[key]
		isClass := key == annotationClass && e.expose.IngressClassName != ""
		if bookkeeping(key) || isClass || names && e.expose.TLS != nil && e.expose.TLS.Issuer != nil {
			continue
		}
		if len(value) > maxAnnotationLength {
			e.cannot("metadata.annotations["+key+"]", len(value), fmt.Sprintf("at most %d characters", maxAnnotationLength))
			continue
		}
		if e.expose.Annotations == nil {
			e.expose.Annotations = map[string]v1alpha1.ServiceAnnotation{}
		}
		e.expose.Annotations[key] = v1alpha1.ServiceAnnotation(value)
	}
	if len(e.expose.Annotations) > maxAnnotations {
		e.cannot("metadata.annotations", len(e.expose.Annotations), fmt.Sprintf("at most %d annotations", maxAnnotations))
	}
}

// portNumbered is the name in spec.expose of a port of the Service; false if the GoService's Service has none with the number.
func (c *conversion) portNumbered(number int32) (v1alpha1.PortName, bool) {
	ports := c.servicePorts()
	if ports[build.PortNameHTTP] == number {
		return "", true
	}
	for i := range c.spec().Ports {
		if name := c.spec().Ports[i].Name; ports[string(name)] == number {
			return name, true
		}
	}
	return "", false
}

const appProtocolGRPC = "grpc"

func (c *conversion) appProtocolOf(port v1alpha1.PortName) v1alpha1.LabelKey {
	if port == "" {
		if c.spec().Service == nil {
			return ""
		}
		return c.spec().Service.AppProtocol
	}
	for i := range c.spec().Ports {
		if p := &c.spec().Ports[i]; p.Name == port {
			return p.AppProtocol
		}
	}
	return ""
}

// speakGRPC gives the port of a GRPCRoute the appProtocol that makes the operator's route one, too.
func (c *conversion) speakGRPC(e *entrance) {
	if c.appProtocolOf(e.expose.Port) == appProtocolGRPC {
		return
	}
	if e.expose.Port == "" {
		c.serviceSettings().AppProtocol = appProtocolGRPC
	}
	for i := range c.spec().Ports {
		if p := &c.spec().Ports[i]; p.Name == e.expose.Port {
			p.AppProtocol = appProtocolGRPC
		}
	}
	c.note(Changed, e.object, "kind", nil, "the port of the Service gets the appProtocol grpc, so that the operator makes a GRPCRoute")
}

// backendNumber is the number of the Service's port that a backend of an Ingress names; 0 if there is none.
func (c *conversion) backendNumber(port networkingv1.ServiceBackendPort) int32 {
	if port.Name == "" {
		return port.Number
	}
	for i := range c.from.service.Spec.Ports {
		if p := &c.from.service.Spec.Ports[i]; p.Name == port.Name {
			return p.Port
		}
	}
	return 0
}

// ofIngress is what an Ingress says; nil for one that does not lead to the Service.
func (c *conversion) ofIngress(ingress *networkingv1.Ingress) *entrance {
	e := &entrance{object: ingress, kind: build.IngressKind}
	if !c.ledTo(ingress) {
		return nil
	}
	spec := &ingress.Spec
	if spec.DefaultBackend != nil {
		e.cannot("spec.defaultBackend", spec.DefaultBackend, "a host must be named")
	}
	if spec.IngressClassName != nil {
		e.expose.IngressClassName = v1alpha1.ObjectName(*spec.IngressClassName)
	}
	var number int32
	for i := range spec.Rules {
		rule := &spec.Rules[i]
		at := fmt.Sprintf("spec.rules[%s]", cmp.Or(rule.Host, "*"))
		if rule.Host == "" || rule.HTTP == nil {
			e.cannot(at, nil, "a rule must have a host and paths")
			continue
		}
		e.expose.Hosts = append(e.expose.Hosts, v1alpha1.Hostname(rule.Host))
		paths := c.ingressPaths(e, at, rule.HTTP.Paths, &number)
		if i > 0 && len(e.expose.Hosts) > 1 && !slices.Equal(paths, e.expose.Paths) {
			e.cannot(at, paths, "all hosts have the same paths")
		}
		e.expose.Paths = paths
	}
	if port, exists := c.portNumbered(number); exists {
		e.expose.Port = port
	} else if len(e.unsaid) == 0 {
		e.cannot("spec.rules", number, "the GoService's Service has no such port")
	}
	c.ingressTLS(e, spec)
	return c.check(e)
}

// ledTo says whether a backend of an Ingress is the Service.
func (c *conversion) ledTo(ingress *networkingv1.Ingress) bool {
	is := func(backend *networkingv1.IngressBackend) bool {
		return backend != nil && backend.Service != nil && backend.Service.Name == c.result.Name
	}
	return is(ingress.Spec.DefaultBackend) || slices.ContainsFunc(ingress.Spec.Rules, func(rule networkingv1.IngressRule) bool {
		return rule.HTTP != nil && slices.ContainsFunc(rule.HTTP.Paths, func(p networkingv1.HTTPIngressPath) bool { return is(&p.Backend) })
	})
}

// ingressPaths of a rule, all of which must lead to the same port of the Service.
func (c *conversion) ingressPaths(e *entrance, at string, paths []networkingv1.HTTPIngressPath, number *int32) []v1alpha1.PathPrefix {
	var result []v1alpha1.PathPrefix
	for i := range paths {
		p := &paths[i]
		path := cmp.Or(p.Path, "/")
		at := at + ".paths[" + path + "]"
		if p.Backend.Service == nil || p.Backend.Service.Name != c.result.Name {
			e.cannot(at+".backend", p.Backend, "all paths lead to the service")
			continue
		}
		leadsTo := c.backendNumber(p.Backend.Service.Port)
		if *number != 0 && leadsTo != *number {
			e.cannot(at+".backend.service.port", p.Backend.Service.Port, "all paths lead to the same port")
		}
		*number = leadsTo
		kind := networkingv1.PathTypeImplementationSpecific
		if p.PathType != nil {
			kind = *p.PathType
		}
		switch {
		case kind == networkingv1.PathTypeImplementationSpecific && path == "/":
			e.changed = append(e.changed, unsaid{at + ".pathType", string(kind), "it is Prefix: all paths of the host"})
		case kind != networkingv1.PathTypePrefix:
			e.cannot(at+".pathType", string(kind), "paths are prefixes")
		}
		result = append(result, v1alpha1.PathPrefix(path))
	}
	return result
}

// issuers are annotations of cert-manager, and the kinds of issuers that they name.
var issuers = map[string]v1alpha1.IssuerKind{
	"cert-manager.io/issuer":         "",
	"cert-manager.io/cluster-issuer": v1alpha1.IssuerKindClusterIssuer,
}

// ingressTLS carries over one certificate for all hosts. Its Secret keeps its name, so that none is issued anew.
func (c *conversion) ingressTLS(e *entrance, spec *networkingv1.IngressSpec) {
	if len(spec.TLS) == 0 {
		return
	}
	if len(spec.TLS) > 1 {
		e.cannot("spec.tls", spec.TLS, "there is one certificate for all hosts")
		return
	}
	hosts := make([]string, 0, len(e.expose.Hosts))
	for _, host := range e.expose.Hosts {
		hosts = append(hosts, string(host))
	}
	slices.Sort(hosts)
	if certified := slices.Sorted(slices.Values(spec.TLS[0].Hosts)); len(certified) == 0 {
		e.changed = append(e.changed, unsaid{"spec.tls[0].hosts", nil, "they are those of the rules"})
	} else if !slices.Equal(certified, hosts) {
		e.cannot("spec.tls[0].hosts", spec.TLS[0].Hosts, "the certificate is for all hosts")
	}
	e.expose.TLS = &v1alpha1.ExposeTLS{SecretName: v1alpha1.ObjectName(spec.TLS[0].SecretName)}
	for annotation, kind := range issuers {
		if name := e.object.GetAnnotations()[annotation]; name != "" && e.expose.TLS.SecretName != "" {
			if e.expose.TLS.Issuer != nil {
				e.cannot("metadata.annotations["+annotation+"]", name, "there is one issuer")
			}
			e.expose.TLS.Issuer = &v1alpha1.CertificateIssuer{Name: v1alpha1.ObjectName(name), Kind: kind}
		}
	}
}
