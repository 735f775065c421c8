// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"fmt"
	"strings"

	"goservice.dev/operator/controllers/internal/build"
)

// Listener of a Gateway, as much of it as a URL needs.
type Listener struct {
	Name     string `json:"name"`
	Hostname string `json:"hostname,omitempty"`
	Port     int32  `json:"port"`
	Protocol string `json:"protocol"`
}

// Schemes, and the ports that a URL leaves out.
const (
	schemeHTTP, schemeHTTPS = "http", "https"
	portHTTP, portHTTPS     = 80, 443
)

const wildcard = "*."

// url is where clients outside find the service: empty where there is nothing to lead them there, or wildcards only.
func (s Situation) url() string {
	kind, exists := build.Exposure(&s.Service.Spec, s.Optional)
	host := s.firstHost()
	if !exists || host == "" {
		return ""
	}
	expose, origin := s.Service.Spec.Expose, schemeHTTPS+"://"+host
	switch {
	case kind == build.IngressKind && expose.TLS == nil:
		origin = schemeHTTP + "://" + host
	case kind != build.IngressKind:
		origin = s.originAtGateway(host)
	}
	return origin + build.ExposedPaths(expose)[0]
}

func (s Situation) firstHost() string {
	if s.Service.Spec.Expose == nil {
		return ""
	}
	for _, host := range s.Service.Spec.Expose.Hosts {
		if !strings.HasPrefix(string(host), wildcard) {
			return string(host)
		}
	}
	return ""
}

// originAtGateway is by the listener that takes requests for a host, HTTPS before HTTP, and https while no such listener is known.
func (s Situation) originAtGateway(host string) string {
	origin := ""
	for _, l := range s.Listeners {
		section := string(s.Service.Spec.Expose.Gateway.SectionName)
		if section != "" && l.Name != section || !l.takes(host) {
			continue
		}
		switch {
		case l.Protocol == "HTTPS" && l.Port == portHTTPS:
			return schemeHTTPS + "://" + host
		case l.Protocol == "HTTPS":
			return fmt.Sprintf("%s://%s:%d", schemeHTTPS, host, l.Port)
		case l.Protocol == "HTTP" && l.Port == portHTTP:
			origin = schemeHTTP + "://" + host
		case l.Protocol == "HTTP" && origin == "":
			origin = fmt.Sprintf("%s://%s:%d", schemeHTTP, host, l.Port)
		}
	}
	if origin == "" {
		return schemeHTTPS + "://" + host
	}
	return origin
}

// takes reports whether a listener takes requests for a host. A wildcard stands for one label or more.
func (l Listener) takes(host string) bool {
	if below, is := strings.CutPrefix(l.Hostname, "*"); is {
		return strings.HasSuffix(host, below) && len(host) > len(below)
	}
	return l.Hostname == "" || l.Hostname == host
}
