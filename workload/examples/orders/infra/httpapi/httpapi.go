// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package httpapi is the HTTP front of the use cases: JSON in and out, errors as application/problem+json.
package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"goservice.dev/operator/workload/examples/orders/app"
	"goservice.dev/operator/workload/problem"
	"goservice.dev/operator/workload/service"
)

const (
	maxBodyBytes = 64 << 10
	keyHeader    = "Idempotency-Key"
	retryAfter   = time.Second
)

// Order as clients see it.
type Order struct {
	ID       string     `json:"id"`
	Item     string     `json:"item"`
	Quantity int        `json:"quantity"`
	Status   app.Status `json:"status"`
	PlacedAt time.Time  `json:"placedAt"`
}

type draft struct {
	Item     string `json:"item"`
	Quantity int    `json:"quantity"`
}

type api struct {
	orders *app.Orders
	failed func(*http.Request, error)
}

// Register the routes. Errors that are nobody's input go to failed.
func Register(svc *service.Service, orders *app.Orders, failed func(*http.Request, error)) {
	a := &api{orders, failed}
	svc.HandleFunc("POST /orders", a.place)
	svc.HandleFunc("GET /orders/{id}", a.show)
	svc.HandleFunc("POST /orders/{id}/cancel", a.cancel)
}

func (a *api) place(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	if err != nil { // too large, too slow, or gone; not to be taken for bad JSON
		problem.Body(w, err)
		return
	}
	wanted, err := decode(content)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	order, err := a.orders.Place(r.Context(), app.Draft(wanted), r.Header.Get(keyHeader))
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	w.Header().Set("Location", "/orders/"+order.ID)
	answer(w, http.StatusCreated, order)
}

func (a *api) show(w http.ResponseWriter, r *http.Request) {
	order, err := a.orders.Find(r.Context(), r.PathValue("id"))
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	answer(w, http.StatusOK, order)
}

func (a *api) cancel(w http.ResponseWriter, r *http.Request) {
	order, err := a.orders.Cancel(r.Context(), r.PathValue("id"))
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	answer(w, http.StatusOK, order)
}

// decode takes exactly one JSON object.
func decode(content []byte) (wanted draft, err error) {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&wanted); err != nil {
		return wanted, bodyError(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return wanted, &app.InvalidError{Field: "body", Rule: "must be one JSON object with nothing after it"}
	}
	return wanted, nil
}

// bodyError is in the client's words, where the decoder's are about Go.
func bodyError(err error) error {
	var wrongType *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &wrongType) && wrongType.Field != "":
		return &app.InvalidError{Field: wrongType.Field, Rule: fmt.Sprintf("must not be a JSON %s", wrongType.Value)}
	case errors.As(err, &wrongType):
		return &app.InvalidError{Field: "body", Rule: "must be a JSON object, is a JSON " + wrongType.Value}
	case errors.As(err, &syntax):
		return &app.InvalidError{Field: "body", Rule: fmt.Sprintf("must be JSON: byte %d is not", syntax.Offset)}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &app.InvalidError{Field: "body", Rule: "must be one whole JSON object"}
	}
	return &app.InvalidError{Field: "body", Rule: err.Error()} // an unknown field, by its name
}

func (a *api) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var invalid *app.InvalidError
	switch {
	case errors.As(err, &invalid):
		problem.Invalid(w, invalid.Field, invalid.Rule)
	case errors.Is(err, app.ErrNotFound):
		problem.Write(w, problem.Details{Status: http.StatusNotFound, Field: "id", Rule: "must be the id of an order"})
	case errors.Is(err, app.ErrKeyReused):
		problem.Write(w, problem.Details{
			Status: http.StatusUnprocessableEntity, Field: app.KeyField, Rule: "must not be used for another order", Detail: err.Error(),
		})
	case errors.Is(r.Context().Err(), context.Canceled): // nobody reads the answer; this is how the metrics show it
		w.WriteHeader(problem.StatusClientLeft)
	default:
		// The store is away or slow. Whether the order is placed is unknown, so the client must repeat the request.
		a.failed(r, err)
		problem.RetryAfter(w.Header(), retryAfter)
		problem.Write(w, problem.Details{
			Status: http.StatusServiceUnavailable, Reason: "store_unavailable",
			Detail: "the outcome is unknown: repeat the request with the same " + keyHeader,
		})
	}
}

func answer(w http.ResponseWriter, status int, order app.Order) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Order{order.ID, order.Item, order.Quantity, order.Status, order.PlacedAt}) // the client may be gone
}
