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
	"sync/atomic"
	"testing"
	"time"

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

func TestWebSocketsPass(t *testing.T) {
	address, _, _ := proxied(t, "", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", r.Header.Get("Upgrade"))
		w.WriteHeader(http.StatusSwitchingProtocols)
		connection, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer connection.Close()
		_, _ = io.CopyN(connection, both, 4)
	})
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_, _ = io.WriteString(connection, "GET /proxy/up/ HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n")
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", response, err)
	}
	_, _ = io.WriteString(connection, "ping")
	echo := make([]byte, 4)
	if _, err := io.ReadFull(reader, echo); err != nil || string(echo) != "ping" {
		t.Errorf("echoed %q, %v", echo, err)
	}
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

func TestTrailersPassInBothDirections(t *testing.T) {
	address, _, _ := proxied(t, "", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.Copy(w, r.Body)
		w.Header().Set("X-Sum", "got "+r.Trailer.Get("X-Sum"))
	})
	for _, name := range []string{"up", "grpc"} {
		response, body := exchange(t, address, "POST /proxy/"+name+"/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 42\r\n\r\n")
		if body != "body" || response.Trailer.Get("X-Sum") != "got 42" {
			t.Errorf("%s: %q, trailers %v", name, body, response.Trailer)
		}
	}
}

func TestAGRPCCallPassesToAnUpstreamOfHTTP2(t *testing.T) {
	address, _, _ := proxied(t, "", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("X-Seen", r.Proto+" te="+r.Header.Get("Te"))
		_ = http.NewResponseController(w).Flush()
		_, _ = io.CopyN(w, r.Body, 4) // while the client still sends
		_ = http.NewResponseController(w).Flush()
		_, _ = io.Copy(w, r.Body)
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
	})
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	body, send := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/proxy/grpc/echo.Echo/Say", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("Te", "trailers")
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for _, part := range []string{"ping", "pong"} {
		_, _ = io.WriteString(send, part)
		if part == "pong" {
			_ = send.Close()
		}
		got := make([]byte, len(part))
		if _, err := io.ReadFull(response.Body, got); err != nil || string(got) != part {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.Trailer.Get("Grpc-Status") != "0" || response.Header.Get("X-Seen") != "HTTP/2.0 te=trailers" {
		t.Errorf("%v, trailers %v, %v", err, response.Trailer, response.Header)
	}
}

// A stream of many messages has no total size; whoever takes the messages bounds each of them.
func TestStreamsOfGRPCAreLongerThanABodyMayBe(t *testing.T) {
	address, svc, _ := proxied(t, "", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprint(w, n, err)
	})
	apply(t, svc, livesettings.Document{Routes: map[string]livesettings.Route{"/proxy/{upstream}/{path...}": {MaxBodyBytes: 1 << 10}}})
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	for kind, want := range map[string]int{
		"application/grpc": http.StatusOK, "application/grpc+proto": http.StatusOK,
		"application/octet-stream": http.StatusRequestEntityTooLarge, "": http.StatusRequestEntityTooLarge,
	} {
		body := io.MultiReader(strings.NewReader(strings.Repeat("x", 200_000))) // of no declared length
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/proxy/grpc/a.A/B", body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", kind)
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		answer, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != want || want == http.StatusOK && string(answer) != "200000 <nil>" {
			t.Errorf("%q: %d %s, %v, want %d", kind, response.StatusCode, answer, err, want)
		}
	}
}

func TestWhatIsRefusedNeverReachesTheUpstream(t *testing.T) {
	address, _, _ := proxied(t, "", func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s %s arrived", r.Method, r.URL) })
	for text, status := range map[string]int{
		"TRACE /proxy/up/ HTTP/1.1\r\nHost: x\r\n\r\n":                               405,
		"CONNECT /proxy/up/ HTTP/1.1\r\nHost: x\r\n\r\n":                             405,
		"POST /proxy/up/ HTTP/1.1\r\nHost: x\r\nContent-Length: 33554433\r\n\r\nabc": 413,
		"POST /proxy/none/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n":         404,
	} {
		if response, body := exchange(t, address, text); response.StatusCode != status || response.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%.40q: %d %s, want %d", text, response.StatusCode, body, status)
		}
	}
}

func TestAClientsOwnBodyIsNotTheUpstreamsFault(t *testing.T) {
	address, svc, _ := proxied(t, "", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	for _, chunk := range []string{"ZZ\r\n", "4\nbody\n"} {
		for range 20 { // more than would open the breaker
			response, body := exchange(t, address, "POST /proxy/up/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n"+chunk)
			if response.StatusCode != http.StatusBadRequest || !strings.Contains(body, `"field":"body"`) {
				t.Fatalf("%q: %d %s", chunk, response.StatusCode, body)
			}
		}
	}
	if client, _ := svc.Upstream("up"); client.Stats().Open {
		t.Error("the breaker is open")
	}
}

func TestAHeadThatIsTooLargeForAnUpstreamIsNotItsFault(t *testing.T) {
	address, svc, _ := proxied(t, "", func(http.ResponseWriter, *http.Request) {})
	fields := strings.Repeat("A: b\r\n", 1<<10) // each counts for 32 bytes more in HTTP/2
	for range 20 {                              // more than would open the breaker
		response, body := exchange(t, address, "POST /proxy/grpc/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"+fields+"\r\n")
		if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Fatalf("%d %s", response.StatusCode, body)
		}
	}
	if client, _ := svc.Upstream("grpc"); client.Stats().Open {
		t.Error("the breaker is open")
	}
}

func TestAnUploadThatStopsIsAnsweredAsTheClientsFault(t *testing.T) {
	address, _, _ := proxiedWithin(t, "50ms", "", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	response, body := exchange(t, address, "POST /proxy/up/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nstart")
	if response.StatusCode != http.StatusRequestTimeout || !response.Close {
		t.Errorf("%d %s, closed %t", response.StatusCode, body, response.Close)
	}
}

func TestABrokenAnswerIsLoggedWithItsUpstream(t *testing.T) {
	address, _, log := proxied(t, "", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, strings.Repeat("x", 10))
	})
	response, err := http.Get("http://" + address + "/proxy/up/")
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	if err == nil {
		t.Error("the client took a part for the whole")
	}
	if line := log.String(); !strings.HasPrefix(line, `{"time"`) || !strings.Contains(line, `"level":"WARN"`) || !strings.Contains(line, `"upstream":"up"`) {
		t.Errorf("logged %q", line)
	}
}

func TestAnUpstreamThatIsGivenUpIsToldOnce(t *testing.T) {
	var back atomic.Bool
	address, _, log := proxied(t, "", func(http.ResponseWriter, *http.Request) {
		if !back.Load() {
			panic(http.ErrAbortHandler)
		}
	})
	post := func() int {
		response, _ := exchange(t, address, "POST /proxy/up/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		return response.StatusCode
	}
	for range 100 {
		if status := post(); status < 500 {
			t.Fatalf("a broken upstream answers %d", status)
		}
	}
	const given, again = "the upstream does not answer, calls to it fail at once", "the upstream answers again"
	text := log.String()
	if strings.Count(text, given) != 1 || strings.Count(text, `"status":503`) != 0 || strings.Contains(text, again) {
		t.Errorf("logged %s", text)
	}
	back.Store(true)
	for deadline := time.Now().Add(10 * time.Second); post() != http.StatusOK; <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the upstream is not called again")
		}
	}
	if text := log.String(); strings.Count(text, given) != 1 || strings.Count(text, again) != 1 {
		t.Errorf("logged %s", text)
	}
}

// A hung upstream gets what it is allowed to have in flight. What is more fails at once, and leaves workers to everybody else.
func TestAHungUpstreamLeavesWorkersToOthers(t *testing.T) {
	release := make(chan struct{})
	address, svc, _ := proxied(t, "", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	apply(t, svc, livesettings.Document{Pool: &livesettings.Pool{
		Workers: 64, MinWorkers: 64, MaxWorkers: 64, QueueDepth: 128, QueueTimeout: livesettings.Duration(250 * time.Millisecond),
	}})
	client, _ := svc.Upstream("up")
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	get := func(path string) (int, string) {
		response, err := (&http.Client{Transport: transport}).Get("http://" + address + path)
		if err != nil {
			t.Error(err)
			return 0, ""
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(body)
	}
	most := client.Limits().MaxInFlight
	if workers := svc.Pool().Stats().Workers; most >= workers {
		t.Fatalf("an upstream may have %d of %d workers", most, workers)
	}
	answers := make(chan string, 3*most)
	var calls sync.WaitGroup
	for range cap(answers) {
		calls.Go(func() {
			if status, body := get("/proxy/up/"); status != http.StatusOK {
				answers <- body
			}
		})
	}
	busy := 0
	for range 2 * most { // those that come while others still learn that it is stuck may be refused by the pool
		if strings.Contains(<-answers, `"reason":"upstream_busy"`) {
			busy++
		}
	}
	if busy == 0 {
		t.Error("nobody was refused over the upstream")
	}
	for range 100 {
		if status, body := get("/"); status != http.StatusOK {
			t.Fatalf("beside a hung upstream: %d %s", status, body)
		}
	}
	close(release)
	calls.Wait()
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
