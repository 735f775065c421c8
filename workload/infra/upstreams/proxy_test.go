// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstreams_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"goservice.dev/operator/workload/infra/upstreams"
	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/service"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines of the log, to be read while others write.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// proxied serves an upstream named up, with the path of its URL, behind the proxy of a whole service.
func proxied(t *testing.T, base string, handler http.HandlerFunc) (address string, svc *service.Service, log *lines) {
	t.Helper()
	return proxiedWithin(t, "10s", base, handler)
}

// proxiedWithin is proxied with a deadline of each request.
func proxiedWithin(t *testing.T, deadline, base string, handler http.HandlerFunc) (address string, svc *service.Service, log *lines) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.MaxHeaderBytes = 32 << 10
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	own := strings.TrimPrefix(server.URL, "http://")
	log = new(lines)
	svc = service.New(service.WithLog(log), service.WithRequestIDs(nil), service.WithBuiltIn(livesettings.Document{Version: livesettings.Version}),
		service.WithEnvironment(map[string]string{
			"GOSERVICE_LIVE_SETTINGS_FILE": "", "GOSERVICE_REQUEST_TIMEOUT": deadline,
			"GOSERVICE_UPSTREAMS": fmt.Sprintf(`[{"name":"up","url":"http://%s%s"},{"name":"grpc","url":"h2c://%s"}]`, own, base, own),
		}))
	proxy := upstreams.NewProxy(svc, "/proxy/", svc.TrustedProxies(), slog.New(slog.NewJSONHandler(log, nil)))
	svc.HandleRaw("/proxy/{upstream}/{path...}", proxy, service.UnboundedCalls())
	svc.HandleFunc("GET /{$}", func(http.ResponseWriter, *http.Request) {})
	front := httptest.NewUnstartedServer(svc.Handler())
	front.Config.Protocols = server.Config.Protocols
	front.Start()
	t.Cleanup(func() {
		front.Close()
		for _, name := range svc.Upstreams() {
			client, _ := svc.Upstream(name)
			client.CloseIdle()
		}
	})
	return strings.TrimPrefix(front.URL, "http://"), svc, log
}

// exchange sends bytes on a connection of their own and reads the response.
func exchange(t *testing.T, address, text string) (response *http.Response, body string) {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if _, err := io.WriteString(connection, text); err != nil {
		t.Fatal(err)
	}
	response, err = http.ReadResponse(bufio.NewReader(connection), &http.Request{Method: text[:strings.IndexByte(text, ' ')]})
	if err != nil {
		t.Fatalf("%.60q: %v", text, err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%.60q: %v", text, err)
	}
	return response, string(read)
}

func TestPathsAndQueriesArriveByteForByte(t *testing.T) {
	address, _, _ := proxied(t, "/base", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RequestURI) })
	for _, target := range []string{
		"/", "//a%20b", "/https://example.com/img.png", "/a%2Fb/%2F/", "/x|y", "/%41;b=c", "/a/?", "/x?", "/x?b=2&a=1;x&q=100%", "/x?a=1&a=%zz&&=?/../",
		"/x?ua=Mozilla/5.0%20(X11;%20Linux)", "/a..b",
	} {
		if _, got := exchange(t, address, "GET /proxy/up"+target+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); got != "/base"+target {
			t.Errorf("%s arrived as %s", target, got)
		}
		if _, got := exchange(t, address, "POST http://x/proxy/up"+target+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"); !strings.Contains(target, "|") && got != "/base"+target {
			t.Errorf("%s of a whole URL arrived as %s", target, got)
		}
	}
	for target, status := range map[string]int{
		"/proxy/up/..": 400, "/proxy/up/a/%2e%2e/b": 400, "/proxy/up/..;/admin": 400, "/proxy/up/a%5c..%5cadmin": 400, "/proxy/b%69lling/a": 404,
		"/%70roxy/up/a": 404, "/proxy/": 404, "/proxy": 404, "/proxy/../": 404, "/proxy/up?x=1": 307,
	} {
		response, body := exchange(t, address, "GET "+target+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if response.StatusCode != status {
			t.Errorf("%s: %d %s, want %d", target, response.StatusCode, body, status)
		}
		if at := response.Header.Get("Location"); status == 307 && at != "/proxy/up/?x=1" {
			t.Errorf("%s: redirected to %s", target, at)
		}
	}
}

// HTTP/2 allows blanks in the path, HTTP/1.1 separates the parts of its request line by them.
func TestABlankInAQueryOfHTTP2EndsNoRequestLine(t *testing.T) {
	address, _, _ := proxied(t, "", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto+" "+r.RequestURI) })
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	request := &http.Request{
		Method: http.MethodGet, Header: http.Header{},
		URL: &url.URL{Scheme: "http", Host: address, Path: "/proxy/up/", RawQuery: "a=1 HTTP/1.0"},
	}
	response, err := transport.RoundTrip(request.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, err := io.ReadAll(response.Body); err != nil || string(got) != "HTTP/1.1 /?a=1%20HTTP/1.0" {
		t.Errorf("%v, the upstream got %s", err, got)
	}
}

func TestHeadersThroughTheProxy(t *testing.T) {
	address, svc, _ := proxied(t, "", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "0")
		w.Header().Set("X-Seen", fmt.Sprintf("host=%s up=%s settings=%s encoding=%s for=%s proto=%s", strings.Split(r.Host, ":")[0], r.Header.Get("Upgrade"),
			r.Header.Get("Http2-Settings"), r.Header.Get("Accept-Encoding"), r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Forwarded-Proto")))
	})
	const request = "GET /proxy/up/ HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n" +
		"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\r\n"
	expect := func(want string) {
		t.Helper()
		if response, _ := exchange(t, address, request); response.StatusCode != 200 || response.Header.Get("X-Seen") != want {
			t.Errorf("%d, upstream saw %s\nwant %s", response.StatusCode, response.Header.Get("X-Seen"), want)
		}
	}
	expect("host=127.0.0.1 up= settings= encoding= for=127.0.0.1 proto=http")
	trust(t, svc, "127.0.0.0/8")
	expect("host=127.0.0.1 up= settings= encoding= for=203.0.113.9, 127.0.0.1 proto=https")
}

func TestRedirectsStayWithinTheProxy(t *testing.T) {
	address, svc, _ := proxied(t, "/base", func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Location"] = []string{strings.ReplaceAll(r.Header.Get("X-To"), "OWN", r.Host)}
		w.WriteHeader(http.StatusFound)
	})
	client, _ := svc.Upstream("up")
	own, host := client.URL().Host, client.URL().Hostname()
	for to, want := range map[string]string{
		"/base/login?a=1#top":            "/proxy/up/login?a=1#top",
		"http://OWN/base/login":          "/proxy/up/login",
		"//OWN/base":                     "/proxy/up/",
		"next":                           "next",
		"../x":                           "/proxy/up/x",
		"?page=2":                        "?page=2",
		"https://idp.example/a?b":        "https://idp.example/a?b",
		"https://shop.example/base/a":    "https://shop.example/proxy/up/a",
		"https://shop.example/proxy/up/": "https://shop.example/proxy/up/",
		"/login":                         "",
		"http://OWN/other":               "",
		"/basement":                      "",
		"https://" + host + "/base/x":    "",
		"http://%zz/":                    "",
	} {
		response, body := exchange(t, address, "GET /proxy/up/a/b HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nX-To: "+to+"\r\n\r\n")
		if got := response.Header.Get("Location"); got != want || want == "" && response.StatusCode != http.StatusBadGateway || strings.Contains(body, own) {
			t.Errorf("%s: %d to %q (%s), want %q", to, response.StatusCode, got, body, want)
		}
	}
}

func TestAResponseHasOneRequestID(t *testing.T) {
	address, _, _ := proxied(t, "", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", r.Header.Get("X-Request-Id")) // as many servers do
	})
	response, _ := exchange(t, address, "GET /proxy/up/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if got := response.Header["X-Request-Id"]; len(got) != 1 || got[0] == "" {
		t.Errorf("%q", got)
	}
}

func trust(t *testing.T, svc *service.Service, ranges ...string) {
	t.Helper()
	apply(t, svc, livesettings.Document{TrustedProxies: ranges})
}

func apply(t *testing.T, svc *service.Service, document livesettings.Document) {
	t.Helper()
	document.Version = livesettings.Version
	if _, err := svc.LiveSettings().Apply(document); err != nil {
		t.Fatal(err)
	}
}
