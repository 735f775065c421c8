// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstreams_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestCookiesComeBackToTheUpstreamThatSetThem(t *testing.T) {
	for base, cookies := range map[string]map[string]string{
		"": {
			"a=1; Path=/; HttpOnly":             "a=1; Path=/proxy/up/; HttpOnly",
			"a=1; Path=/x":                      "a=1; Path=/proxy/up/x",
			"a=1;path=/x/ ;Secure":              "a=1; Path=/proxy/up/x/;Secure",
			"a=1; Path=/proxy/up/x":             "a=1; Path=/proxy/up/x",
			"a=1; Path=x":                       "a=1; Path=x",
			"a=1; Path=":                        "a=1; Path=",
			`a="b; Max-Age=1; SameSite=Lax`:     `a="b; Max-Age=1; SameSite=Lax`,
			"a=1; Domain=127.0.0.1; Path=/":     "a=1; Path=/proxy/up/",
			"a=1; Domain=.shop.example":         "a=1; Domain=.shop.example",
			"__Host-a=1; Path=/; Secure":        "__Host-a=1; Path=/; Secure",
			"__Secure-a=1; Secure; Path=/login": "__Secure-a=1; Secure; Path=/proxy/up/login",
		},
		"/base": {
			"a=1; Path=/base":     "a=1; Path=/proxy/up",
			"a=1; Path=/base/":    "a=1; Path=/proxy/up/",
			"a=1; Path=/base/x":   "a=1; Path=/proxy/up/x",
			"a=1; Path=/":         "a=1; Path=/proxy/up/",
			"a=1; Path=/other":    "",
			"a=1; Path=/basement": "",
		},
	} {
		address, _, _ := proxied(t, base, func(w http.ResponseWriter, r *http.Request) {
			for _, cookie := range []string{"first=1", r.Header.Get("X-Set"), "last=1"} {
				w.Header().Add("Set-Cookie", cookie)
			}
		})
		for set, want := range cookies {
			response, _ := exchange(t, address, "GET /proxy/up/a HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nX-Set: "+set+"\r\n\r\n")
			all := slices.DeleteFunc([]string{"first=1", want, "last=1"}, func(cookie string) bool { return cookie == "" })
			if got := response.Header["Set-Cookie"]; strings.Join(got, "\n") != strings.Join(all, "\n") {
				t.Errorf("base %q: %s became %q, want %q", base, set, got, want)
			}
		}
	}
}
