// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"goservice.dev/operator/workload/auth"
	"goservice.dev/operator/workload/forwarded"
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
	// IdleTimeout is how long a client's connection stays open without a request. It must be longer than what load balancers
	// keep an idle connection to the service for.
	IdleTimeout time.Duration `env:"GOSERVICE_IDLE_TIMEOUT" envDefault:"90s"`
	// DrainTimeout is the budget from the signal to the end of the process, DrainDelay a part of it during which nothing but
	// the readiness changes.
	DrainTimeout time.Duration `env:"GOSERVICE_DRAIN_TIMEOUT" envDefault:"15s"`
	DrainDelay   time.Duration `env:"GOSERVICE_DRAIN_DELAY" envDefault:"0s"`
	// LatencyThreshold of the service's objective becomes an exact histogram bucket; 0: none.
	LatencyThreshold time.Duration `env:"GOSERVICE_LATENCY_THRESHOLD"`
	// Upstreams that may be called, as a JSON array of upstream.Target: [{"name":"billing","url":"http://billing"}].
	Upstreams upstream.List `env:"GOSERVICE_UPSTREAMS"`
	// TrustedProxies are the peers whose ForwardedHeader is believed, as CIDRs between commas; none by default.
	TrustedProxies forwarded.Ranges `env:"GOSERVICE_TRUSTED_PROXIES"`
	// ForwardedHeader is the one header that trusted proxies set: X-Forwarded-For, with the other X-Forwarded-*, or Forwarded.
	ForwardedHeader forwarded.Header `env:"GOSERVICE_FORWARDED_HEADER" envDefault:"X-Forwarded-For"`
	// CertificateFile and KeyFile serve TLS; ClientCAFile demands client certificates.
	CertificateFile string `env:"GOSERVICE_TLS_CERT_FILE"`
	KeyFile         string `env:"GOSERVICE_TLS_KEY_FILE"`
	ClientCAFile    string `env:"GOSERVICE_TLS_CLIENT_CA_FILE"`
	// ClientNames that client certificates must carry one of, in the form of auth.Certificates; empty accepts all.
	ClientNames []string `env:"GOSERVICE_TLS_CLIENT_NAMES"`
	// PeersNames resolve to the pods of the service, which share their queue where there are any. They listen for each other on PeersPort, and
	// prove to each other that they have the keys in the folder PeersKeys.
	PeersNames []string `env:"GOSERVICE_PEERS_NAMES"`
	PeersPort  uint16   `env:"GOSERVICE_PEERS_PORT" envDefault:"9443"`
	PeersKeys  string   `env:"GOSERVICE_PEERS_KEYS" envDefault:"/etc/goservice/peers"`
	// PodIP is the address by which PeersNames resolve to this pod; empty: PeersPort is open on all addresses, and other pods take the one that
	// its connections come from.
	PodIP string `env:"GOSERVICE_POD_IP"`
	// Zone in which the pod runs; requests move to pods of the same zone first. Empty: it is not known.
	Zone string `env:"GOSERVICE_ZONE"`
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

// LoadConfig reads the environment given as a map and reports all that is wrong with it in one *ConfigError. For each variable
// NAME that is not set, NAME_FILE may name a file with its value.
func LoadConfig(environment map[string]string) (Config, error) {
	var config Config
	if _, set := environment["GOSERVICE_LIVE_SETTINGS_FILE"]; !set { // the library's own defaults also replace what is set to nothing
		config.LiveSettingsFile = DefaultLiveSettingsFile
	}
	known := variablesOf(reflect.TypeFor[Config](), "")
	with, fromFile, problems := readFiles(environment, known)
	l := loader{known: known, environment: with, fromFile: fromFile}
	broken := map[string]bool{}
	for _, problem := range l.describe(env.ParseWithOptions(&config, env.Options{Environment: with})) {
		broken[problem.variable] = true
		problems = append(problems, problem.text)
	}
	for _, refused := range config.check() {
		if !broken[refused.variable] { // its value is not what the environment says
			problems = append(problems, l.problem(refused.variable, refused.rule).text)
		}
	}
	if len(problems) > 0 {
		return config, &ConfigError{Problems: problems}
	}
	return config, nil
}

// refusedSetting breaks a rule.
type refusedSetting struct{ variable, rule string }

func (c *Config) check() (problems []refusedSetting) {
	refuse := func(variable, rule string) { problems = append(problems, refusedSetting{variable, rule}) }
	if c.Port != 0 && c.Port == c.AdminPort {
		refuse("GOSERVICE_ADMIN_PORT", "must differ from GOSERVICE_PORT")
	}
	if len(c.PeersNames) > 0 && (c.PeersPort == 0 || c.PeersPort == c.Port || c.PeersPort == c.AdminPort) {
		refuse("GOSERVICE_PEERS_PORT", "must be 1 to 65535, and differ from GOSERVICE_PORT and GOSERVICE_ADMIN_PORT")
	}
	if c.ProfilingAddress != "" && !loopback(c.ProfilingAddress) {
		refuse("GOSERVICE_PROFILING_ADDRESS", "must be a loopback address with a port, such as 127.0.0.1:6060: profiles show secrets")
	}
	if c.RequestTimeout <= 0 {
		refuse("GOSERVICE_REQUEST_TIMEOUT", "must be above 0")
	}
	if c.IdleTimeout <= 0 {
		refuse("GOSERVICE_IDLE_TIMEOUT", "must be above 0")
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
