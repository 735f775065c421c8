// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	theDeployment = "Deployment/goservice-controller-manager"
	pod           = "spec template spec "
	manager       = pod + "containers 0 "
)

// An effect of a value: what a field of an object, or of the object as a whole if the field is empty, is then, as JSON; "null" says that
// there is none.
type effect struct {
	values              values
	object, field, want string
}

var effects = map[string]effect{
	"crds.install":     {values{"crds": values{"install": false}}, "CustomResourceDefinition/goservices.goservice.dev", "kind", "null"},
	"crds.keep":        {values{"crds": values{"keep": false}}, "CustomResourceDefinition/goservices.goservice.dev", "metadata annotations helm.sh/resource-policy", "null"},
	"image.registry":   {values{"image": values{"registry": "registry.example/mirror", "tag": "v9"}}, theDeployment, manager + "image", `"registry.example/mirror/manager:v9"`},
	"image.repository": {values{"image": values{"repository": "goservice/operator", "tag": "v9"}}, theDeployment, manager + "image", `"goservice.dev/goservice/operator:v9"`},
	"image.tag":        {values{"image": values{"tag": "v9"}}, theDeployment, manager + "env 0 value", `"goservice.dev/workload:v9"`},
	"image.digest":     {values{"image": values{"digest": digest}}, theDeployment, manager + "image", `"goservice.dev/manager@` + digest + `"`},
	"image.pullPolicy": {values{"image": values{"pullPolicy": "Always"}}, theDeployment, manager + "imagePullPolicy", `"Always"`},
	"workloadImage.registry": {values{"workloadImage": values{"registry": "registry.example:5000", "tag": "v9"}}, theDeployment, manager + "env 0 value",
		`"registry.example:5000/workload:v9"`},
	"workloadImage.repository":    {values{"workloadImage": values{"repository": "w", "tag": "v9"}}, theDeployment, manager + "env 0 value", `"goservice.dev/w:v9"`},
	"workloadImage.tag":           {values{"workloadImage": values{"tag": "v8"}, "image": values{"tag": "v9"}}, theDeployment, manager + "env 0 value", `"goservice.dev/workload:v8"`},
	"workloadImage.digest":        {values{"workloadImage": values{"digest": digest}}, theDeployment, manager + "env 0 value", `"goservice.dev/workload@` + digest + `"`},
	"imagePullSecrets":            {values{"imagePullSecrets": []any{values{"name": "registry"}}}, theDeployment, pod + "imagePullSecrets", `[{"name":"registry"}]`},
	"replicas":                    {values{"replicas": 0}, theDeployment, "spec replicas", "0"},
	"podDisruptionBudget.enabled": {values{"podDisruptionBudget": values{"enabled": false}}, "PodDisruptionBudget/goservice-controller-manager", "kind", "null"},
	"priorityClass.create":        {values{"priorityClass": values{"create": false}}, "PriorityClass/goservice-critical", "kind", "null"},
	"priorityClass.name":          {values{"priorityClass": values{"create": false, "name": ""}}, theDeployment, pod + "priorityClassName", "null"},
	"resources":                   {values{"resources": values{"limits": values{"memory": "2Gi"}}}, theDeployment, manager + "resources", `{"limits":{"memory":"2Gi"},"requests":{"cpu":"100m","memory":"128Mi"}}`},
	"goMemLimit":                  {values{"goMemLimit": "1300MiB"}, theDeployment, manager + "env 2 value", `"1300MiB"`},
	"nodeSelector":                {values{"nodeSelector": values{"pool": "system"}}, theDeployment, pod + "nodeSelector", `{"pool":"system"}`},
	"tolerations":                 {values{"tolerations": []any{values{"operator": "Exists"}}}, theDeployment, pod + "tolerations", `[{"operator":"Exists"}]`},
	"affinity":                    {values{"affinity": values{"podAffinity": values{}}}, theDeployment, pod + "affinity", `{"podAffinity":{}}`},
	"topologySpreadConstraints": {values{"topologySpreadConstraints": []any{values{"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule"}}},
		theDeployment, pod + "topologySpreadConstraints", `[{"maxSkew":1,"topologyKey":"rack","whenUnsatisfiable":"DoNotSchedule"}]`},
	"podLabels":          {values{"podLabels": values{"team": "1"}}, theDeployment, "spec template metadata labels team", `"1"`},
	"podAnnotations":     {values{"podAnnotations": values{"note": "true"}}, theDeployment, "spec template metadata annotations note", `"true"`},
	"commonLabels":       {values{"commonLabels": values{"team": "platform"}}, "ServiceAccount/goservice-controller-manager", "metadata labels team", `"platform"`},
	"podSecurityContext": {values{"podSecurityContext": values{"fsGroup": 1000660000}}, theDeployment, pod + "securityContext fsGroup", "1000660000"},
	"containerSecurityContext": {values{"containerSecurityContext": values{"runAsUser": nil, "runAsGroup": nil}}, theDeployment, manager + "securityContext",
		`{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]},"readOnlyRootFilesystem":true,"runAsNonRoot":true}`},
	"log.level":               {values{"log": values{"level": 5}}, theDeployment, manager + "args 3", `"--zap-log-level=5"`},
	"log.format":              {values{"log": values{"format": "console"}}, theDeployment, manager + "args 3", `"--zap-encoder=console"`},
	"watchNamespaces":         {values{"watchNamespaces": []any{"shop", "billing"}}, theDeployment, manager + "args 3", `"--watch-namespaces=shop,billing"`},
	"maxConcurrentReconciles": {values{"maxConcurrentReconciles": 16}, theDeployment, manager + "args 3", `"--max-concurrent-reconciles=16"`},
	"upgradeServices":         {values{"upgradeServices": 1000000}, theDeployment, manager + "args 3", `"--upgrade-services=1000000"`},
	"runbookURL":              {values{"runbookURL": "https://wiki.example/runbooks"}, theDeployment, manager + "args 3", `"--runbook-url=https://wiki.example/runbooks"`},
	"monitorLabels": {values{"monitorLabels": values{"release": "prometheus", "b": ""}}, theDeployment, manager + "args",
		`["--leader-elect","--metrics-bind-address=:8443","--health-probe-bind-address=:8081","--monitor-label=b=","--monitor-label=release=prometheus"]`},
	"metricsFrom": {values{"metricsFrom": []any{values{"namespaceSelector": values{"matchLabels": values{"a": "b"}}}}}, theDeployment, manager + "args 3",
		`"--metrics-from={\"namespaceSelector\":{\"matchLabels\":{\"a\":\"b\"}}}"`},
	"prometheus.address": {values{"prometheus": values{"address": "http://prometheus.monitoring:9090"}}, theDeployment, manager + "args 3",
		`"--prometheus-address=http://prometheus.monitoring:9090"`},
	"prometheus.caFile":          {values{"prometheus": values{"caFile": "/ca/ca.crt"}}, theDeployment, manager + "args 3", `"--prometheus-ca-file=/ca/ca.crt"`},
	"prometheus.bearerTokenFile": {values{"prometheus": values{"bearerTokenFile": "/token"}}, theDeployment, manager + "args 3", `"--prometheus-bearer-token-file=/token"`},
	"prometheus.headers": {values{"prometheus": values{"headers": values{"X-Scope-OrgID": "shop", "A": "$(B)"}}}, theDeployment, manager + "args",
		`["--leader-elect","--metrics-bind-address=:8443","--health-probe-bind-address=:8081","--prometheus-header=A=$(B)","--prometheus-header=X-Scope-OrgID=shop"]`},
	"serviceMonitor.enabled":  {values{"serviceMonitor": values{"enabled": true}}, "ServiceMonitor/goservice-controller-manager", "spec endpoints 0 interval", "null"},
	"serviceMonitor.labels":   {values{"serviceMonitor": values{"enabled": true, "labels": values{"release": "p"}}}, "ServiceMonitor/goservice-controller-manager", "metadata labels release", `"p"`},
	"serviceMonitor.interval": {values{"serviceMonitor": values{"enabled": true, "interval": "15s"}}, "ServiceMonitor/goservice-controller-manager", "spec endpoints 0 interval", `"15s"`},
	"prometheusRule.enabled": {values{"prometheusRule": values{"enabled": true}, "runbookURL": "https://wiki.example"}, "PrometheusRule/goservice-controller-manager",
		"spec groups 0 rules 0 annotations runbook_url", `"https://wiki.example#goserviceoperatorabsent"`},
	"prometheusRule.labels":    {values{"prometheusRule": values{"enabled": true, "labels": values{"release": "p"}}}, "PrometheusRule/goservice-controller-manager", "metadata labels release", `"p"`},
	"dashboards.enabled":       {values{"dashboards": values{"enabled": true}}, "ConfigMap/goservice-dashboard-service", "metadata labels grafana_dashboard", `"1"`},
	"dashboards.labels":        {values{"dashboards": values{"enabled": true, "labels": values{"grafana_dashboard": "yes"}}}, "ConfigMap/goservice-dashboard-operator", "metadata labels grafana_dashboard", `"yes"`},
	"dashboards.annotations":   {values{"dashboards": values{"enabled": true, "annotations": values{"grafana_folder": "Go"}}}, "ConfigMap/goservice-dashboard-operator", "metadata annotations", `{"grafana_folder":"Go"}`},
	"networkPolicy.enabled":    {values{"networkPolicy": values{"enabled": true}}, "NetworkPolicy/goservice-allow-metrics-traffic", "spec ingress 0 from", `[{"namespaceSelector":{"matchLabels":{"metrics":"enabled"}}}]`},
	"networkPolicy.from":       {values{"networkPolicy": values{"enabled": true, "from": []any{values{"podSelector": values{}}}}}, "NetworkPolicy/goservice-allow-metrics-traffic", "spec ingress 0 from", `[{"podSelector":{}}]`},
	"secretReferences.enabled": {values{"secretReferences": values{"enabled": true}}, "ClusterRole/goservice-secret-reader", "rules 0 verbs", `["list","watch"]`},
	"aggregateRoles":           {values{"aggregateRoles": false}, "ClusterRole/goservice-editor", "metadata labels rbac.authorization.k8s.io/aggregate-to-edit", "null"},
	"extraArgs":                {values{"extraArgs": []any{"--zap-stacktrace-level=panic"}}, theDeployment, manager + "args 3", `"--zap-stacktrace-level=panic"`},
	"extraEnv":                 {values{"extraEnv": []any{values{"name": "GOGC", "value": "75"}}}, theDeployment, manager + "env 3", `{"name":"GOGC","value":"75"}`},
	"extraVolumes":             {values{"extraVolumes": []any{values{"name": "ca", "configMap": values{"name": "ca"}}}}, theDeployment, pod + "volumes", `[{"configMap":{"name":"ca"},"name":"ca"}]`},
	"extraVolumeMounts":        {values{"extraVolumeMounts": []any{values{"name": "ca", "mountPath": "/ca"}}}, theDeployment, manager + "volumeMounts", `[{"mountPath":"/ca","name":"ca"}]`},
}

var digest = "sha256:" + strings.Repeat("0123456789abcdef", 4)

func TestEveryValueHasItsEffect(t *testing.T) {
	withEachHelm(t, func(t *testing.T, helm helm) {
		for name, effect := range effects {
			t.Run(name, func(t *testing.T) {
				without, with := values{}, asJSON(t, effect.values) // Helm changes what it is given
				if _, about := with["crds"]; !about {
					// Most of what there is to render, and none of this test's business.
					without["crds"], with["crds"] = values{"install": false}, values{"install": false}
				}
				before := asText(at(rendered(t, helm, request{values: without})[effect.object], effect.field))
				got := asText(at(rendered(t, helm, request{values: with})[effect.object], effect.field))
				if got != effect.want {
					t.Errorf("%s of %s is %s, want %s", effect.field, effect.object, got, effect.want)
				}
				if before == got && before != "null" {
					t.Errorf("%s of %s is %s without it, too", effect.field, effect.object, got)
				}
				if errors := helm.lint(chartFolder, with); len(errors) > 0 {
					t.Errorf("lint: %v", errors)
				}
			})
		}
	})
}

// No value is without a test of its effect.
func TestEveryValueIsTried(t *testing.T) {
	var document yaml.Node
	read(t, "values.yaml", &document)
	for path, node := range fields(document.Content[0]) {
		top, _, below := strings.Cut(path, ".")
		_, whole := effects[top]
		switch _, tried := effects[path]; {
		case tried || below && whole:
		case node.Kind == yaml.MappingNode && slices.ContainsFunc(slices.Collect(maps.Keys(effects)), func(name string) bool { return strings.HasPrefix(name, path+".") }):
		default:
			t.Errorf("no test tries %s", path)
		}
	}
}
