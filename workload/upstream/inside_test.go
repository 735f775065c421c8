// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fake is the upstream, without a network, so that synctest can move the time.
type fake func(*http.Request) (*http.Response, error)

func (f fake) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func faked(f fake, limits Limits) *Client {
	c := newClient(Target{Name: "billing"}, &url.URL{Scheme: "http", Host: "billing"}, f, options{})
	c.SetLimits(limits)
	return c
}

func reply(status int, header http.Header, body io.Reader) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(body)}
}

// hangs until the caller has enough.
func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// send and read the whole response.
func send(ctx context.Context, c *Client, method string, body io.Reader) (int, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://billing/", body)
	if err != nil {
		return 0, err
	}
	response, err := c.Transport().RoundTrip(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// slowly gives its parts one after another, with a pause before each.
type slowly struct {
	parts int
	pause time.Duration
}

func (s *slowly) Read(p []byte) (int, error) {
	if s.parts == 0 {
		return 0, io.EOF
	}
	<-time.After(s.pause)
	s.parts--
	return copy(p, "part"), nil
}

func TestTheTimeoutIsForProgressNotForTheWhole(t *testing.T) {
	stream := http.Header{"Content-Type": {"text/event-stream"}}
	cases := map[string]struct {
		upload, download *slowly
		header           http.Header
		reader           time.Duration // the caller's pause before each read
		err              error
	}{
		"a slow download":          {download: &slowly{20, 4 * time.Second}},
		"a download that stops":    {download: &slowly{20, 6 * time.Second}, err: ErrTimeout},
		"a slow reader":            {download: &slowly{3, 0}, reader: time.Minute},
		"a slow upload":            {upload: &slowly{20, time.Minute}, download: &slowly{1, 0}},
		"a stream that is silent":  {download: &slowly{3, time.Hour}, header: stream},
		"a slow upload and answer": {upload: &slowly{3, time.Minute}, download: &slowly{3, 4 * time.Second}},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := faked(func(r *http.Request) (*http.Response, error) {
					if r.Body != nil {
						if _, err := io.Copy(io.Discard, r.Body); err != nil {
							return nil, err
						}
					}
					return reply(http.StatusOK, test.header, &until{r.Context(), test.download}), nil
				}, Limits{Timeout: 5 * time.Second})
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://billing/", nil)
				if err != nil {
					t.Fatal(err)
				}
				if test.upload != nil {
					request.Body = io.NopCloser(test.upload)
				}
				response, err := c.Transport().RoundTrip(request)
				if err != nil {
					t.Fatal(err)
				}
				part := make([]byte, 16)
				for err == nil {
					<-time.After(test.reader)
					if c.Stats().InFlight != 0 {
						t.Error("a call counts as in flight while its caller does not wait")
					}
					_, err = response.Body.Read(part)
				}
				if test.err == nil && !errors.Is(err, io.EOF) || test.err != nil && !errors.Is(err, test.err) {
					t.Errorf("ended with %v, want %v", err, test.err)
				}
				_ = response.Body.Close()
				if c.Stats().InFlight != 0 {
					t.Error("still in flight")
				}
				<-time.After(time.Hour) // what still sleeps ends in the bubble
			})
		})
	}
}

// until ends a reader with its context, as a transport does.
type until struct {
	ctx  context.Context
	from *slowly
}

func (u *until) Read(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	own := make([]byte, len(p))
	go func() { n, err := u.from.Read(own); done <- result{n, err} }()
	select {
	case <-u.ctx.Done():
		return 0, u.ctx.Err()
	case got := <-done:
		return copy(p, own[:got.n]), got.err
	}
}

func TestAFullUpstreamThatMovesIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := faked(func(*http.Request) (*http.Response, error) {
			<-time.After(10 * time.Millisecond)
			return reply(http.StatusOK, nil, strings.NewReader("")), nil
		}, Limits{MaxInFlight: 8})
		var calls sync.WaitGroup
		for range 16 {
			calls.Go(func() {
				if _, err := send(t.Context(), c, http.MethodGet, nil); err != nil {
					t.Errorf("one of twice as many as may be in flight: %v", err)
				}
			})
		}
		calls.Wait()
	})
}

func TestATimeoutIsRepeatedOnlyIfOthersWereAnswered(t *testing.T) {
	for _, othersAnswered := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var sent atomic.Int64
			c := faked(func(r *http.Request) (*http.Response, error) {
				if r.Method == http.MethodPost {
					return reply(http.StatusOK, nil, strings.NewReader("")), nil
				}
				if sent.Add(1) == 1 {
					return hangs(r)
				}
				return reply(http.StatusOK, nil, strings.NewReader("")), nil
			}, Limits{Timeout: time.Second})
			if othersAnswered {
				time.AfterFunc(time.Second/2, func() { _, _ = send(context.Background(), c, http.MethodPost, nil) })
			}
			_, err := send(t.Context(), c, http.MethodGet, nil)
			if repeated := sent.Load() > 1; repeated != othersAnswered || (err == nil) != othersAnswered {
				t.Errorf("others answered %t: repeated %t, %v", othersAnswered, repeated, err)
			}
		})
	}
}

func TestRetryAfterIsHeededAndTheBudgetIsForRetriesThatAreMade(t *testing.T) {
	cases := map[string]struct {
		retryAfter string
		deadline   time.Duration
		took       time.Duration // 0: at once
		sent       int64
	}{
		"none":                    {"", time.Minute, 0, 2},
		"one second":              {"1", time.Minute, time.Second, 2},
		"longer than is waited":   {"2", time.Minute, 0, 1},
		"longer than there is":    {"1", time.Second / 2, 0, 1},
		"a date that has passed":  {"Fri, 31 Dec 1999 00:00:00 GMT", time.Minute, 0, 2},
		"no time for the backoff": {"", 5 * time.Millisecond, 0, 1},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sent atomic.Int64
				c := faked(func(*http.Request) (*http.Response, error) {
					if sent.Add(1) > 1 {
						return reply(http.StatusOK, nil, strings.NewReader("")), nil
					}
					return reply(http.StatusServiceUnavailable, http.Header{"Retry-After": {test.retryAfter}}, strings.NewReader("")), nil
				}, Limits{})
				ctx, cancel := context.WithTimeout(t.Context(), test.deadline)
				defer cancel()
				began := time.Now()
				_, _ = send(ctx, c, http.MethodGet, nil)
				if took := time.Since(began); took < test.took || took > test.took+retryBackoff {
					t.Errorf("took %s", took)
				}
				if sent.Load() != test.sent {
					t.Errorf("sent %d times, want %d", sent.Load(), test.sent)
				}
				if spent := c.budget.spent.Load(); spent != (test.sent-1)*retryCost {
					t.Errorf("%d tenths of a retry were charged for %d retries", spent, test.sent-1)
				}
			})
		})
	}
}

func TestKeepAliveOfTheUpstream(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"timeout=5": idleTimeout, "timeout=2": time.Second, "max=100, Timeout = 1": time.Second / 2, "timeout=0": 0, "timeout=x": idleTimeout, "": idleTimeout,
	} {
		w, err := newWires(Target{Name: "a", URL: "http://a"}, "http", func(error) {})
		if err != nil {
			t.Fatal(err)
		}
		if stays, said := keepAlive(http.Header{"Keep-Alive": {value}}); said {
			w.shorten(stays)
		}
		transport := w.current.Load().transport
		if transport.IdleConnTimeout != want || transport.DisableKeepAlives != (want == 0) {
			t.Errorf("%q: idle for %s, closed at once %t; want %s", value, transport.IdleConnTimeout, transport.DisableKeepAlives, want)
		}
	}
}

func TestAProxyIsUsedOnlyWhereItIsAskedFor(t *testing.T) {
	for setting, want := range map[string]bool{"": false, ProxyEnvironment: true} {
		w, err := newWires(Target{Name: "a", URL: "https://a.example", Proxy: setting}, "https", func(error) {})
		if err != nil {
			t.Fatal(err)
		}
		if got := w.current.Load().transport.Proxy != nil; got != want {
			t.Errorf("proxy %q: the environment's is used %t, want %t", setting, got, want)
		}
	}
}

// vanishing is a connection whose other end is gone without a word, once it is told so.
type vanishing struct {
	net.Conn
	gone atomic.Bool
}

func (v *vanishing) Write(p []byte) (int, error) {
	if v.gone.Load() {
		return len(p), nil
	}
	return v.Conn.Write(p)
}

// All calls of HTTP/2 share one connection. Without a look at it, each would fail until TCP gives up.
func TestADeadConnectionOfHTTP2IsFoundByPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, err := newWires(Target{Name: "billing", URL: "h2c://billing"}, schemeH2C, nil)
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
		server.Protocols.SetUnencryptedHTTP2(true)
		accepted := make(accepting)
		go func() { _ = server.Serve(accepted) }()
		var dialed []*vanishing
		w.current.Load().transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			dialed = append(dialed, &vanishing{Conn: here})
			accepted <- there
			return dialed[len(dialed)-1], nil
		}
		c := newClient(w.target, &url.URL{Scheme: schemeH2C, Host: "billing"}, w, options{})
		c.SetLimits(Limits{Timeout: time.Hour})
		if _, err := send(t.Context(), c, http.MethodPost, nil); err != nil {
			t.Fatal(err)
		}
		dialed[0].gone.Store(true)
		began := time.Now()
		if _, err := send(t.Context(), c, http.MethodPost, nil); err == nil || time.Since(began) > pingAfter+pingTimeout {
			t.Errorf("a call on the dead connection: %v after %s", err, time.Since(began))
		}
		if _, err := send(t.Context(), c, http.MethodPost, nil); err != nil || len(dialed) != 2 {
			t.Errorf("the next call: %v on connection %d", err, len(dialed))
		}
		w.closeIdle()
		_ = server.Close()
	})
}

// accepting is a listener for connections that are made in the process.
type accepting chan net.Conn

func (a accepting) Accept() (net.Conn, error) {
	connection, ok := <-a
	if !ok {
		return nil, net.ErrClosed
	}
	return connection, nil
}

func (a accepting) Close() error {
	close(a)
	return nil
}

func (a accepting) Addr() net.Addr { return &net.TCPAddr{} }
