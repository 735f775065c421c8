// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"

	"goservice.dev/operator/workload/problem"
)

const (
	maxOrderBytes = 64 << 10
	maxQuantity   = 1000
	maxOrders     = 10_000
)

type order struct {
	ID       string `json:"id"`
	Item     string `json:"item"`
	Quantity int    `json:"quantity"`
}

// book keeps the newest orders in memory; a real one would keep them in a database.
type book struct {
	mu     sync.Mutex
	next   int
	orders map[string]order
}

func newBook() *book { return &book{orders: map[string]order{}} }

func (b *book) place(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		problem.Body(w, err)
		return
	}
	var wanted order
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&wanted); err != nil {
		problem.Invalid(w, "body", err.Error())
		return
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		problem.Invalid(w, "body", "must be one JSON object, more follows it")
		return
	}
	switch {
	case wanted.ID != "":
		problem.Invalid(w, "id", "is given by the service")
		return
	case wanted.Item == "":
		problem.Invalid(w, "item", "must be given")
		return
	case wanted.Quantity < 1 || wanted.Quantity > maxQuantity:
		problem.Invalid(w, "quantity", "must be 1 to "+strconv.Itoa(maxQuantity))
		return
	}
	placed := b.add(wanted)
	w.Header().Set("Location", "/orders/"+placed.ID)
	answer(w, http.StatusCreated, placed)
}

func (b *book) add(o order) order {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	o.ID = strconv.Itoa(b.next)
	b.orders[o.ID] = o
	delete(b.orders, strconv.Itoa(b.next-maxOrders))
	return o
}

func (b *book) show(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	found, ok := b.orders[r.PathValue("id")]
	b.mu.Unlock()
	if !ok {
		problem.Write(w, problem.Details{Status: http.StatusNotFound, Field: "id", Rule: "must be the id of an order"})
		return
	}
	answer(w, http.StatusOK, found)
}

func answer(w http.ResponseWriter, status int, o order) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(o)
}
