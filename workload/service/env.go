// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"encoding"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

const (
	// fileSuffix of a variable that names a file with the value of another one.
	fileSuffix = "_FILE"
	// maxSecret bounds such a file.
	maxSecret = 1 << 20
)

// Env reads settings of the service's own from its environment into a T, a struct whose fields carry the tags of
// github.com/caarlos0/env:
//
//	type settings struct {
//		Region  string        `env:"ORDERS_REGION,required"`
//		DSN     string        `env:"ORDERS_DSN,required"` // or ORDERS_DSN_FILE
//		Timeout time.Duration `env:"ORDERS_TIMEOUT" envDefault:"2s"`
//	}
//
// Where NAME_FILE is set and NAME is not, the value is the content of that file without a line break at its end, as Secrets are
// mounted. If T or *T has a method Validate() error, it is called when all fields could be read; each of the errors that it joins
// becomes a problem of its own.
//
// All problems are reported together with those of the service's own settings: in the returned *ConfigError, and by Serve, which
// then does not start. Messages repeat only numbers, booleans and durations, and nothing that came from a file.
func Env[T any](s *Service) (T, error) {
	var settings T
	problems := load(s.environment, &settings)
	if len(problems) == 0 {
		problems = validate(&settings)
	}
	if len(problems) == 0 {
		return settings, nil
	}
	all := &ConfigError{Problems: problems}
	if earlier := (*ConfigError)(nil); errors.As(s.err, &earlier) {
		all.Problems = slices.Concat(earlier.Problems, problems)
	}
	s.err = all
	return settings, all
}

func validate(settings any) (problems []string) {
	validator, ok := settings.(interface{ Validate() error })
	if !ok {
		return nil
	}
	err := validator.Validate()
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			problems = append(problems, one.Error())
		}
		return problems
	}
	return []string{err.Error()}
}

// load fills the struct that into points to, and says what is wrong with the environment.
func load(environment map[string]string, into any) (problems []string) {
	known := variablesOf(reflect.TypeOf(into).Elem(), "")
	environment, fromFile, problems := readFiles(environment, known)
	l := loader{known: known, environment: environment, fromFile: fromFile}
	err := env.ParseWithOptions(into, env.Options{Environment: environment})
	for _, problem := range l.describe(err) {
		problems = append(problems, problem.text)
	}
	return problems
}

// variable of a struct, with the field that it fills.
type variable struct {
	name  string
	field string
	kind  reflect.Type
}

// variablesOf finds the variables of a struct and of those within it, as the library does.
func variablesOf(of reflect.Type, prefix string) (found []variable) {
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct {
		return nil
	}
	for field := range of.Fields() {
		if !field.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		if name != "" && name != "-" {
			found = append(found, variable{prefix + name, field.Name, field.Type})
		} else if name == "" {
			found = append(found, variablesOf(field.Type, prefix+field.Tag.Get("envPrefix"))...)
		}
	}
	return found
}

// readFiles puts the content of files in place of the variables that name them.
func readFiles(environment map[string]string, known []variable) (with map[string]string, fromFile map[string]bool, problems []string) {
	with, fromFile = maps.Clone(environment), map[string]bool{}
	for _, v := range known {
		source := v.name + fileSuffix
		path := environment[source]
		if path == "" || slices.ContainsFunc(known, func(other variable) bool { return other.name == source }) {
			continue // or it is a setting in its own right
		}
		if environment[v.name] != "" {
			problems = append(problems, fmt.Sprintf("%s: must not be set together with %s", source, v.name))
			continue
		}
		content, err := readSecret(path)
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", source, err))
			continue
		}
		with[v.name], fromFile[v.name] = content, true
	}
	return with, fromFile, problems
}

func readSecret(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return "", err
	}
	if len(content) > maxSecret {
		return "", fmt.Errorf("%s has more than %d bytes", path, maxSecret)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r"), nil
}

// loader says what is wrong in words for people who do not know Go's parsers.
type loader struct {
	known       []variable
	environment map[string]string
	fromFile    map[string]bool
}

// settingProblem of one variable; its name is empty where the library does not say which.
type settingProblem struct{ variable, text string }

func (l loader) describe(err error) []settingProblem {
	if err == nil {
		return nil
	}
	var all env.AggregateError
	if !errors.As(err, &all) {
		return []settingProblem{{text: err.Error()}}
	}
	problems := make([]settingProblem, 0, len(all.Errors))
	for _, err := range all.Errors {
		problems = append(problems, l.one(err))
	}
	return problems
}

func (l loader) one(err error) settingProblem {
	var (
		parse env.ParseError
		unset env.VarIsNotSetError
		empty env.EmptyVarError
	)
	switch {
	case errors.As(err, &unset):
		return settingProblem{unset.Key, unset.Key + ": must be set"}
	case errors.As(err, &empty):
		return settingProblem{empty.Key, empty.Key + ": must not be empty"}
	case !errors.As(err, &parse):
		return settingProblem{text: err.Error()} // the struct itself cannot be filled
	}
	var names []string
	for _, v := range l.known {
		if v.field == parse.Name && v.kind == parse.Type {
			names = append(names, v.name)
		}
	}
	if len(names) != 1 { // structs within the struct have fields of the same name
		secret := slices.ContainsFunc(names, func(name string) bool { return l.fromFile[name] })
		return settingProblem{text: fmt.Sprintf("%s: %s", strings.Join(names, " or "), ruleOf("", parse, secret))}
	}
	return l.problem(names[0], ruleOf(names[0], parse, l.fromFile[names[0]]))
}

// problem names the variable, its value where that may be repeated, and the rule.
func (l loader) problem(name, rule string) settingProblem {
	value, set := l.environment[name]
	if set && !l.fromFile[name] && l.repeatable(name) {
		return settingProblem{name, fmt.Sprintf("%s: %q: %s", name, value, rule)}
	}
	return settingProblem{name, fmt.Sprintf("%s: %s", name, rule)}
}

// repeatable says whether a message may hold the variable's value, which ends in logs and in the pod's termination message.
// Texts may hold passwords and tokens.
func (l loader) repeatable(name string) bool {
	for _, v := range l.known {
		if v.name == name {
			return typeRule(v.kind) != "" || name == "GOSERVICE_PROFILING_ADDRESS" // which is an address and no secret
		}
	}
	return false
}

// ruleOf a variable. That of a secret says nothing that a type has to say of the value, since it may repeat it.
func ruleOf(name string, parse env.ParseError, secret bool) string {
	if parse.Type.Kind() == reflect.Uint16 && strings.HasSuffix(name, "PORT") {
		return "must be a port number, 0 to 65535"
	}
	if rule := typeRule(parse.Type); rule != "" {
		return rule
	}
	if !secret && reflect.PointerTo(parse.Type).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return parse.Err.Error() // the type's own words, which are for it to choose
	}
	return "cannot be read as " + parse.Type.String() // the cause may repeat the value
}

// typeRule is empty for types whose values may be secrets.
func typeRule(of reflect.Type) string {
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	switch {
	case of == reflect.TypeFor[time.Duration]():
		return "must be a duration such as 500ms or 10s"
	case reflect.PointerTo(of).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return ""
	case of.Kind() == reflect.Bool:
		return "must be true or false"
	case of.Kind() >= reflect.Int && of.Kind() <= reflect.Int64:
		largest := int64(^uint64(0) >> (65 - of.Bits()))
		return fmt.Sprintf("must be a whole number from %d to %d", -largest-1, largest)
	case of.Kind() >= reflect.Uint && of.Kind() <= reflect.Uint64:
		return fmt.Sprintf("must be a whole number from 0 to %d", ^uint64(0)>>(64-of.Bits()))
	case of.Kind() == reflect.Float32, of.Kind() == reflect.Float64:
		return "must be a number"
	}
	return ""
}
