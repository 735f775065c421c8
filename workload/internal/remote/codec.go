// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package remote

import (
	"encoding/binary"
	"errors"
	"net/http"
)

// errMalformed is the answer to what no version of this package sends. It ends the link.
var errMalformed = errors.New("remote: a frame that cannot be read")

// encoder builds a payload: unsigned numbers as varints, everything else with its length before it.
type encoder []byte

func (e *encoder) number(n uint64) { *e = binary.AppendUvarint(*e, n) }
func (e *encoder) signed(n int64)  { *e = binary.AppendVarint(*e, n) }

func (e *encoder) flag(up bool) {
	if up {
		e.number(1)
	} else {
		e.number(0)
	}
}

func (e *encoder) text(s string) {
	e.number(uint64(len(s)))
	*e = append(*e, s...)
}

func (e *encoder) bytes(b []byte) {
	e.number(uint64(len(b)))
	*e = append(*e, b...)
}

// header keeps what net/http tells apart: a key without values suppresses what the server would add by itself.
func (e *encoder) header(h http.Header) {
	e.number(uint64(len(h)))
	for key, values := range h {
		e.text(key)
		e.number(uint64(len(values)))
		for _, value := range values {
			e.text(value)
		}
	}
}

// decoder reads a payload. After the first error it returns zero values.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail() {
	d.rest, d.err = nil, errMalformed
}

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

func (d *decoder) signed() int64 {
	n, size := binary.Varint(d.rest)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

func (d *decoder) flag() bool { return d.number() != 0 }

// status of HTTP; net/http panics over others.
func (d *decoder) status(least, most uint64) int {
	n := d.number()
	if n < least || n > most || n > 0 && n < 100 {
		d.fail()
		return 0
	}
	return int(n) //nolint:gosec // bounded
}

// bytes are only good as long as the payload.
func (d *decoder) bytes() []byte {
	size := d.number()
	if size > uint64(len(d.rest)) {
		d.fail()
		return nil
	}
	out := d.rest[:size]
	d.rest = d.rest[size:]
	return out
}

func (d *decoder) text() string { return string(d.bytes()) }

// count of things that take at least one byte each, so that nobody is made to reserve memory for what does not come.
func (d *decoder) count() int {
	n := d.number()
	if n > uint64(len(d.rest)) {
		d.fail()
		return 0
	}
	return int(n) //nolint:gosec // bounded
}

func (d *decoder) header() http.Header {
	keys := d.count()
	h := make(http.Header, keys)
	for range keys {
		key := d.text()
		values := d.count()
		if d.err != nil {
			return nil
		}
		if values == 0 {
			h[key] = nil
			continue
		}
		all := make([]string, values)
		for i := range all {
			all[i] = d.text()
		}
		h[key] = all
	}
	if d.err != nil {
		return nil
	}
	return h
}
