// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry

import (
	"bytes"
	"fmt"
	"log"
	"sync/atomic"

	"github.com/rs/zerolog"
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

// ErrorLog is a standard logger for what an http.Server has to say; it writes warnings.
func (t *Telemetry) ErrorLog() *log.Logger { return log.New(warnings{t.logger}, "", 0) }

type warnings struct{ logger zerolog.Logger }

func (w warnings) Write(line []byte) (int, error) {
	w.logger.Warn().Msg(string(bytes.TrimSpace(line)))
	return len(line), nil
}
