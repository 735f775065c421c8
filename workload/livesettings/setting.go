// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package livesettings

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"sync/atomic"

	"goservice.dev/operator/workload/panics"
)

// MaxSettings bounds the number of sections in Document.Settings.
const MaxSettings = 32

var validSection = regexp.MustCompile(`^[A-Za-z0-9][-_A-Za-z0-9]{0,62}$`)

// Setting is a section of the live settings that is the service's own. Load is safe in any goroutine and costs nothing.
type Setting[T any] struct{ current atomic.Pointer[T] }

// Load returns the values in force. They must not be changed: every caller gets the same maps, slices and pointers.
func (s *Setting[T]) Load() T { return *s.current.Load() }

// section is a Setting to its registry.
type section struct {
	name string
	// prepare reads the section's content and returns what puts it in force, or what is wrong with it. Without content it is the
	// service's own values.
	prepare func(content json.RawMessage) (apply func(), err error)
	of      reflect.Type
}

// AddSetting makes a section of the registry's documents, Document.Settings[name], a struct of the service's own. Values that a
// document leaves out are those of own. Where T or *T has a method Validate() error, a document that it does not accept is
// rejected as a whole, as are values of the wrong type. A list of a document replaces that of own. Fields that T does not have are ignored and
// reported. changed, if it is not nil, is called with the values at once and then with each document that takes effect, under the rules of a Knob; Load has
// the new values by then.
//
// The name must be 1 to 63 letters, digits, '-' and '_', and not be used twice. T must be a struct that JSON can hold, and own must
// be valid. If not, and if the document in force does not suit T, the error says so, and Load returns own.
func AddSetting[T any](r *Registry, name string, own T, changed func(T)) (*Setting[T], error) {
	of := reflect.TypeFor[T]()
	setting := new(Setting[T])
	setting.current.Store(&own)
	if !validSection.MatchString(name) {
		return setting, fmt.Errorf("live settings: settings: %q: a name must be 1 to 63 letters, digits, '-' and '_'", name)
	}
	if of.Kind() != reflect.Struct {
		return setting, fmt.Errorf("live settings: settings.%s: %s: must be a struct", name, of)
	}
	base, err := json.Marshal(own)
	if err != nil {
		return setting, fmt.Errorf("live settings: settings.%s: %w", name, err)
	}
	prepare := func(content json.RawMessage) (func(), error) {
		next := new(T)
		var wrong error
		if err := contained(func() error {
			if len(content) > 0 {
				if wrong = typeErrors("settings."+name, content, of); wrong != nil {
					return nil
				}
			}
			return decode(next, base, content)
		}); err != nil {
			return nil, fmt.Errorf("live settings: settings.%s: %w", name, err)
		}
		if wrong != nil {
			return nil, wrong
		}
		return func() {
			setting.current.Store(next)
			if changed != nil {
				changed(*next)
			}
		}, nil
	}
	return setting, r.add(section{name, prepare, of})
}

// decode into a new value what a section holds, and what it leaves out from base; and validate it.
func decode(next any, base, content json.RawMessage) error {
	if err := json.Unmarshal(base, next); err != nil { // a copy that shares nothing with the service's own
		return err
	}
	if len(content) > 0 {
		forgetLists(reflect.ValueOf(next), content)
		if err := json.Unmarshal(content, next); err != nil {
			return err
		}
	}
	if validator, ok := next.(interface{ Validate() error }); ok {
		return validator.Validate()
	}
	return nil
}

// forgetLists that the content has of its own: encoding/json would fill their elements with what the former ones had at the same place.
func forgetLists(value reflect.Value, content json.RawMessage) {
	for value.Kind() == reflect.Pointer {
		if value.IsNil() {
			return
		}
		value = value.Elem()
	}
	if isUnmarshaler(value.Type()) || !value.CanSet() || string(content) == "null" {
		return
	}
	switch value.Kind() {
	case reflect.Slice, reflect.Array:
		value.SetZero()
	case reflect.Struct:
		var members map[string]json.RawMessage
		if json.Unmarshal(content, &members) != nil {
			return
		}
		for key, member := range members {
			if field, known := fieldOf(value.Type(), key); known {
				if of, err := value.FieldByIndexErr(field.Index); err == nil {
					forgetLists(of, member)
				}
			}
		}
	default: // the values of maps are replaced as a whole
	}
}

// contained calls what somebody else wrote, and makes an error of a panic.
func contained(f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = panics.Recovered(value)
		}
	}()
	return f()
}

// add puts the document in force that there is, or where that does not suit the section, the service's own values.
func (r *Registry) add(s section) error {
	r.turns.Lock()
	defer r.turns.Unlock()
	if slices.ContainsFunc(r.sections, func(other section) bool { return other.name == s.name }) {
		return fmt.Errorf("live settings: settings.%s: is registered twice", s.name)
	}
	own, err := s.prepare(nil)
	if err != nil {
		return err
	}
	r.sections = append(r.sections, s)
	apply, err := s.prepare(r.Report().Document.Settings[s.name])
	if err != nil {
		own()
		return err
	}
	apply()
	return nil
}

// prepare reads every section of the document; ignored are those and their fields that nobody knows. It is called while knobs may
// not be turned.
func (r *Registry) prepare(document Document) (apply []func(), ignored []string, err error) {
	var found problems
	for _, s := range r.sections {
		content := document.Settings[s.name]
		one, err := s.prepare(content)
		if err != nil {
			found.note(err)
			continue
		}
		apply = append(apply, one)
		if len(content) > 0 {
			ignored = append(ignored, unknownFields("settings."+s.name, content, s.of)...)
		}
	}
	for name := range document.Settings {
		if !slices.ContainsFunc(r.sections, func(s section) bool { return s.name == name }) {
			ignored = append(ignored, "settings."+name)
		}
	}
	slices.Sort(ignored)
	return apply, ignored, found.err()
}
