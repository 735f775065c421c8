// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package rpcapi is the front of the use cases for gRPC, gRPC-Web, and Connect.
package rpcapi

import (
	"context"
	"errors"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/timestamppb"

	"goservice.dev/operator/workload/examples/orders/app"
	"goservice.dev/operator/workload/examples/orders/ordersv1"
	"goservice.dev/operator/workload/examples/orders/ordersv1/ordersv1connect"
	"goservice.dev/operator/workload/rpc"
	"goservice.dev/operator/workload/service"
)

// errUnavailable keeps what is wrong with the store from clients.
var errUnavailable = errors.New("the outcome is unknown: repeat the call with the same idempotency key")

type api struct {
	orders *app.Orders
	failed func(ctx context.Context, procedure string, err error)
}

// Register the procedures, health checks, and reflection. Errors that are nobody's input go to failed.
func Register(svc *service.Service, orders *app.Orders, failed func(ctx context.Context, procedure string, err error)) {
	rpc.Handle(rpc.New(svc), ordersv1connect.NewOrdersHandler, ordersv1connect.OrdersHandler(&api{orders, failed}))
}

func (a *api) Place(ctx context.Context, r *connect.Request[ordersv1.PlaceRequest]) (*connect.Response[ordersv1.Order], error) {
	draft := app.Draft{Item: r.Msg.Item, Quantity: int(r.Msg.Quantity)}
	order, err := a.orders.Place(ctx, draft, r.Msg.IdempotencyKey)
	return a.answer(ctx, r, order, err)
}

func (a *api) Get(ctx context.Context, r *connect.Request[ordersv1.GetRequest]) (*connect.Response[ordersv1.Order], error) {
	order, err := a.orders.Find(ctx, r.Msg.Id)
	return a.answer(ctx, r, order, err)
}

func (a *api) Cancel(ctx context.Context, r *connect.Request[ordersv1.CancelRequest]) (*connect.Response[ordersv1.Order], error) {
	order, err := a.orders.Cancel(ctx, r.Msg.Id)
	return a.answer(ctx, r, order, err)
}

func (a *api) answer(ctx context.Context, r connect.AnyRequest, order app.Order, err error) (*connect.Response[ordersv1.Order], error) {
	if err == nil {
		return connect.NewResponse(message(order)), nil
	}
	var invalid *app.InvalidError
	switch {
	case errors.As(err, &invalid):
		return nil, badRequest(invalid)
	case errors.Is(err, app.ErrNotFound):
		return nil, connect.NewError(connect.CodeNotFound, app.ErrNotFound)
	case errors.Is(err, app.ErrKeyReused):
		return nil, connect.NewError(connect.CodeAlreadyExists, app.ErrKeyReused)
	case ctx.Err() != nil: // the client left, or its deadline is over
		return nil, ctx.Err()
	}
	a.failed(ctx, r.Spec().Procedure, err)
	return nil, connect.NewError(connect.CodeUnavailable, errUnavailable)
}

func badRequest(invalid *app.InvalidError) error {
	failure := connect.NewError(connect.CodeInvalidArgument, invalid)
	detail, err := connect.NewErrorDetail(&errdetails.BadRequest{
		FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: invalid.Field, Description: invalid.Rule}},
	})
	if err == nil { // two strings always encode
		failure.AddDetail(detail)
	}
	return failure
}

func message(order app.Order) *ordersv1.Order {
	status := ordersv1.Status_STATUS_PLACED
	if order.Status == app.Canceled {
		status = ordersv1.Status_STATUS_CANCELED
	}
	return &ordersv1.Order{
		Id: order.ID, Item: order.Item, Quantity: int32(order.Quantity), Status: status, PlacedAt: timestamppb.New(order.PlacedAt),
	}
}
