// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp/syntax"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// specs makes specs from the CRD's own schema: what the schema says of a field is all that is known of it, but for texts
// that the schema leaves open and that mean something to Kubernetes.
type specs struct {
	random *rand.Rand
}

const (
	// optionalShare of the optional fields of an object are set.
	optionalShare = 0.35
	// maxItems of a generated list or map.
	maxItems = 2
)

// leftOut are fields that mean nothing here: paused stops the operator, and claims are always refused.
var leftOut = map[string]bool{"spec.paused": true, "spec.resources.claims": true, "spec.pod.overlay": true, "spec.pod.affinity": true}

// openText are values for fields whose schema leaves them open, by the end of the path.
type openText struct {
	end    string
	values []string
}

var openTexts = []openText{
	{"mountPath", []string{"/data", "/var/cache"}},
	{"subPath", []string{"a", "a/b"}},
	{"hosts[]", []string{"shop.example", "*.shop.example"}},
	{"paths[]", []string{"/", "/shop"}},
	{"expose.port", []string{"http"}},
	{"custom.failed", []string{"5..", "error|timeout"}},
	{"custom.ignored", []string{"429", "canceled"}},
	{"subPathExpr", []string{"$(GOSERVICE_POD)"}},
	{"items[].path", []string{"a", "b/c"}},
	{"serviceAccountToken.path", []string{"token"}},
	{"downwardAPI.items[].fieldRef.fieldPath", []string{"metadata.labels", "metadata.name"}},
	{"httpGet.path", []string{"/healthz", "/ready"}},
	{"localhostProfile", []string{"profiles/a.json"}},
	{"nameservers[]", []string{"192.0.2.53", "2001:db8::53"}},
	{"hostAliases[].ip", []string{"192.0.2.1", "2001:db8::1"}},
	{"loadBalancerSourceRanges[]", []string{"10.0.0.0/8", "2001:db8::/32"}},
	{"ipBlock.cidr", []string{"10.0.0.0/8", "10.0.0.0/12"}},
	{"except[]", []string{"10.1.0.0/16", "10.2.3.4/32"}},
	{"appProtocol", []string{"grpc", "kubernetes.io/h2c"}},
	{"loadBalancerClass", []string{"example.com/internal"}},
	{"httpHeaders[].name", []string{"Host", "X-Probe"}},
	{"ports[].name", []string{"grpc", "web"}},
	{"capabilities.add[]", []string{"NET_BIND_SERVICE"}},
	{"capabilities.drop[]", []string{"ALL", "CHOWN"}},
	{"command[]", []string{"/serve", "-v"}},
	{"image", []string{"registry.example/checkout:v1", "registry.example/checkout:v2", "checkout@sha256:" + strings.Repeat("4b", 32)}},
	{"env[].name", []string{"A", "B", "LOG_FORMAT", "feature.flag"}},
	{"fieldPath", []string{"metadata.name", "status.podIP", "spec.nodeName"}},
	{"resource", []string{"limits.cpu", "requests.memory"}},
	{"divisor", []string{"1m", "1"}},
	{"endpoint", []string{"http://collector.observability:4318", "https://traces.example"}},
	{"url", []string{"http://billing.shop.svc", "https://search.example:8443/v1", "http://[2001:db8::1]:80"}},
	{"key", []string{"team", "example.com/disk", "zone"}},
	{"topologyKey", []string{"kubernetes.io/hostname", "topology.kubernetes.io/zone"}},
	{"operator", []string{"Exists"}},
	{"effect", []string{"NoSchedule", "NoExecute"}},
	{"whenUnsatisfiable", []string{"ScheduleAnyway", "DoNotSchedule"}},
	{"Path", []string{"/healthz", "/ready"}},
	{"Name", []string{"mine", "team-a", "shop.settings"}},
	{"name", []string{"mine", "team-a", "settings"}},
	{"prefix", []string{"APP_"}},
}

// spec is a random one. Not all are admitted: rules beyond the schema are the API server's to check.
func (s *specs) spec(schema *apiextensionsv1.JSONSchemaProps) map[string]any {
	value := s.value("spec", schema)
	spec, _ := value.(map[string]any)
	return spec
}

func (s *specs) value(path string, schema *apiextensionsv1.JSONSchemaProps) any {
	switch {
	case len(schema.Enum) > 0:
		var value any
		if err := json.Unmarshal(schema.Enum[s.random.IntN(len(schema.Enum))].Raw, &value); err != nil {
			panic(err)
		}
		return value
	case schema.XIntOrString:
		return s.intOrString(path)
	case schema.Type == "object" && schema.AdditionalProperties != nil:
		return s.entries(path, schema.AdditionalProperties.Schema)
	case schema.Type == "object":
		return s.object(path, schema)
	case schema.Type == "array":
		return s.list(path, schema)
	case schema.Type == "boolean":
		return s.random.IntN(2) == 0
	case schema.Type == "integer":
		return s.integer(schema)
	}
	return s.text(path, schema)
}

func (s *specs) object(path string, schema *apiextensionsv1.JSONSchemaProps) map[string]any {
	result := map[string]any{}
	names := make([]string, 0, len(schema.Properties))
	for name := range schema.Properties {
		names = append(names, name)
	}
	slices.Sort(names) // the same seed gives the same spec
	for _, name := range names {
		property := schema.Properties[name]
		required := slices.Contains(schema.Required, name)
		if leftOut[path+"."+name] || !required && s.random.Float64() > optionalShare {
			continue
		}
		value := s.value(path+"."+name, &property)
		if !required && empty(value) {
			continue // nobody writes these, and server-side apply makes null of them
		}
		result[name] = value
	}
	if _, has := schema.Properties["values"]; has {
		match(result)
	}
	s.fit(path, result)
	return result
}

func (s *specs) intOrString(path string) any {
	switch {
	case strings.HasSuffix(path, ".port") && strings.HasPrefix(path, "spec.initContainers"):
		return int64(9901)
	case strings.HasSuffix(path, ".port"):
		return []any{int64(8080), "http", "admin"}[s.random.IntN(3)]
	case strings.HasPrefix(path, "spec.rollout"), strings.HasPrefix(path, "spec.disruptionBudget"):
		return []any{int64(1), "25%", int64(3), "50%"}[s.random.IntN(4)]
	}
	return s.quantity(path)
}

// match gives a requirement of labels as many values as its operator takes; few that are drawn alone would fit.
func match(requirement map[string]any) {
	switch requirement["operator"] {
	case "Exists", "DoesNotExist":
		delete(requirement, "values")
	case "Gt", "Lt":
		requirement["values"] = []any{"3"}
	case "In", "NotIn":
		if requirement["values"] == nil {
			requirement["values"] = []any{"a", "blue"}
		}
	}
}

func empty(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

func (s *specs) entries(path string, schema *apiextensionsv1.JSONSchemaProps) map[string]any {
	result := map[string]any{}
	keys := []string{"team", "example.com/tier"}
	if strings.HasSuffix(path, "limits") || strings.HasSuffix(path, "requests") {
		keys = []string{"cpu", "memory"}
	}
	for _, key := range keys {
		if s.random.IntN(2) == 0 {
			result[key] = s.value(path+"["+key+"]", schema)
		}
	}
	return result
}

func (s *specs) list(path string, schema *apiextensionsv1.JSONSchemaProps) []any {
	var result []any
	seen := map[string]bool{}
	least, most := int64(0), int64(maxItems)
	if schema.MinItems != nil {
		least = *schema.MinItems
	}
	if schema.MaxItems != nil {
		most = min(most, *schema.MaxItems)
	}
	for range least + s.random.Int64N(most-least+1) {
		item := s.value(path+"[]", schema.Items.Schema)
		if empty(item) {
			continue
		}
		key := fmt.Sprint(item)
		if object, is := item.(map[string]any); is && len(schema.XListMapKeys) > 0 {
			key = ""
			for _, name := range schema.XListMapKeys {
				key += fmt.Sprint(object[name]) + "/"
			}
		}
		if !seen[key] {
			result = append(result, item)
		}
		seen[key] = true
	}
	return result
}

// integer is small as often as it is large.
func (s *specs) integer(schema *apiextensionsv1.JSONSchemaProps) int64 {
	lowest, highest := 0.0, 1000.0
	if schema.Minimum != nil {
		lowest = *schema.Minimum
	}
	if schema.Maximum != nil {
		highest = *schema.Maximum
	}
	span := math.Log1p(highest - lowest)
	return int64(lowest + math.Floor(math.Expm1(s.random.Float64()*span)))
}

func (s *specs) quantity(path string) any {
	if strings.Contains(path, "memory") || strings.HasSuffix(path, "storage") || strings.HasSuffix(path, "sizeLimit") {
		return []any{"64Mi", "256Mi", "1Gi", int64(134217728)}[s.random.IntN(4)]
	}
	return []any{"100m", "0.5", "1", int64(2), "1500m"}[s.random.IntN(5)]
}

func (s *specs) text(path string, schema *apiextensionsv1.JSONSchemaProps) string {
	if schema.Pattern != "" {
		expression, err := syntax.Parse(schema.Pattern, syntax.Perl)
		if err != nil {
			panic(err)
		}
		open := slices.ContainsFunc(openTexts, func(o openText) bool { return strings.HasSuffix(path, o.end) })
		if !open {
			return s.matching(expression)
		}
	}
	for _, open := range openTexts {
		if strings.HasSuffix(path, open.end) {
			return open.values[s.random.IntN(len(open.values))]
		}
	}
	return []string{"a", "blue", "v2"}[s.random.IntN(3)]
}

// matching is a text that an expression matches, of few repetitions.
func (s *specs) matching(e *syntax.Regexp) string {
	var b strings.Builder
	repeat := func(least, most int) {
		for range least + s.random.IntN(most-least+1) {
			b.WriteString(s.matching(e.Sub[0]))
		}
	}
	switch e.Op {
	case syntax.OpLiteral:
		b.WriteString(string(e.Rune))
	case syntax.OpCharClass:
		pair := 2 * s.random.IntN(len(e.Rune)/2)
		b.WriteRune(e.Rune[pair] + s.random.Int32N(e.Rune[pair+1]-e.Rune[pair]+1))
	case syntax.OpConcat:
		for _, part := range e.Sub {
			b.WriteString(s.matching(part))
		}
	case syntax.OpAlternate:
		b.WriteString(s.matching(e.Sub[s.random.IntN(len(e.Sub))]))
	case syntax.OpCapture:
		b.WriteString(s.matching(e.Sub[0]))
	case syntax.OpQuest:
		repeat(0, 1)
	case syntax.OpStar:
		repeat(0, 3)
	case syntax.OpPlus:
		repeat(1, 3)
	case syntax.OpRepeat:
		most := e.Max
		if most < 0 {
			most = e.Min + 3
		}
		repeat(e.Min, most)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('x')
	}
	return b.String()
}

// spoil puts a value that the schema refuses in the place of one leaf and says where; empty where there is none.
func (s *specs) spoil(path string, value any, schema *apiextensionsv1.JSONSchemaProps) string {
	object, is := value.(map[string]any)
	if !is {
		return ""
	}
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	s.random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names {
		property, known := schema.Properties[name]
		at := path + "." + name
		switch {
		case !known:
			continue
		case len(property.Enum) > 0:
			object[name] = "neither"
			return at
		case property.Type == "integer" && property.Minimum != nil && s.random.IntN(2) == 0:
			object[name] = int64(*property.Minimum) - 1
			return at
		case property.Type == "integer" && property.Maximum != nil:
			object[name] = int64(*property.Maximum) + 1
			return at
		case property.Type == "string" && property.Pattern != "":
			object[name] = "\t"
			return at
		case property.Type == "string" && property.MaxLength != nil:
			object[name] = strings.Repeat("a", int(*property.MaxLength)+1)
			return at
		case property.Type == "array":
			items, _ := object[name].([]any)
			for _, item := range items {
				if found := s.spoil(at+"[]", item, property.Items.Schema); found != "" {
					return found
				}
			}
		case property.Type == "object":
			if found := s.spoil(at, object[name], &property); found != "" {
				return found
			}
		}
	}
	return ""
}
