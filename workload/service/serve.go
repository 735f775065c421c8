// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

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
)

// ports are the servers of one service.
type ports struct {
	public, admin, profiling *server.Server
}

// Serve listens, answers requests until ctx ends, drains, and returns nil if nothing was lost. It can be called once.
func (s *Service) Serve(ctx context.Context) error {
	if s.err != nil {
		return s.err
	}
	following, stopFollowing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopFollowing()
	watcher := s.watcher()
	if watcher != nil {
		watcher.Load() // before the first request
	}
	if err := s.listen(ctx); err != nil {
		return err
	}
	failed := make(chan error, 3)
	for _, one := range s.ports.all() {
		go func() { failed <- one.Serve() }()
	}
	if watcher != nil {
		go watcher.Run(following)
	}
	s.state.Store(stateReady)
	close(s.listening)
	report := s.live.Report()
	s.logger.Info().Str("address", s.Address().String()).Str("admin", s.AdminAddress().String()).Str("revision", report.Revision).
		Dur("after_ms", time.Since(s.started)).Msg("ready")
	var broken error
	select {
	case <-ctx.Done():
	case broken = <-failed:
	}
	outcome := s.drain()
	if broken != nil {
		return broken
	}
	if outcome.Cut > 0 {
		return fmt.Errorf("%d requests or jobs were cut at the end of %s: %s", outcome.Cut, s.config.DrainTimeout, outcome)
	}
	return nil
}

// Address of the service's port; it waits until Serve listens.
func (s *Service) Address() net.Addr {
	<-s.listening
	return s.ports.public.Address()
}

// AdminAddress of the admin port; it waits until Serve listens.
func (s *Service) AdminAddress() net.Addr {
	<-s.listening
	return s.ports.admin.Address()
}

func (p ports) all() []*server.Server {
	all := []*server.Server{p.admin, p.public}
	if p.profiling != nil {
		all = append(all, p.profiling)
	}
	return all
}

func (s *Service) listen(ctx context.Context) error {
	errorLog := s.telemetry.ErrorLog()
	public := server.Config{
		Address: port(s.config.Port), Handler: s.Handler(), RequestTimeout: s.config.RequestTimeout, ErrorLog: errorLog,
	}
	if s.config.CertificateFile != "" {
		files := server.Files{
			Certificate: s.config.CertificateFile, Key: s.config.KeyFile, ClientCA: s.config.ClientCAFile,
			Failed: func(err error) { s.logger.Error().Err(err).Msg("new certificate refused, the last good one stays") },
		}
		config, err := files.TLS()
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

func port(number uint16) string { return ":" + strconv.Itoa(int(number)) }

func (s *Service) watcher() *livesettings.Watcher {
	if s.config.LiveSettingsFile == "" {
		s.logger.Info().Str("revision", s.live.Report().Revision).Msg("no live settings file, built-in values are in force")
		return nil
	}
	return &livesettings.Watcher{
		Path:     s.config.LiveSettingsFile,
		Registry: s.live,
		Changed: func(report livesettings.Report) {
			if report.Error != "" {
				s.logger.Warn().Str("revision", report.Revision).Str("error", report.Error).Msg("live settings refused, the last good values stay")
				return
			}
			line := s.logger.Info().Str("revision", report.Revision)
			if len(report.Ignored) > 0 {
				line = line.Strs("ignored", report.Ignored) // the operator is newer than this toolkit
			}
			line.Msg("live settings in force")
		},
		Degraded: func(err error) {
			s.logger.Warn().Err(err).Msg("the live settings file is polled each second instead of watched")
		},
	}
}

// drain stops the service in an order that loses nothing: first nobody new comes, then those who are here are served, then
// what they left behind is finished, and the metrics can be scraped until the end.
func (s *Service) drain() drain.Report {
	budget := s.config.DrainTimeout
	s.logger.Info().Dur("budget_ms", budget).Int64("in_flight", s.telemetry.InFlight()).
		Int("connections", s.ports.public.Connections()).Msg("draining")
	s.state.Store(stateDraining)
	report := drain.Run(context.Background(), budget,
		drain.Step{Name: "settle", Run: func(ctx context.Context) (int, error) {
			s.ports.public.Leave(ctx, s.config.DrainDelay, min(maxSettle, budget/settleFraction))
			return 0, nil
		}},
		drain.Step{Name: "requests", Run: s.ports.public.Shutdown},
		drain.Step{Name: "jobs", Reserve: scaled(jobsReserve, budget), Run: func(ctx context.Context) (int, error) {
			err := s.pool.Close(ctx)
			return s.pool.Stats().Busy, err
		}},
		drain.Step{Name: "traces", Reserve: scaled(flushReserve, budget), Run: func(ctx context.Context) (int, error) {
			for _, client := range s.upstreams {
				client.CloseIdle()
			}
			return 0, s.telemetry.Shutdown(ctx)
		}},
		drain.Step{Name: "admin", Reserve: scaled(adminReserve, budget), Run: func(ctx context.Context) (int, error) {
			if s.ports.profiling != nil {
				_, _ = s.ports.profiling.Shutdown(ended()) // a profile that still runs is not waited for
			}
			_, err := s.ports.admin.Shutdown(ctx)
			return 0, err
		}},
	)
	line := s.logger.Info()
	if !report.Clean() {
		line = s.logger.Warn()
	}
	line.Int("cut", report.Cut).Dur("took_ms", report.Took).Msg(report.String())
	return report
}

// scaled keeps the reserves small beside a short budget.
func scaled(reserve, budget time.Duration) time.Duration { return min(reserve, budget/10) }

func ended() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("the process ends"))
	return ctx
}
