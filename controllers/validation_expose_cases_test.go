// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import "strings"

// exposeCases are those of the rules on how clients outside of the cluster reach the service.
var exposeCases = cases{
	"must be a DNS name": {
		[]string{`expose: {hosts: [localhost, a-1.shop.example, "*.shop.example", 1.2.3.example, ` + strings.Repeat("a", 63) + `.example]}`},
		[]string{
			`expose: {hosts: ["*"]}`, `expose: {hosts: ["a.*.example"]}`, `expose: {hosts: [Shop.example]}`, `expose: {hosts: [192.0.2.1]}`, `expose: {hosts: ["01.2.3.4"]}`,
			`expose: {hosts: ["2001:db8::1"]}`, `expose: {hosts: [""]}`, `expose: {hosts: [a..example]}`, `expose: {hosts: [shop.example.]}`, `expose: {hosts: ["shop.example:443"]}`,
			`expose: {hosts: [` + strings.Repeat("a", 64) + `.example]}`, `expose: {hosts: ["https://shop.example"]}`, `expose: {hosts: [a_b.example]}`,
		},
	},
	"must be a path such as / or /shop": {
		[]string{`expose: {hosts: [a], paths: [/, /shop/, "/a%20b/.well-known/..c/~d"]}`},
		[]string{
			`expose: {hosts: [a], paths: [shop]}`, `expose: {hosts: [a], paths: [//]}`, `expose: {hosts: [a], paths: [/a//b]}`, `expose: {hosts: [a], paths: [/a/../b]}`,
			`expose: {hosts: [a], paths: [/..]}`, `expose: {hosts: [a], paths: [/a/.]}`, `expose: {hosts: [a], paths: ["/a%2Fb"]}`, `expose: {hosts: [a], paths: ["/a b"]}`,
			`expose: {hosts: [a], paths: ["/a#b"]}`, `expose: {hosts: [a], paths: ["/a?b=c"]}`, `expose: {hosts: [a], paths: ["/a%zz"]}`, `expose: {hosts: [a], paths: [""]}`,
		},
	},
	"expose.hosts must not have a host twice": {
		[]string{`expose: {hosts: [a.example, "*.a.example"]}`},
		[]string{`expose: {hosts: [a.example, b.example, a.example]}`},
	},
	"expose.paths must not have a path twice": {
		[]string{`expose: {hosts: [a], paths: [/a, /a/b]}`},
		[]string{`expose: {hosts: [a], paths: [/a, /b, /a]}`},
	},
	"expose.annotations must have annotation keys": {
		[]string{`expose: {hosts: [a], annotations: {Example.com/a: "any thing: {}", example.com/goservice.dev: x}}`},
		[]string{`expose: {hosts: [a], annotations: {"a b": c}}`, `expose: {hosts: [a], annotations: {goservice.dev/applied: x}}`},
	},
	"expose.annotations must not have kubernetes.io/ingress.class": {
		[]string{`expose: {hosts: [a], annotations: {kubernetes.io/ingress.class: gce}}`, `expose: {hosts: [a], ingressClassName: nginx, annotations: {a: b}}`},
		[]string{`expose: {hosts: [a], ingressClassName: nginx, annotations: {kubernetes.io/ingress.class: gce}}`},
	},
	"expose.tls must not be set with gateway": {
		[]string{
			`expose: {hosts: [a], tls: {secretName: b}}`, `expose: {hosts: [a], tls: {}}`, `expose: {hosts: [a], gateway: {name: b}}`,
			`expose: {hosts: [a], gateway: {name: b, namespace: c, sectionName: d.e}, ingressClassName: nginx, tls: {issuer: {name: c}, secretName: d}}`,
		},
		[]string{`expose: {hosts: [a], gateway: {name: b}, tls: {secretName: c}}`, `expose: {hosts: [a], gateway: {name: b}, tls: {issuer: {name: c}}}`},
	},
	"expose.port must be http": {
		[]string{
			`expose: {hosts: [a], port: http}`, `{tls: {secretName: a}, expose: {hosts: [a], port: http}}`,
			`{ports: [{name: web, port: 81}, {name: web-2, port: 82, protocol: TCP, hidden: false}], expose: {hosts: [a], port: web-2}}`,
		},
		[]string{
			`expose: {hosts: [a], port: web}`, `{ports: [{name: web, port: 81, hidden: true}], expose: {hosts: [a], port: web}}`, `expose: {hosts: [a], port: admin}`,
			`{ports: [{name: web, port: 81, protocol: UDP}], expose: {hosts: [a], port: web}}`, `{ports: [{name: web, port: 81}], expose: {hosts: [a], port: other}}`,
		},
	},
}
