// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"errors"
	"net"

	"goservice.dev/operator/workload/service"
)

// config of the parts around the use cases. What is not set is replaced by the process's own memory and log.
type config struct {
	// DatabaseURL of PostgreSQL.
	DatabaseURL string `env:"ORDERS_DATABASE_URL"`
	// RedisURL of what keeps idempotency keys. Not set: the database does.
	RedisURL string `env:"ORDERS_REDIS_URL"`
	// KafkaBrokers as host:port, separated by commas. Not set: events are log lines.
	KafkaBrokers []string `env:"ORDERS_KAFKA_BROKERS"`
	KafkaTopic   string   `env:"ORDERS_KAFKA_TOPIC" envDefault:"orders"`
}

// Validate is called by service.Env.
func (c config) Validate() error {
	for _, broker := range c.KafkaBrokers {
		if host, port, err := net.SplitHostPort(broker); err != nil || host == "" || port == "" {
			return errors.New("ORDERS_KAFKA_BROKERS: must be host:port, separated by commas")
		}
	}
	return nil
}

// unusable reports a setting as the toolkit reports its own.
func unusable(variable string, err error) error {
	return &service.ConfigError{Problems: []string{variable + ": " + err.Error()}}
}
