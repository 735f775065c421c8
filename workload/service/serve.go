// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"goservice.dev/operator/workload/drain"
	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/server"
)

// Shares of the drain's budget. The settling ends early when all clients have left, and what one step does not need, the
// next ones have.
const (
	maxSettle      = 2 * time.Second
	settleFraction = 4 // of the budget
	jobsReserve    = 500 * time.Millisecond
	flushReserve   = time.Second
	adminReserve   = 250 * time.Millisecond

	backgroundReserve = 500 * time.Millisecond
	stopReserve       = time.Second

	// giveUpTimeout is the budget of a service whose configuration names none that can be used.
	giveUpTimeout = 10 * time.Second
)

// ports are the servers of one service.
type ports struct {
	public, admin, profiling *server.Server
}

// Serve listens, answers requests until ctx ends, drains, and returns nil if nothing was lost. It can be called once.
func (s *Service) Serve(ctx context.Context) error {
	if s.err != nil {
		return s.giveUp(s.err)
	}
	following, stopFollowing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopFollowing()
	watcher := s.watcher()
	if watcher != nil {
		watcher.Load() // before the first request
	}
	if err := s.listen(ctx); err != nil {
		return s.giveUp(err)
	}
	failed := make(chan error, 3)
	serve := func(one *server.Server) { go func() { failed <- one.Serve() }() }
	for _, one := range s.ports.private() {
		serve(one)
	}
	close(s.listening)
	s.shareQueue()
	defer s.endSharing()
	left, err := s.starting(ctx)
	if err != nil || ctx.Err() != nil { // the public port never served
		s.ports.public.Abandon()
		return s.stop(left, err)
	}
	s.background.start()
	for _, d := range s.dependencies {
		go d.watch(s.background.early) // ends when the drain begins
	}
	serve(s.ports.public)
	if watcher != nil {
		go watcher.Run(following)
	}
	s.state.Store(stateReady)
	s.takeWhileReady()
	s.logger.Info("ready", "address", s.Address().String(), "admin", s.AdminAddress().String(), "revision", s.live.Revision(),
		"after_ms", milliseconds(time.Since(s.started)))
	var broken error
	select {
	case <-ctx.Done():
	case broken = <-failed:
	case broken = <-s.background.broken:
	}
	outcome := s.drain()
	if broken == nil {
		broken = s.background.failure() // essential work may also fail at its end
	}
	if broken == nil && outcome.Cut > 0 {
		broken = fmt.Errorf("%d requests or jobs were cut at the end of %s: %s", outcome.Cut, s.config.DrainTimeout, outcome)
	}
	return errors.Join(broken, s.lifecycle.err())
}

// giveUp runs the OnStop hooks of a service that could not even listen.
func (s *Service) giveUp(err error) error {
	s.config.DrainTimeout = cmp.Or(max(s.config.DrainTimeout, 0), giveUpTimeout) // it may be what is wrong
	s.ports = ports{}
	close(s.listening) // whoever waits for an address waits in vain
	drain.Run(context.Background(), s.config.DrainTimeout, s.last(nil)...)
	return errors.Join(err, s.lifecycle.err())
}

// stop ends a service that did not come as far as to serve: because a hook failed with err, or because it was told to stop.
func (s *Service) stop(left <-chan error, err error) error {
	s.state.Store(stateDraining)
	report := drain.Run(context.Background(), s.config.DrainTimeout, s.last(left)...)
	s.logger.Info(report.String(), "started", false)
	return errors.Join(err, s.lifecycle.err())
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Address of the service's port; it waits until Serve has bound it, and is nil if Serve could not. It is served once the OnStart hooks
// are through.
func (s *Service) Address() net.Addr {
	return s.bound(func(p ports) *server.Server { return p.public })
}

// AdminAddress of the admin port; it waits until Serve listens, and is nil if Serve could not.
func (s *Service) AdminAddress() net.Addr {
	return s.bound(func(p ports) *server.Server { return p.admin })
}

func (s *Service) bound(which func(ports) *server.Server) net.Addr {
	<-s.listening
	if one := which(s.ports); one != nil {
		return one.Address()
	}
	return nil
}

func (p ports) all() []*server.Server { return append(p.private(), p.public) }

// private are those that are served before the service has started.
func (p ports) private() []*server.Server {
	if p.profiling != nil {
		return []*server.Server{p.admin, p.profiling}
	}
	return []*server.Server{p.admin}
}

func (s *Service) listen(ctx context.Context) error {
	errorLog := s.telemetry.ErrorLog()
	public := server.Config{
		Address: port(s.config.Port), Handler: s.Handler(), RequestTimeout: s.config.RequestTimeout,
		IdleTimeout: s.config.IdleTimeout, ErrorLog: errorLog,
	}
	if s.config.CertificateFile != "" {
		files := server.Files{
			Certificate: s.config.CertificateFile, Key: s.config.KeyFile, ClientCA: s.config.ClientCAFile,
			Failed: func(err error) { s.logger.Error("new certificate refused, the last good one stays", "error", err) },
		}
		config, err := s.servedCertificate(&files)
		if err != nil {
			return err
		}
		public.TLS = config
	}
	s.ports.public = server.New(public)
	s.ports.admin = server.New(server.Config{Address: port(s.config.AdminPort), Handler: s.admin, ErrorLog: errorLog})
	if s.config.ProfilingAddress != "" {
		s.ports.profiling = server.New(server.Config{Address: s.config.ProfilingAddress, Handler: profiling(), ErrorLog: errorLog})
	}
	for i, one := range s.ports.all() {
		if err := one.Listen(ctx); err != nil {
			for _, open := range s.ports.all()[:i] {
				open.Abandon()
			}
			return err
		}
	}
	return nil
}

// servedCertificate is measured: a certificate that nobody renews takes the service down on a day that is known in advance.
func (s *Service) servedCertificate(files *server.Files) (*tls.Config, error) {
	var expiry atomic.Int64
	files.Loaded = func(leaf *x509.Certificate) { expiry.Store(leaf.NotAfter.Unix()) }
	config, err := files.TLS()
	if err != nil {
		return nil, err
	}
	s.telemetry.Registry().MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "goservice_tls_certificate_expiry_timestamp_seconds", Help: "When the certificate that is served expires, as a Unix time.",
	}, func() float64 { return float64(expiry.Load()) }))
	return config, nil
}

func port(number uint16) string { return ":" + strconv.Itoa(int(number)) }

func (s *Service) watcher() *livesettings.Watcher {
	if s.config.LiveSettingsFile == "" {
		s.logger.Info("no live settings file, built-in values are in force", "revision", s.live.Revision())
		return nil
	}
	return &livesettings.Watcher{
		Path:     s.config.LiveSettingsFile,
		Registry: s.live,
		Changed: func(report livesettings.Report) {
			if report.Error != "" {
				s.logger.Warn("live settings refused, the last good values stay", "revision", report.Revision, "error", report.Error)
				return
			}
			attributes := []any{"revision", report.Revision}
			if report.Failed != "" {
				s.logger.Error("live settings in force, but code of the service panicked as it took them over", append(attributes, "error", report.Failed)...)
				return
			}
			if len(report.Ignored) > 0 {
				attributes = append(attributes, "ignored", report.Ignored) // the operator is newer than this toolkit
			}
			if len(report.Unserved) > 0 {
				attributes = append(attributes, "unserved", report.Unserved) // misspelled, or of another version of the service
			}
			s.logger.Info("live settings in force", attributes...)
		},
		Degraded: func(err error) {
			s.logger.Warn("the live settings file is polled each second instead of watched", "error", err)
		},
	}
}

// drain stops the service in an order that loses nothing: first nobody new comes, then those who are here are served, then
// what they left behind is finished, and the metrics can be scraped until the end.
func (s *Service) drain() drain.Report {
	budget := s.config.DrainTimeout
	s.logger.Info("draining", "budget_ms", milliseconds(budget), "in_flight", s.telemetry.InFlight(), "streams", s.ports.public.Streams(),
		"connections", s.ports.public.Connections())
	s.state.Store(stateDraining)
	s.takeWhileReady()
	s.broker.Leave()
	s.background.drain(s.draining)
	steps := []drain.Step{
		{Name: "settle", Run: func(ctx context.Context) (int, error) {
			s.ports.public.Leave(ctx, s.config.DrainDelay, min(maxSettle, budget/settleFraction))
			return 0, nil
		}},
		{Name: "requests", Run: s.ports.public.Shutdown},
		{Name: "jobs", Reserve: scaled(jobsReserve, budget), Run: func(ctx context.Context) (int, error) {
			err := s.pool.Close(ctx)
			return max(0, s.pool.Stats().Busy-int(s.held.Load())), err // requests that hold a worker are counted already
		}},
	}
	report := drain.Run(context.Background(), budget, append(steps, s.last(nil)...)...)
	level := slog.LevelInfo
	if !report.Clean() {
		level = slog.LevelWarn
	}
	s.logger.Log(context.Background(), level, report.String(), "cut", report.Cut, "streams_closed", s.ports.public.StreamsCut(), "took_ms", milliseconds(report.Took))
	return report
}

// last are the steps at the end of every service, also of one that did not serve. left is a hook that still runs.
func (s *Service) last(left <-chan error) []drain.Step {
	budget := s.config.DrainTimeout
	return []drain.Step{
		{Name: "background", Reserve: scaled(backgroundReserve, budget), Run: func(ctx context.Context) (int, error) {
			if left != nil {
				select {
				case err := <-left: // it was told to stop, so this is no failure
					s.logger.Debug("a start hook was told to stop", "error", err)
				case <-ctx.Done():
				}
			}
			return s.background.stop(ctx)
		}},
		{Name: "stop", Reserve: scaled(stopReserve, budget), Run: s.stopping},
		{Name: "traces", Reserve: scaled(flushReserve, budget), Run: func(ctx context.Context) (int, error) {
			for _, client := range s.upstreams {
				client.CloseIdle()
			}
			return 0, s.telemetry.Shutdown(ctx)
		}},
		{Name: "admin", Reserve: scaled(adminReserve, budget), Run: func(ctx context.Context) (int, error) {
			if s.ports.admin == nil { // it never listened
				return 0, nil
			}
			if s.ports.profiling != nil {
				_, _ = s.ports.profiling.Shutdown(ended()) // a profile that still runs is not waited for
			}
			_, err := s.ports.admin.Shutdown(ctx)
			return 0, err
		}},
	}
}

// scaled keeps the reserves small beside a short budget.
func scaled(reserve, budget time.Duration) time.Duration { return min(reserve, budget/10) }

func ended() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("the process ends"))
	return ctx
}
