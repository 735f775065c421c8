// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry

import (
	"bytes"
	"fmt"
	"log"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/rs/zerolog"

	"goservice.dev/operator/workload/ratelimit"
)

// Level is a log level that changes while loggers use it. Its zero value lets debug lines pass.
type Level struct{ level atomic.Int32 }

// levels by the names that a live settings uses.
var levels = map[string]zerolog.Level{
	"debug": zerolog.DebugLevel,
	"info":  zerolog.InfoLevel,
	"warn":  zerolog.WarnLevel,
	"error": zerolog.ErrorLevel,
	"off":   zerolog.Disabled,
}

// Set takes debug, info, warn, error or off.
func (l *Level) Set(name string) error {
	level, ok := levels[name]
	if !ok {
		return fmt.Errorf("log level %q: must be debug, info, warn, error or off", name)
	}
	l.level.Store(int32(level))
	return nil
}

// Enabled reports whether lines of the level are written.
func (l *Level) Enabled(level zerolog.Level) bool { return level >= zerolog.Level(l.level.Load()) }

// Sample makes a Level a zerolog.Sampler, which is how loggers ask it for every line.
func (l *Level) Sample(level zerolog.Level) bool { return l.Enabled(level) }

func newLogger(config Config, level *Level) zerolog.Logger {
	with := zerolog.New(config.Log).Level(zerolog.DebugLevel).Sample(level).With()
	for _, field := range [][2]string{
		{"service", config.Service}, {"namespace", config.Namespace}, {"pod", config.Instance}, {"version", config.Version},
	} {
		if field[1] != "" {
			with = with.Str(field[0], field[1])
		}
	}
	return with.Logger()
}

const (
	// Lines of one ErrorLog: anybody who can connect can cause them.
	warningsPerSecond = 1
	warningsAtOnce    = 10
)

// ErrorLog is a standard logger for what an http.Server has to say; it writes warnings, ten at once and one per second at most. The
// next one then says how many were left out. Connections that are closed before they have begun to speak TLS, as by the checks of load
// balancers that only connect, are for debugging.
func (t *Telemetry) ErrorLog() *log.Logger {
	return log.New(&warnings{logger: t.logger, limiter: ratelimit.New(warningsPerSecond, warningsAtOnce)}, "", 0)
}

type warnings struct {
	logger  zerolog.Logger
	limiter *ratelimit.Limiter
	leftOut atomic.Int64 // since the last line
}

func (w *warnings) Write(text []byte) (int, error) {
	message := string(bytes.TrimSpace(text))
	if nothingSaid(message) {
		w.logger.Debug().Msg(message)
		return len(text), nil
	}
	if !w.limiter.Allow() {
		w.leftOut.Add(1)
		return len(text), nil
	}
	line := w.logger.Warn()
	if leftOut := w.leftOut.Swap(0); leftOut > 0 {
		line = line.Int64("left_out", leftOut)
	}
	line.Msg(message)
	return len(text), nil
}

// nothingSaid reports whether a line of net/http is of a connection that its client closed instead of speaking TLS.
func nothingSaid(message string) bool {
	return strings.HasPrefix(message, "http: TLS handshake error from ") &&
		(strings.HasSuffix(message, ": EOF") || strings.HasSuffix(message, ": "+syscall.ECONNRESET.Error()))
}
