// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

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

// AddMonitorLabel reads name=value into MonitorLabels.
func (o *Options) AddMonitorLabel(text string) error {
	name, value, found := strings.Cut(text, "=")
	if !found {
		return fmt.Errorf("%q must be name=value, such as release=kube-prometheus-stack", text)
	}
	if wrong := validation.IsQualifiedName(name); len(wrong) > 0 {
		return fmt.Errorf("%q must begin with the name of a label: %s", text, wrong[0])
	}
	if wrong := validation.IsValidLabelValue(value); len(wrong) > 0 {
		return fmt.Errorf("%q must end with the value of a label: %s", text, wrong[0])
	}
	if o.MonitorLabels == nil {
		o.MonitorLabels = map[string]string{}
	}
	o.MonitorLabels[name] = value
	return nil
}

func (o *Options) prometheus() measure.Prometheus {
	return measure.Prometheus{
		Address: o.PrometheusAddress, CAFile: o.PrometheusCAFile,
		BearerTokenFile: o.PrometheusBearerTokenFile, Headers: o.PrometheusHeaders,
	}
}
