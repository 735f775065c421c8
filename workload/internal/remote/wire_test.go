// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package remote

import (
	"bytes"
	"encoding/hex"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"goservice.dev/operator/workload/internal/exchange"
)

// Pods of two builds serve side by side during a rollout. What is written here is what builds that run somewhere send: a field may be added
// behind, and a frame of a new kind; none may change.
func TestWhatOtherBuildsSendKeepsItsForm(t *testing.T) {
	head := &Head{
		Method: "POST", RequestURI: "/a?b", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Host: "h", RemoteAddr: "[::1]:80",
		ContentLength: 4, TransferEncoding: []string{"chunked"}, Header: http.Header{"A": {"1", "2"}}, Trailer: http.Header{"Sum": nil},
		Body: []byte("body"), Whole: true, Left: time.Second, Waited: time.Millisecond, RequestID: "id",
		Trace: exchange.TraceContext{TraceID: [16]byte{1}, SpanID: [8]byte{2}, Sampled: true, State: "s"},
	}
	const sent = "0e04504f5354042f613f6208485454502f312e310168085b3a3a315d3a3830026964017310010000000000000000000000000000000802000000000000000" +
		"1010880a8d6b90780897a01076368756e6b65640101410201310132010353756d0004626f6479"
	var e encoder
	head.encode(&e)
	if got := hex.EncodeToString(e); got != sent {
		t.Errorf("a head is sent as\n%s,\nnot as\n%s", got, sent)
	}
	was, err := hex.DecodeString(sent)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeHead(&decoder{rest: append(was, 1, 2, 3)}) // a later build says more
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(head, got, cmpopts.EquateComparable(exchange.TraceContext{})); diff != "" {
		t.Error(diff)
	}
	kinds := []byte{
		kindBegin, kindBody, kindTaken, kindLeft, kindFailed, kindLeaving, kindStopped, kindTry,
		kindInfo, kindAnswer, kindData, kindFlush, kindRead, kindDuplex, kindReadDeadline, kindWriteDeadline, kindStream, kindEnd, kindGone, kindPart,
	}
	want := []byte{64, 65, 66, 67, 68, 69, 70, 71, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91}
	if !bytes.Equal(kinds, want) {
		t.Errorf("frames are of the kinds\n%v,\nnot\n%v", kinds, want)
	}
}
