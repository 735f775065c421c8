// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package remote

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"goservice.dev/operator/workload/internal/exchange"
)

// Head is what a request has besides its context and the rest of its body.
type Head struct {
	Method, RequestURI, Proto, Host, RemoteAddr string
	ProtoMajor, ProtoMinor                      int
	// ContentLength is -1 where it is not known.
	ContentLength    int64
	TransferEncoding []string
	Header           http.Header
	// Trailer has the keys that were announced.
	Trailer http.Header
	// TLS of the client's connection; nil without.
	TLS *tls.ConnectionState
	// Body is the whole body where Whole is true; else it is read when the handler reads.
	Body  []byte
	Whole bool
	// Left until the request's deadline; 0 for none.
	Left time.Duration
	// Waited is how long the request has been waiting already.
	Waited time.Duration
	// RequestID by which callers and logs name it.
	RequestID string
	// Trace of the request, as the pod where it came in goes on with it.
	Trace exchange.TraceContext
}

// HeadOf a request. Body and what does not stand in the request are the caller's to add.
func HeadOf(r *http.Request) *Head {
	return &Head{
		Method: r.Method, RequestURI: r.RequestURI, Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
		Host: r.Host, RemoteAddr: r.RemoteAddr, ContentLength: r.ContentLength, TransferEncoding: r.TransferEncoding,
		Header: r.Header, Trailer: r.Trailer, TLS: r.TLS,
	}
}

// flags of a head.
const (
	hasTLS = 1 << iota
	hasTrailer
	isWhole
	isSampled
)

func (h *Head) encode(e *encoder) {
	flags := uint64(0)
	if h.TLS != nil {
		flags |= hasTLS
	}
	if h.Trailer != nil {
		flags |= hasTrailer
	}
	if h.Whole {
		flags |= isWhole
	}
	if h.Trace.Sampled {
		flags |= isSampled
	}
	e.number(flags)
	for _, text := range []string{h.Method, h.RequestURI, h.Proto, h.Host, h.RemoteAddr, h.RequestID, h.Trace.State} {
		e.text(text)
	}
	e.bytes(h.Trace.TraceID[:])
	e.bytes(h.Trace.SpanID[:])
	e.number(uint64(h.ProtoMajor)) //nolint:gosec // small
	e.number(uint64(h.ProtoMinor)) //nolint:gosec // small
	e.signed(h.ContentLength)
	e.signed(int64(h.Left))
	e.signed(int64(h.Waited))
	e.number(uint64(len(h.TransferEncoding)))
	for _, coding := range h.TransferEncoding {
		e.text(coding)
	}
	e.header(h.Header)
	if h.Trailer != nil {
		e.header(h.Trailer)
	}
	if h.TLS != nil {
		encodeTLS(e, h.TLS)
	}
	if h.Whole {
		e.bytes(h.Body)
	}
}

func decodeHead(d *decoder) (*Head, error) {
	h := &Head{}
	flags := d.number()
	for _, text := range []*string{&h.Method, &h.RequestURI, &h.Proto, &h.Host, &h.RemoteAddr, &h.RequestID, &h.Trace.State} {
		*text = d.text()
	}
	copy(h.Trace.TraceID[:], d.bytes())
	copy(h.Trace.SpanID[:], d.bytes())
	h.Trace.Sampled = flags&isSampled != 0
	h.ProtoMajor, h.ProtoMinor = int(min(d.number(), 9)), int(min(d.number(), 9)) //nolint:gosec // bounded
	h.ContentLength = d.signed()
	h.Left, h.Waited = time.Duration(d.signed()), time.Duration(d.signed())
	for range d.count() {
		h.TransferEncoding = append(h.TransferEncoding, d.text())
	}
	h.Header = d.header()
	if flags&hasTrailer != 0 {
		h.Trailer = d.header()
	}
	if flags&hasTLS != 0 {
		h.TLS = decodeTLS(d)
	}
	if h.Whole = flags&isWhole != 0; h.Whole {
		h.Body = append([]byte(nil), d.bytes()...)
	}
	return h, d.err
}

// request as the server of the pod where it came in has made it, without context and body.
func (h *Head) request() (*http.Request, error) {
	target, err := url.ParseRequestURI(h.RequestURI)
	if err != nil {
		return nil, fmt.Errorf("remote: %w", err)
	}
	return &http.Request{
		Method: h.Method, URL: target, Proto: h.Proto, ProtoMajor: h.ProtoMajor, ProtoMinor: h.ProtoMinor, Header: h.Header,
		ContentLength: h.ContentLength, TransferEncoding: h.TransferEncoding, Host: h.Host, Trailer: h.Trailer, RemoteAddr: h.RemoteAddr,
		RequestURI: h.RequestURI, TLS: h.TLS, Body: http.NoBody,
	}, nil
}

// encodeTLS carries what handlers and authenticators look at. That the chain is good was found out where the client connected.
func encodeTLS(e *encoder, state *tls.ConnectionState) {
	e.number(uint64(state.Version))
	e.number(uint64(state.CipherSuite))
	e.text(state.NegotiatedProtocol)
	e.text(state.ServerName)
	e.flag(state.DidResume)
	encodeCertificates(e, state.PeerCertificates)
	e.number(uint64(len(state.VerifiedChains)))
	for _, chain := range state.VerifiedChains {
		encodeCertificates(e, chain)
	}
}

func encodeCertificates(e *encoder, certificates []*x509.Certificate) {
	e.number(uint64(len(certificates)))
	for _, one := range certificates {
		e.bytes(one.Raw)
	}
}

func decodeTLS(d *decoder) *tls.ConnectionState {
	state := &tls.ConnectionState{HandshakeComplete: true}
	state.Version, state.CipherSuite = uint16(d.number()), uint16(d.number()) //nolint:gosec // was one
	state.NegotiatedProtocol, state.ServerName = d.text(), d.text()
	state.DidResume = d.flag()
	state.PeerCertificates = decodeCertificates(d)
	for range d.count() {
		state.VerifiedChains = append(state.VerifiedChains, decodeCertificates(d))
	}
	return state
}

func decodeCertificates(d *decoder) (certificates []*x509.Certificate) {
	for range d.count() {
		raw := d.bytes()
		if d.err != nil {
			return nil
		}
		one, err := x509.ParseCertificate(append([]byte(nil), raw...))
		if err != nil {
			d.fail()
			return nil
		}
		certificates = append(certificates, one)
	}
	return certificates
}
