// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package remote

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"goservice.dev/operator/workload/internal/exchange"
	"goservice.dev/operator/workload/internal/peers"
)

func get(t *testing.T) *http.Request {
	return httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
}

func TestACallThatNobodyHasAWorkerForHasNotRun(t *testing.T) {
	to := &pod{handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	to.busy.Store(true)
	from, _ := linked(t, to)
	r, w := get(t), httptest.NewRecorder()
	if _, err := from.Do(w, r, 1, HeadOf(r), Options{}); !errors.Is(err, ErrGone) || to.ran.Load() != 0 {
		t.Errorf("%v, it ran %d times", err, to.ran.Load())
	}
}

func TestAHeadThatDoesNotEndIsGivenUp(t *testing.T) {
	part := encoder(make([]byte, partBytes))
	var o outgoing
	for sent := 0; ; sent += partBytes {
		_, _, err := o.apply(&event{kindPart, decoder{rest: part}})
		if over := sent+partBytes > mostHeadBytes; (err != nil) != over {
			t.Fatalf("after %d bytes: %v", sent+partBytes, err)
		} else if over {
			break
		}
	}
}

// A pod says with each answer whether it would take another call without being asked first.
func TestACallGoesWithoutAWorkerThatWasKeptForItToAPodThatInvites(t *testing.T) {
	host := &pod{handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("done")) })}
	host.busy.Store(true) // it keeps no workers
	from, _ := linked(t, host)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if outcome, err := from.Do(httptest.NewRecorder(), r, 1, HeadOf(r), Options{Try: true}); !errors.Is(err, ErrGone) || host.ran.Load() != 0 {
		t.Errorf("%+v, %v: ran %d times", outcome, err, host.ran.Load())
	}
	host.free.Store(true)
	w := httptest.NewRecorder()
	outcome, err := from.Do(w, r, 3, HeadOf(r), Options{Try: true})
	if err != nil || !outcome.Invites || outcome.Work != time.Second || w.Body.String() != "done" || host.ran.Load() != 1 {
		t.Errorf("%+v, %v: %q, ran %d times", outcome, err, w.Body, host.ran.Load())
	}
	if outcome, err := from.Do(httptest.NewRecorder(), r, 5, HeadOf(r), Options{}); !errors.Is(err, ErrGone) {
		t.Errorf("%+v, %v: no worker was kept", outcome, err)
	}
}

// As one of a version before pods invited does it.
func TestAnEndWithoutAnInvitationInvitesNobody(t *testing.T) {
	var e encoder
	Outcome{Worked: time.Second, Told: true, Invites: true, Work: time.Second}.encode(&e, nil)
	short := Outcome{Worked: time.Second, Told: true}
	var work encoder
	work.flag(true)
	work.number(uint64(time.Second))
	d := &decoder{rest: e[:len(e)-len(work)]}
	if got, _ := decodeOutcome(d); d.err != nil || got != short {
		t.Errorf("%+v, %v", got, d.err)
	}
}

func TestACallWhoseLinkBreaksMayHaveRunAndDoesNotRunAgain(t *testing.T) {
	began, ended := make(chan struct{}), make(chan error, 1)
	to := &pod{handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
		ended <- context.Cause(r.Context())
	})}
	from, _ := linked(t, to)
	go func() {
		<-began
		from.link.(*peers.Link).Close()
	}()
	r, w := get(t), httptest.NewRecorder()
	if _, err := from.Do(w, r, 1, HeadOf(r), Options{}); !errors.Is(err, ErrBroken) || errors.Is(err, ErrGone) {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, ErrBroken) {
		t.Errorf("the handler was told %v", err)
	}
	if _, err := from.Do(w, r, 2, HeadOf(r), Options{}); !errors.Is(err, ErrGone) || to.ran.Load() != 1 {
		t.Errorf("a call of a link that has ended: %v, it ran %d times", err, to.ran.Load())
	}
}

func TestAClientThatLeavesEndsTheHandlersContext(t *testing.T) {
	began, ended := make(chan struct{}), make(chan error, 1)
	from, _ := linked(t, &pod{handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
		ended <- context.Cause(r.Context())
	})})
	client, leave := context.WithCancel(t.Context())
	go func() {
		<-began
		leave()
	}()
	r, w := get(t), httptest.NewRecorder()
	if _, err := from.Do(w, r, 1, HeadOf(r), Options{Client: client}); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, ErrClientLeft) {
		t.Errorf("the handler was told %v", err)
	}
}

// stuck is a client that takes nothing until it is told to.
type stuck struct {
	*httptest.ResponseRecorder
	goOn chan struct{}
}

func (s *stuck) Write(data []byte) (int, error) {
	<-s.goOn
	return s.ResponseRecorder.Write(data)
}

func TestAHandlerWaitsForAClientThatTakesNothing(t *testing.T) {
	const size = 4 * windowBytes
	var written atomic.Int64
	full := make(chan struct{})
	from, _ := linked(t, &pod{handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range size / dataBytes {
			n, err := w.Write(make([]byte, dataBytes))
			if err != nil {
				t.Error(err)
			}
			if written.Add(int64(n)) == windowBytes-dataBytes {
				close(full)
			}
		}
	})})
	client := &stuck{httptest.NewRecorder(), make(chan struct{})}
	go func() {
		<-full
		if n := written.Load(); n > windowBytes+2*dataBytes {
			t.Errorf("%d bytes were written to a client that takes none", n)
		}
		close(client.goOn)
	}()
	r := get(t)
	if _, err := from.Do(client, r, 1, HeadOf(r), Options{}); err != nil || client.Body.Len() != size {
		t.Errorf("%v, %d bytes", err, client.Body.Len())
	}
}

func TestAHeadArrivesAsItWas(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"client"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	all := &Head{
		Method: "POST", RequestURI: "//a%2Fb?c=%20", Proto: "HTTP/2.0", ProtoMajor: 2, Host: "example.org", RemoteAddr: "[::1]:80",
		ContentLength: -1, TransferEncoding: []string{"chunked"}, Header: http.Header{"A": {"1", "", "2"}, "B": nil}, Trailer: http.Header{"Sum": nil},
		TLS: &tls.ConnectionState{
			Version: tls.VersionTLS13, HandshakeComplete: true, DidResume: true, CipherSuite: 1, NegotiatedProtocol: "h2",
			ServerName: "example.org", PeerCertificates: []*x509.Certificate{certificate}, VerifiedChains: [][]*x509.Certificate{{certificate, certificate}},
		},
		Body: []byte("body"), Whole: true, Left: time.Second, Waited: time.Millisecond, RequestID: "id",
		Trace: exchange.TraceContext{TraceID: [16]byte{1}, SpanID: [8]byte{2}, Sampled: true, State: "a=b"},
	}
	for name, head := range map[string]*Head{"all of it": all, "the least": {Method: "GET", RequestURI: "/", Header: http.Header{}}} {
		t.Run(name, func(t *testing.T) {
			var e encoder
			head.encode(&e)
			got, err := decodeHead(&decoder{rest: e})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(head, got, cmpopts.EquateComparable(exchange.TraceContext{}), cmpopts.IgnoreUnexported(tls.ConnectionState{})); diff != "" {
				t.Error(diff)
			}
			for cut := range e { // whatever is missing is noticed
				if _, err := decodeHead(&decoder{rest: e[:cut]}); err == nil {
					t.Fatalf("a head of %d bytes was read from %d", len(e), cut)
				}
			}
		})
	}
}

// nowhere is a link to nobody.
type nowhere struct{}

func (nowhere) Send(byte, ...[]byte) error     { return nil }
func (nowhere) SendData(byte, ...[]byte) error { return nil }
func (nowhere) Watch(int)                      {}

// FuzzFrames: pods of other versions send what this one does not know; it must not fall over it.
func FuzzFrames(f *testing.F) {
	f.Add(byte(kindBegin), []byte{1})
	f.Add(byte(kindAnswer), []byte{1, 200, 1, 1, 'A', 1, 1, 'b', 'x'})
	f.Add(byte(kindBody), []byte{1, 1, 0})
	f.Add(byte(kindEnd), []byte{1, 0, 0, 0, 0, 0})
	f.Fuzz(func(_ *testing.T, kind byte, payload []byte) {
		c := NewCalls(nowhere{}, &pod{handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})})
		in := &Incoming{Head: &Head{Trailer: http.Header{}}, calls: c, id: 1, leaving: make(chan struct{})}
		in.ctx, in.end = context.WithCancelCause(context.Background())
		in.writer, in.body = newWriter(in), newBody(in)
		o := &outgoing{calls: c, id: 1, writer: httptest.NewRecorder(), r: httptest.NewRequest(http.MethodGet, "/", strings.NewReader("")), wake: make(chan struct{}, 1)}
		c.incoming[1], c.outgoing[1] = in, o
		if kind != kindBegin && kind != kindTry { // it would run
			_ = c.Handle(kind, payload)
		} else {
			_, _ = decodeHead(&decoder{rest: payload})
		}
		for i := range o.events {
			_, _, _ = o.apply(&o.events[i])
		}
		if o.reads != nil {
			close(o.reads)
		}
	})
}
