// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"net/http"
	"net/url"

	"goservice.dev/operator/controllers/internal/measure"
)

// ParsePrometheusAddress reads Options.PrometheusAddress: an http or https URL without user, query or fragment, whose path, if
// any, leads to Prometheus' API.
func ParsePrometheusAddress(text string) (*url.URL, error) {
	return measure.ParsePrometheusAddress(text)
}

// AddPrometheusHeader reads name=value into PrometheusHeaders. Headers that the operator sets itself are refused.
func (o *Options) AddPrometheusHeader(text string) error {
	name, value, err := measure.ParseHeader(text)
	if err != nil {
		return err
	}
	if o.PrometheusHeaders == nil {
		o.PrometheusHeaders = http.Header{}
	}
	o.PrometheusHeaders.Add(name, value)
	return nil
}

func (o *Options) prometheus() measure.Prometheus {
	return measure.Prometheus{
		Address: o.PrometheusAddress, CAFile: o.PrometheusCAFile,
		BearerTokenFile: o.PrometheusBearerTokenFile, Headers: o.PrometheusHeaders,
	}
}
