// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rpc

import (
	"net/http"
	"strconv"

	"connectrpc.com/connect"
)

// ok is the code of a call that succeeded; Connect has no name for it.
const ok connect.Code = 0

// codes by their numbers: their names in gRPC's own spelling, and the status of HTTP under which a call counts. The statuses are
// those of the Connect protocol. The ones of 500 and above are exactly the codes that are the server's fault by OpenTelemetry's
// conventions, and 429 is what a rate limit answers.
var codes = [...]struct {
	name   string
	status int
}{
	ok:                             {"OK", http.StatusOK},
	connect.CodeCanceled:           {"CANCELLED", 499},
	connect.CodeUnknown:            {"UNKNOWN", http.StatusInternalServerError},
	connect.CodeInvalidArgument:    {"INVALID_ARGUMENT", http.StatusBadRequest},
	connect.CodeDeadlineExceeded:   {"DEADLINE_EXCEEDED", http.StatusGatewayTimeout},
	connect.CodeNotFound:           {"NOT_FOUND", http.StatusNotFound},
	connect.CodeAlreadyExists:      {"ALREADY_EXISTS", http.StatusConflict},
	connect.CodePermissionDenied:   {"PERMISSION_DENIED", http.StatusForbidden},
	connect.CodeResourceExhausted:  {"RESOURCE_EXHAUSTED", http.StatusTooManyRequests},
	connect.CodeFailedPrecondition: {"FAILED_PRECONDITION", http.StatusBadRequest},
	connect.CodeAborted:            {"ABORTED", http.StatusConflict},
	connect.CodeOutOfRange:         {"OUT_OF_RANGE", http.StatusBadRequest},
	connect.CodeUnimplemented:      {"UNIMPLEMENTED", http.StatusNotImplemented},
	connect.CodeInternal:           {"INTERNAL", http.StatusInternalServerError},
	connect.CodeUnavailable:        {"UNAVAILABLE", http.StatusServiceUnavailable},
	connect.CodeDataLoss:           {"DATA_LOSS", http.StatusInternalServerError},
	connect.CodeUnauthenticated:    {"UNAUTHENTICATED", http.StatusUnauthorized},
}

// known makes UNKNOWN of a number that is no code, as gRPC's clients do.
func known(code connect.Code) connect.Code {
	if int(code) >= len(codes) {
		return connect.CodeUnknown
	}
	return code
}

// codeOf an error; ok if there is none.
func codeOf(err error) connect.Code {
	if err == nil {
		return ok
	}
	return known(connect.CodeOf(err))
}

// fromStatus is the code of a status that the chain or Connect's handler answered with.
func fromStatus(status int) connect.Code {
	switch status {
	case http.StatusBadRequest:
		return connect.CodeInvalidArgument
	case http.StatusUnauthorized:
		return connect.CodeUnauthenticated
	case http.StatusForbidden:
		return connect.CodePermissionDenied
	case http.StatusNotFound, http.StatusNotImplemented:
		return connect.CodeUnimplemented
	case http.StatusGatewayTimeout:
		return connect.CodeDeadlineExceeded
	case http.StatusConflict, http.StatusRequestTimeout: // the client was too slow, and no deadline has passed
		return connect.CodeAborted
	case http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		return connect.CodeResourceExhausted
	case 499:
		return connect.CodeCanceled
	case http.StatusInternalServerError:
		return connect.CodeInternal
	case http.StatusBadGateway, http.StatusServiceUnavailable:
		return connect.CodeUnavailable
	}
	return connect.CodeUnknown
}

// fromTrailer is the code that a gRPC response ends with; false where it has none.
func fromTrailer(header http.Header) (connect.Code, bool) {
	for _, key := range [...]string{http.TrailerPrefix + "Grpc-Status", "Grpc-Status"} {
		if values := header[key]; len(values) > 0 {
			code, err := strconv.ParseUint(values[0], 10, 32)
			if err != nil {
				return connect.CodeUnknown, true
			}
			return known(connect.Code(code)), true
		}
	}
	return ok, false
}
