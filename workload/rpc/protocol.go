// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rpc

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/durationpb"

	"goservice.dev/operator/workload/problem"
)

// Systems, as OpenTelemetry's conventions call them. gRPC-Web is gRPC there.
const (
	systemGRPC    = "grpc"
	systemConnect = "connectrpc"
)

// systemOf a request, and whether its results are in trailers as gRPC's are.
func systemOf(r *http.Request) (system string, trailers bool) {
	switch kind := r.Header.Get("Content-Type"); {
	case !strings.HasPrefix(kind, "application/grpc"):
		return systemConnect, false
	case strings.HasPrefix(kind, "application/grpc-web"):
		return systemGRPC, false
	}
	return systemGRPC, true
}

// Timeout implements service.Protocol. One that cannot be read is Connect's to answer.
func (r *Registry) Timeout(request *http.Request) (time.Duration, bool) {
	if value := request.Header.Get("Grpc-Timeout"); value != "" {
		return grpcTimeout(value)
	}
	value := request.Header.Get("Connect-Timeout-Ms")
	if value == "" || len(value) > 10 { // as the protocol demands
		return 0, false
	}
	milliseconds, err := strconv.ParseUint(value, 10, 63)
	return time.Duration(milliseconds) * time.Millisecond, err == nil
}

// grpcTimeout reads at most eight digits and a unit.
func grpcTimeout(value string) (time.Duration, bool) {
	units := map[byte]time.Duration{
		'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
	}
	digits, unit := value[:len(value)-1], units[value[len(value)-1]]
	if unit == 0 || len(digits) > 8 {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return 0, false
	}
	const longest = 1<<63 - 1
	if number > uint64(longest/unit) {
		return longest, true
	}
	return time.Duration(number) * unit, true
}

// Answer implements service.Protocol: what the chain has to say, such as that the rate limit is reached, as an error of the
// protocol that the client speaks. If the client has to wait, the error says for how long, twice: as a RetryInfo and in the
// trailer grpc-retry-pushback-ms, which gRPC's own retries follow.
func (r *Registry) Answer(w http.ResponseWriter, request *http.Request, details problem.Details) {
	detail := details.Detail
	if detail == "" {
		detail = details.Title
	}
	code := fromStatus(details.Status)
	failure := connect.NewError(code, errors.New(detail))
	if seconds, err := strconv.Atoi(w.Header().Get("Retry-After")); err == nil {
		wait := time.Duration(seconds) * time.Second
		if info, err := connect.NewErrorDetail(&errdetails.RetryInfo{RetryDelay: durationpb.New(wait)}); err == nil {
			failure.AddDetail(info)
		}
		if system, _ := systemOf(request); system == systemGRPC {
			failure.Meta().Set("Grpc-Retry-Pushback-Ms", strconv.FormatInt(wait.Milliseconds(), 10))
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	r.procedure(request.URL.Path).ended(request, code, details.Status, nil)
	_ = r.errors.Write(w, request, failure) // whoever does not read it has left
}
