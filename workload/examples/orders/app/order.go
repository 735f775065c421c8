// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package app holds what orders are about: the order, its use cases, and the ports that they need. It knows neither HTTP nor a
// database; adapters live in infra, and main connects them.
package app

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// MaxItemLength of an order's item in characters.
	MaxItemLength = 200
	// MaxQuantity of one order.
	MaxQuantity = 1000
	// MaxKeyLength of an idempotency key in bytes.
	MaxKeyLength = 255
)

// Status of an order.
type Status string

// An order is placed and may be canceled.
const (
	Placed   Status = "placed"
	Canceled Status = "canceled"
)

// Order of some quantity of one item.
type Order struct {
	// ID is given by the service; IDs sort by the time at which they were given.
	ID       string
	Item     string
	Quantity int
	Status   Status
	// Version is 1 for a new order and rises by one with each change.
	Version int
	// PlacedAt has a precision of microseconds.
	PlacedAt time.Time
}

// Draft is what a client asks for.
type Draft struct {
	// Item is 1 to MaxItemLength characters.
	Item string
	// Quantity is 1 to MaxQuantity.
	Quantity int
}

func (d Draft) check() error {
	switch length := utf8.RuneCountInString(d.Item); {
	case strings.TrimSpace(d.Item) == "":
		return &InvalidError{"item", "must not be empty"}
	case !utf8.ValidString(d.Item) || strings.ContainsRune(d.Item, 0):
		return &InvalidError{"item", "must be text in UTF-8 without NUL"}
	case length > MaxItemLength:
		return &InvalidError{"item", fmt.Sprintf("must have at most %d characters, has %d", MaxItemLength, length)}
	case d.Quantity < 1 || d.Quantity > MaxQuantity:
		return &InvalidError{"quantity", fmt.Sprintf("must be 1 to %d, is %d", MaxQuantity, d.Quantity)}
	}
	return nil
}

func checkKey(key string) error {
	if len(key) > MaxKeyLength {
		return &InvalidError{KeyField, fmt.Sprintf("must have at most %d bytes, has %d", MaxKeyLength, len(key))}
	}
	for _, c := range []byte(key) {
		if c < ' ' || c > '~' {
			return &InvalidError{KeyField, "must be printable ASCII"}
		}
	}
	return nil
}
