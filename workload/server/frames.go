// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package server

// Frames of HTTP/2 (RFC 9113, section 4.1).
const (
	frameHead = 9

	typeHeaders      = 0x1
	typePushPromise  = 0x5
	typeContinuation = 0x9
	flagEndHeaders   = 0x4
)

// firstGoAway names the highest possible stream and no error.
var firstGoAway = [frameHead + 8]byte{
	0, 0, 8, 0x7, 0, 0, 0, 0, 0, // length, type GOAWAY, flags, stream
	0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0, // last stream, code
}

// frames follows the frames that are written, to know when none is half-written.
type frames struct {
	head    [frameHead]byte
	have    int // bytes of the head
	payload int // bytes still to come
	any     bool
	block   bool // within a block of headers, which nothing may interrupt
}

func (f *frames) follow(written []byte) {
	for len(written) > 0 {
		if f.payload > 0 {
			n := min(f.payload, len(written))
			f.payload -= n
			written = written[n:]
			continue
		}
		n := copy(f.head[f.have:], written)
		f.have += n
		written = written[n:]
		if f.have < frameHead {
			return
		}
		f.have, f.any = 0, true
		f.payload = int(f.head[0])<<16 | int(f.head[1])<<8 | int(f.head[2])
		switch f.head[3] {
		case typeHeaders, typePushPromise, typeContinuation:
			f.block = f.head[4]&flagEndHeaders == 0
		}
	}
}

// between reports whether another frame may be written now. The first one must be the server's settings.
func (f *frames) between() bool { return f.any && f.have == 0 && f.payload == 0 && !f.block }
