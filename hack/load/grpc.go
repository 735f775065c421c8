// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
)

// defaultCallConnections are those of callers that keep them.
const defaultCallConnections = 8

// caller makes unary gRPC calls of an empty message with the library that most Go programs use, and its defaults.
type caller struct {
	target, method string
	kept           []*grpc.ClientConn // none: a new connection for each call
	turn           atomic.Uint64
}

// newCaller calls the method that the URL's path names, such as http://orders.shop.svc:8080/shop.Orders/Place.
func newCaller(address string, connections int, fresh bool) (*caller, error) {
	at, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	c := &caller{target: at.Host, method: at.Path}
	if at.Port() == "" { // gRPC's own would be 443
		c.target = net.JoinHostPort(at.Hostname(), "80")
	}
	if fresh {
		return c, nil
	}
	if connections == 0 {
		connections = defaultCallConnections
	}
	for range connections {
		connection, err := c.connect()
		if err != nil {
			return nil, errors.Join(err, c.close())
		}
		c.kept = append(c.kept, connection)
	}
	return c, nil
}

func (c *caller) connect() (*grpc.ClientConn, error) {
	return grpc.NewClient(c.target, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

func (c *caller) call(ctx context.Context) error {
	if len(c.kept) > 0 {
		return c.kept[c.turn.Add(1)%uint64(len(c.kept))].Invoke(ctx, c.method, &emptypb.Empty{}, &emptypb.Empty{})
	}
	connection, err := c.connect()
	if err != nil {
		return err
	}
	return errors.Join(connection.Invoke(ctx, c.method, &emptypb.Empty{}, &emptypb.Empty{}), connection.Close())
}

func (c *caller) close() error {
	var errs []error
	for _, connection := range c.kept {
		errs = append(errs, connection.Close())
	}
	return errors.Join(errs...)
}
