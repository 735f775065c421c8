// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package exchange

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// bufferedBytes of a response wait in net/http's buffers until the handler has returned: writing them cannot block.
	bufferedBytes = 4 << 10
	// pieceBytes are written at a time, so that a client that takes a long response slowly is told from one that has stopped.
	pieceBytes = 64 << 10
	// copyBytes of other readers than files are copied at a time.
	copyBytes = 32 << 10
	// answerTime is how long a response may take once its handler has returned, or its request could not be read.
	answerTime = 10 * time.Second
)

// response is what is known of the response.
type response struct {
	status   int
	written  int64
	writeErr error
	writes   atomic.Pointer[watch]
	// lifted says that the server's own deadlines no longer hold, ownRead and ownWrite that the handler sets its own. The
	// request may be read in another goroutine than the one that writes the response.
	lifted, ownRead, ownWrite atomic.Bool
}

// Status under which the exchange counts: the one of the call where its protocol has results of its own, else the response's.
func (e *Exchange) Status() int {
	if e.Call != nil && e.Call.Status != 0 {
		return e.Call.Status
	}
	return e.Sent()
}

// Sent is the status of the response; 200 when the handler has not said otherwise.
func (e *Exchange) Sent() int {
	if e.status == 0 {
		return http.StatusOK
	}
	return e.status
}

// Started reports whether the response's head is written, so that its status cannot change any more.
func (e *Exchange) Started() bool { return e.status != 0 }

// Written is the number of bytes of the response's body.
func (e *Exchange) Written() int64 { return e.written }

// WriteErr is why the response could not be written: the client has left, or takes it too slowly. Nil if it could.
func (e *Exchange) WriteErr() error { return e.writeErr }

// Truncated reports whether the response has fewer bytes than its head declares.
func (e *Exchange) Truncated() bool {
	if e.status == 0 || e.status == http.StatusNotModified || e.request.Method == http.MethodHead || e.Streaming() {
		return false
	}
	declared := e.writer.Header()["Content-Length"]
	if len(declared) != 1 {
		return false
	}
	length, err := strconv.ParseInt(declared[0], 10, 64)
	return err == nil && e.written < length
}

// Header of the response.
func (e *Exchange) Header() http.Header { return e.writer.Header() }

// WriteHeader remembers the final status; informational ones pass.
func (e *Exchange) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		e.head(status)
	}
	e.writer.WriteHeader(status)
}

// head notes the status as long as there is none. A server that stops sends HTTP/1.1 clients away.
func (e *Exchange) head(status int) {
	if e.status != 0 {
		return
	}
	e.status = status
	if e.owner != nil && !e.visits && e.request.ProtoMajor < 2 && e.leaving() {
		e.writer.Header().Set("Connection", "close")
	}
}

func (e *Exchange) Write(data []byte) (int, error) {
	e.head(http.StatusOK)
	if e.written+int64(len(data)) <= bufferedBytes {
		n, err := e.writer.Write(data)
		return n, e.wrote(int64(n), err)
	}
	total := 0
	for {
		piece := data[:min(len(data), pieceBytes)]
		e.beginWrite()
		n, err := e.writer.Write(piece)
		e.endWrite()
		total, data = total+n, data[n:]
		if err := e.wrote(int64(n), err); err != nil || len(data) == 0 {
			return total, err
		}
	}
}

// WriteString saves the copy that Write would need.
func (e *Exchange) WriteString(data string) (int, error) {
	e.head(http.StatusOK)
	if e.written+int64(len(data)) <= bufferedBytes {
		n, err := io.WriteString(e.writer, data)
		return n, e.wrote(int64(n), err)
	}
	total := 0
	for {
		piece := data[:min(len(data), pieceBytes)]
		e.beginWrite()
		n, err := io.WriteString(e.writer, piece)
		e.endWrite()
		total, data = total+n, data[n:]
		if err := e.wrote(int64(n), err); err != nil || len(data) == 0 {
			return total, err
		}
	}
}

func (e *Exchange) wrote(n int64, err error) error {
	e.written += n
	if err != nil && e.writeErr == nil && !isMisuse(err) {
		e.writeErr = err
	}
	return err
}

// isMisuse tells the handler's mistakes from a client that cannot be written to.
func isMisuse(err error) bool {
	return err == http.ErrBodyNotAllowed || err == http.ErrContentLength || err == http.ErrHijacked //nolint:errorlint // net/http returns them bare
}

var copyBuffers = sync.Pool{New: func() any { return new([copyBytes]byte) }}

// ReadFrom keeps the server's sendfile path for files. Other readers may wait themselves, which is not to be taken for a slow
// client.
func (e *Exchange) ReadFrom(source io.Reader) (int64, error) {
	limited, ok := source.(*io.LimitedReader)
	if !ok {
		limited = &io.LimitedReader{R: source, N: 1<<63 - 1}
	}
	to, ok := e.writer.(io.ReaderFrom)
	if _, isFile := limited.R.(*os.File); !ok || !isFile {
		buffer := copyBuffers.Get().(*[copyBytes]byte)
		defer copyBuffers.Put(buffer)
		return io.CopyBuffer(onlyWriter{e}, onlyReader{source}, buffer[:])
	}
	e.head(http.StatusOK)
	total := int64(0)
	for limited.N > 0 {
		piece := io.LimitedReader{R: limited.R, N: min(limited.N, pieceBytes)}
		want := piece.N
		e.beginWrite()
		n, err := to.ReadFrom(&piece)
		e.endWrite()
		limited.N -= n
		total += n
		if err := e.wrote(n, err); err != nil || n < want {
			return total, err
		}
	}
	return total, nil
}

// onlyWriter and onlyReader keep io.CopyBuffer from asking for ReadFrom or WriteTo again.
type onlyWriter struct{ io.Writer }

type onlyReader struct{ io.Reader }

// Flush serves the handlers that ask for an http.Flusher instead of a ResponseController.
func (e *Exchange) Flush() { _ = e.FlushError() }

// FlushError sends what is buffered. A response whose type is one of a stream becomes one.
func (e *Exchange) FlushError() error {
	e.head(http.StatusOK)
	begins := !e.Streaming() && !e.Unary && isStream(e.writer.Header())
	if begins {
		e.Stream()
	}
	e.beginWrite()
	var err error
	if begins && e.request.ProtoMajor == 1 {
		err = e.flushElsewhere()
	} else {
		err = http.NewResponseController(e.writer).Flush()
	}
	e.endWrite()
	return e.wrote(0, err)
}

// flushElsewhere keeps the stack of a stream small. With the head, net/http needs 3 KiB of it: a handler that is deep in the chain
// would grow its stack to 16 KiB for that, and keep them for as long as the stream lasts.
func (e *Exchange) flushElsewhere() error {
	flushed := make(chan error, 1)
	go func() { flushed <- http.NewResponseController(e.writer).Flush() }()
	return <-flushed
}

// Hijack takes the connection over; the exchange becomes a stream that lasts until the connection is closed.
func (e *Exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	connection, buffer, err := http.NewResponseController(e.writer).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if e.status == 0 {
		e.status = http.StatusSwitchingProtocols // what is said from now on is not seen here
	}
	e.ownRead.Store(true)
	e.ownWrite.Store(true)
	e.Stream()
	e.stream.Load().hijacked(e, connection)
	return connection, buffer, nil
}

// Push serves an http.Pusher of HTTP/2.
func (e *Exchange) Push(target string, options *http.PushOptions) error {
	if pusher, ok := e.writer.(http.Pusher); ok {
		return pusher.Push(target, options)
	}
	return http.ErrNotSupported
}

// CloseNotify serves routers that still ask for it.
func (e *Exchange) CloseNotify() <-chan bool {
	if notifier, ok := e.writer.(interface{ CloseNotify() <-chan bool }); ok {
		return notifier.CloseNotify()
	}
	return make(chan bool)
}

// SetReadDeadline and SetWriteDeadline serve http.ResponseController. The handler's own deadlines replace those of the chain.
func (e *Exchange) SetReadDeadline(deadline time.Time) error {
	err := http.NewResponseController(e.writer).SetReadDeadline(deadline)
	if err == nil {
		e.ownRead.Store(true)
	}
	return err
}

// SetWriteDeadline is described at SetReadDeadline.
func (e *Exchange) SetWriteDeadline(deadline time.Time) error {
	err := http.NewResponseController(e.writer).SetWriteDeadline(deadline)
	if err == nil {
		e.ownWrite.Store(true)
	}
	return err
}

// Unwrap serves http.ResponseController for everything else.
func (e *Exchange) Unwrap() http.ResponseWriter { return e.writer }

// lift removes the server's own deadlines, which are of the whole exchange. From then on progress is watched.
func (e *Exchange) lift() {
	if e.lifted.Swap(true) || e.visits { // the exchange of the pod that has the client lifts them, and watches the client from then on
		return
	}
	control := http.NewResponseController(e.writer)
	if !e.ownRead.Load() {
		_ = control.SetReadDeadline(time.Time{})
	}
	if !e.ownWrite.Load() {
		_ = control.SetWriteDeadline(time.Time{})
	}
}

// HandlerReturned bounds the writing of what is left in the server's buffers, and the reading of a body that the handler has left:
// a server of HTTP/1.1 reads some of it before it answers. It is for the server.
func (e *Exchange) HandlerReturned() {
	e.head(http.StatusOK)
	if lifted := e.lifted.Swap(true); !lifted && !e.ownRead.Load() || e.hijacked() { // nobody lifts what is set here
		return
	}
	control, now := http.NewResponseController(e.writer), time.Now()
	if e.request.ProtoMajor == 1 && e.body.source != nil && !e.body.ended.Load() {
		_ = control.SetReadDeadline(now.Add(answerTime / 2)) // which leaves the other half for the answer
	}
	if !e.ownWrite.Load() {
		_ = control.SetWriteDeadline(now.Add(answerTime))
	}
}
