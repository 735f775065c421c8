// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"goservice.dev/operator/workload/auth"
	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/upstream"
)

// Config is what a service reads from its environment when it starts. The operator sets all of it.
type Config struct {
	// Name, Namespace and Pod say who this process is.
	Name      string `env:"GOSERVICE_NAME" envDefault:"goservice"`
	Namespace string `env:"GOSERVICE_NAMESPACE"`
	Pod       string `env:"GOSERVICE_POD"`
	// Port of the service and AdminPort of its metrics, probes and live settings report; 1 to 65535, or 0 for any free one.
	Port      uint16 `env:"GOSERVICE_PORT" envDefault:"8080"`
	AdminPort uint16 `env:"GOSERVICE_ADMIN_PORT" envDefault:"9100"`
	// LiveSettingsFile is watched for live values; DefaultLiveSettingsFile where it is not set, and empty for built-in values only.
	LiveSettingsFile string `env:"GOSERVICE_LIVE_SETTINGS_FILE"`
	// ProfilingAddress serves pprof; it must be a loopback address. Empty: off.
	ProfilingAddress string `env:"GOSERVICE_PROFILING_ADDRESS"`
	// RequestTimeout is the deadline of one request, its wait for a worker included.
	RequestTimeout time.Duration `env:"GOSERVICE_REQUEST_TIMEOUT" envDefault:"10s"`
	// DrainTimeout is the budget from the signal to the end of the process, DrainDelay a part of it during which nothing but
	// the readiness changes.
	DrainTimeout time.Duration `env:"GOSERVICE_DRAIN_TIMEOUT" envDefault:"15s"`
	DrainDelay   time.Duration `env:"GOSERVICE_DRAIN_DELAY" envDefault:"0s"`
	// LatencyThreshold of the service's objective becomes an exact histogram bucket; 0: none.
	LatencyThreshold time.Duration `env:"GOSERVICE_LATENCY_THRESHOLD"`
	// Upstreams that may be called, as JSON: [{"name":"billing","url":"http://billing"}].
	Upstreams upstream.List `env:"GOSERVICE_UPSTREAMS"`
	// CertificateFile and KeyFile serve TLS; ClientCAFile demands client certificates.
	CertificateFile string `env:"GOSERVICE_TLS_CERT_FILE"`
	KeyFile         string `env:"GOSERVICE_TLS_KEY_FILE"`
	ClientCAFile    string `env:"GOSERVICE_TLS_CLIENT_CA_FILE"`
	// ClientNames that client certificates must carry one of, in the form of auth.Certificates; empty accepts all.
	ClientNames []string `env:"GOSERVICE_TLS_CLIENT_NAMES"`
	// FaultInjection switches the fault endpoints of the admin port on.
	FaultInjection bool `env:"GOSERVICE_FAULT_INJECTION"`
	// MaxCallerTraces is how many requests per second are traced and logged because their callers ask for it; 0: none.
	// The variables of OpenTelemetry are read by telemetry.TracingFromEnvironment.
	MaxCallerTraces float64 `env:"GOSERVICE_MAX_CALLER_TRACES" envDefault:"100"`
}

// DefaultLiveSettingsFile is where the operator mounts the live values.
const DefaultLiveSettingsFile = "/etc/goservice/live-settings/" + livesettings.FileName

// ConfigError lists every setting that cannot be used.
type ConfigError struct{ Problems []string }

func (e *ConfigError) Error() string {
	noun := "settings"
	if len(e.Problems) == 1 {
		noun = "setting"
	}
	return fmt.Sprintf("%d %s cannot be used:\n  %s", len(e.Problems), noun, strings.Join(e.Problems, "\n  "))
}

// LoadConfig reads the environment given as a map and reports all that is wrong with it in one *ConfigError.
func LoadConfig(environment map[string]string) (Config, error) {
	var config Config
	var problems []string
	broken := map[string]bool{}
	if _, set := environment["GOSERVICE_LIVE_SETTINGS_FILE"]; !set { // the library's own defaults also replace what is set to nothing
		config.LiveSettingsFile = DefaultLiveSettingsFile
	}
	err := env.ParseWithOptions(&config, env.Options{Environment: environment})
	for _, problem := range parseProblems(err) {
		broken[problem.variable] = true
		problems = append(problems, problem.describe(environment))
	}
	for _, problem := range config.check() {
		if !broken[problem.variable] { // its value is not what the environment says
			problems = append(problems, problem.describe(environment))
		}
	}
	if len(problems) > 0 {
		return config, &ConfigError{Problems: problems}
	}
	return config, nil
}

type settingProblem struct{ variable, rule string }

func (p settingProblem) describe(environment map[string]string) string {
	if p.variable == "" {
		return p.rule
	}
	if value, set := environment[p.variable]; set && repeatable(p.variable) {
		return fmt.Sprintf("%s: %q: %s", p.variable, value, p.rule)
	}
	return fmt.Sprintf("%s: %s", p.variable, p.rule)
}

// repeatable says whether a message may hold the variable's value, which ends in logs and in the pod's termination message.
// URLs and headers may hold passwords and tokens; of what is text only the profiling address cannot.
func repeatable(variable string) bool {
	for field := range reflect.TypeFor[Config]().Fields() {
		if field.Tag.Get("env") == variable {
			_, plain := typeRules[field.Type]
			return plain || variable == "GOSERVICE_PROFILING_ADDRESS"
		}
	}
	return false
}

// rules of types, in words for people who do not know Go's parsers.
var typeRules = map[reflect.Type]string{
	reflect.TypeFor[uint16]():        "must be a port number, 0 to 65535",
	reflect.TypeFor[bool]():          "must be true or false",
	reflect.TypeFor[float64]():       "must be a number",
	reflect.TypeFor[time.Duration](): "must be a duration such as 500ms or 10s",
}

func parseProblems(err error) []settingProblem {
	if err == nil {
		return nil
	}
	var all env.AggregateError
	if !errors.As(err, &all) {
		return []settingProblem{{rule: err.Error()}}
	}
	problems := make([]settingProblem, 0, len(all.Errors))
	for _, err := range all.Errors {
		var parse env.ParseError
		if !errors.As(err, &parse) {
			problems = append(problems, settingProblem{rule: err.Error()})
			continue
		}
		field, _ := reflect.TypeFor[Config]().FieldByName(parse.Name)
		rule, ok := typeRules[parse.Type]
		if !ok {
			rule = parse.Err.Error()
		}
		problems = append(problems, settingProblem{field.Tag.Get("env"), rule})
	}
	return problems
}

func (c *Config) check() (problems []settingProblem) {
	refuse := func(variable, rule string) { problems = append(problems, settingProblem{variable, rule}) }
	if c.Port != 0 && c.Port == c.AdminPort {
		refuse("GOSERVICE_ADMIN_PORT", "must differ from GOSERVICE_PORT")
	}
	if c.ProfilingAddress != "" && !loopback(c.ProfilingAddress) {
		refuse("GOSERVICE_PROFILING_ADDRESS", "must be a loopback address with a port, such as 127.0.0.1:6060: profiles show secrets")
	}
	if c.RequestTimeout <= 0 {
		refuse("GOSERVICE_REQUEST_TIMEOUT", "must be above 0")
	}
	if c.DrainTimeout <= 0 {
		refuse("GOSERVICE_DRAIN_TIMEOUT", "must be above 0")
	}
	if c.DrainDelay < 0 || c.DrainDelay > 0 && c.DrainDelay >= c.DrainTimeout {
		refuse("GOSERVICE_DRAIN_DELAY", "must not be negative and must be below GOSERVICE_DRAIN_TIMEOUT, of which it is a part")
	}
	if c.LatencyThreshold < 0 {
		refuse("GOSERVICE_LATENCY_THRESHOLD", "must not be negative")
	}
	if (c.CertificateFile == "") != (c.KeyFile == "") {
		refuse("GOSERVICE_TLS_KEY_FILE", "must be set together with GOSERVICE_TLS_CERT_FILE")
	}
	if c.ClientCAFile != "" && c.CertificateFile == "" {
		refuse("GOSERVICE_TLS_CLIENT_CA_FILE", "needs GOSERVICE_TLS_CERT_FILE and GOSERVICE_TLS_KEY_FILE")
	}
	if len(c.ClientNames) > 0 && c.ClientCAFile == "" {
		refuse("GOSERVICE_TLS_CLIENT_NAMES", "needs GOSERVICE_TLS_CLIENT_CA_FILE")
	}
	if _, err := auth.Certificates(c.ClientNames...); err != nil {
		refuse("GOSERVICE_TLS_CLIENT_NAMES", err.Error())
	}
	if !(c.MaxCallerTraces >= 0 && c.MaxCallerTraces <= livesettings.MaxRequestsPerSecond) {
		refuse("GOSERVICE_MAX_CALLER_TRACES", fmt.Sprintf("must be 0 to %g", livesettings.MaxRequestsPerSecond))
	}
	return problems
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || host == "localhost"
}
