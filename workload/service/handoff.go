// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"goservice.dev/operator/workload/internal/exchange"
	"goservice.dev/operator/workload/internal/handoff"
	"goservice.dev/operator/workload/internal/peers"
	"goservice.dev/operator/workload/internal/remote"
	"goservice.dev/operator/workload/problem"
)

// keysPause is how often a folder without keys is looked at: a Secret may come after the pod.
const keysPause = 5 * time.Second

// sharing is the queue that the pods of the service share.
type sharing struct {
	stop  context.CancelFunc
	ended chan struct{}
}

// shares reports whether the environment names other pods.
func (s *Service) shares() bool { return len(s.config.PeersNames) > 0 }

// shareQueue links this pod with the others of its service, if the environment names them. It ends with endSharing.
func (s *Service) shareQueue() {
	if !s.shares() {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	s.sharing = &sharing{stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(s.sharing.ended)
		s.link(ctx)
	}()
}

// link runs the mesh as soon as there are keys, until ctx ends.
func (s *Service) link(ctx context.Context) {
	keys := s.peersKeys(ctx)
	if keys == nil {
		return
	}
	mesh := peers.NewMesh(peers.Config{
		Self: peers.Hello{ID: cmp.Or(s.config.Pod, rand.Text()), Host: s.config.PodIP, Zone: s.config.Zone}, Keys: keys,
		Address: net.JoinHostPort(s.config.PodIP, strconv.Itoa(int(s.config.PeersPort))), Port: s.config.PeersPort,
		Resolve: s.peersHosts, Linked: s.broker.Linked, Logger: s.logger,
	})
	if err := mesh.Listen(ctx); err != nil {
		s.logger.Error("the queue is not shared with other pods", "error", err)
		return
	}
	mesh.Run(ctx)
}

// peersHosts are the addresses of all names.
func (s *Service) peersHosts(ctx context.Context) (hosts []string, err error) {
	for _, name := range s.config.PeersNames {
		some, err := net.DefaultResolver.LookupHost(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		hosts = append(hosts, some...)
	}
	return hosts, nil
}

func (s *Service) peersKeys(ctx context.Context) *peers.Keys {
	told := false
	for {
		keys, err := peers.OpenKeys(s.config.PeersKeys, func(err error) {
			s.logger.Warn("new keys for peers refused, the last good ones stay", "error", err)
		})
		if err == nil {
			return keys
		}
		if !told {
			told = true
			s.logger.Warn("the queue is not shared with other pods until there are keys", "folder", s.config.PeersKeys, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(keysPause):
		}
	}
}

// endSharing ends all links; calls that still run break.
func (s *Service) endSharing() {
	if s.sharing != nil {
		s.sharing.stop()
		<-s.sharing.ended
	}
}

// movable reports whether another pod may run the request. What takes over the connection cannot move, and nothing moves twice.
func (rt *route) movable(e *exchange.Exchange, r *http.Request) bool {
	return rt.service.shares() && !rt.inForce.Load().stays && !e.Visits() && r.Header["Upgrade"] == nil && r.Method != http.MethodConnect
}

// peerGone is a failure, not a rejection: the request may have run.
var peerGone = problem.Details{
	Status: http.StatusBadGateway, Reason: "peer_gone", Detail: "the pod that ran the request is gone; it is not known whether it has run",
}

// handOver answers the request by another pod, if that is what the pool's error says. It reports false if the request has not run.
func (rt *route) handOver(e *exchange.Exchange, r *http.Request, grant *handoff.Grant) bool {
	head := remote.HeadOf(r)
	head.Trace, head.RequestID, head.Waited = e.Trace, e.RequestID, e.Age()
	if deadline, ok := e.Deadline(); ok {
		head.Left = max(1, time.Until(deadline))
	}
	if small, ok := r.Body.(*smallBody); ok {
		head.Body, head.Whole = small.rest, true
	} else if r.ContentLength == 0 {
		head.Whole = true
	}
	outcome, err := grant.Run(e.Client(), e, r, head, func() context.Context {
		e.Stream()
		return e // which has no deadline any more
	})
	if outcome.Rejected != "" {
		e.Rejected = outcome.Rejected
	}
	e.Told = e.Told || outcome.Told
	switch {
	case errors.Is(err, remote.ErrGone):
		return false
	case err != nil && e.Started(), outcome.Aborted:
		panic(http.ErrAbortHandler)
	case err != nil:
		problem.Write(e, peerGone)
	case e.Call != nil && outcome.Status != 0:
		e.Call.Code, e.Call.Status = outcome.Code, outcome.Status
	}
	return true
}

// serveVisit runs a request of another pod on a worker that was taken for it.
func (s *Service) serveVisit(call *remote.Incoming, w http.ResponseWriter, r *http.Request) {
	s.held.Add(1)
	e, _, end := s.ports.public.Visit(w, r, call)
	defer end()
	e.RequestID = call.Head.RequestID
	e.Hold(s.release)
	defer e.LetGo()
	if left := call.Head.Left; left > 0 {
		e.LimitTo(e.Start.Add(left))
	}
	s.telemetry.Visit(e, call.Head.Trace, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s.route(e, r, http.HandlerFunc(s.dispatch))
	}))
	call.Rejected, call.Told = e.Rejected, e.Told
	if e.Call != nil {
		call.Code, call.Status = e.Call.Code, e.Call.Status
	}
}

// handOffCollector reads the broker when it is scraped.
type handOffCollector struct{ service *Service }

var (
	handOffRequests = prometheus.NewDesc("goservice_hand_off_requests_total",
		"How often a request that waited (waiting) or would have been refused (no_room) moved to another pod (moved), came to one whose invitation was over (missed), "+
			"came back because its worker was gone (returned), ended with the link (broken), or was offered and taken by nobody in time (declined).",
		[]string{"reason", "result"}, nil)
	handOffTaken   = prometheus.NewDesc("goservice_hand_off_taken_total", "Requests of other pods that ran here.", nil, nil)
	handOffWorkers = prometheus.NewDesc("goservice_hand_off_workers_total",
		"Workers of other pods that were given to requests of this one (granted), and workers of this one that another pod had no use for any more (unused).",
		[]string{"result"}, nil)
	handOffAsked  = prometheus.NewDesc("goservice_hand_off_asked_total", "How often another pod was told of requests that wait here.", nil, nil)
	handOffTokens = prometheus.NewDesc("goservice_hand_off_tokens_total",
		"Tokens of a shared rate limit that other pods gave to this one (received), and that this one gave to others (given).", []string{"result"}, nil)
	handOffTokensAsked = prometheus.NewDesc("goservice_hand_off_tokens_asked_total", "How often another pod was asked for tokens of a shared rate limit.", nil, nil)
	handOffHop         = prometheus.NewDesc("goservice_hand_off_hop_seconds", "What moving a request costs in time, smoothed.", nil, nil)
	handOffPeers       = prometheus.NewDesc("goservice_hand_off_peers", "Pods of the service with which this one is linked.", nil, nil)
)

func (c handOffCollector) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{handOffRequests, handOffTaken, handOffWorkers, handOffAsked, handOffTokens, handOffTokensAsked, handOffHop, handOffPeers} {
		to <- desc
	}
}

func (c handOffCollector) Collect(to chan<- prometheus.Metric) {
	if !c.service.shares() {
		return
	}
	n := c.service.broker.Counters()
	count := func(desc *prometheus.Desc, value uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value), labels...)
	}
	for result, number := range map[string]handoff.ByReason{"moved": n.Moved, "missed": n.Missed, "returned": n.Returned, "broken": n.Broken} {
		count(handOffRequests, number.Waiting, "waiting", result)
		count(handOffRequests, number.NoRoom, "no_room", result)
	}
	count(handOffRequests, n.Declined, "no_room", "declined")
	count(handOffTaken, n.Taken)
	count(handOffWorkers, n.Granted, "granted")
	count(handOffWorkers, n.Unused, "unused")
	count(handOffAsked, n.Asked)
	count(handOffTokens, n.Received, "received")
	count(handOffTokens, n.Given, "given")
	count(handOffTokensAsked, n.AskedTokens)
	to <- prometheus.MustNewConstMetric(handOffHop, prometheus.GaugeValue, c.service.broker.Hop().Seconds())
	to <- prometheus.MustNewConstMetric(handOffPeers, prometheus.GaugeValue, float64(c.service.broker.Peers()))
}
