// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
	"sigs.k8s.io/yaml"
)

type object = map[string]any

// run a script as Argo CD runs those of argocd-cm: with the libraries package, base, and table, and of os only date and time. The object is the
// global obj; what the script returns becomes JSON.
func run(t *testing.T, script string, o object) []byte {
	t.Helper()
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		state.Push(state.NewFunction(open))
		state.Push(lua.LString(name))
		state.Call(1, 0)
	}
	state.PreloadModule(lua.OsLibName, dateAndTime)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // Argo CD's limit of a second is no test's
	defer cancel()
	state.SetContext(ctx)
	state.SetGlobal("obj", luajson.DecodeValue(state, o))
	if err := state.DoString(script); err != nil {
		t.Fatal(err)
	}
	returned := state.Get(-1)
	if returned.Type() != lua.LTTable {
		t.Fatalf("the script returned a %s, not a table", returned.Type())
	}
	text, err := luajson.Encode(returned)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// dateAndTime are what Argo CD leaves of the library os.
func dateAndTime(state *lua.LState) int {
	whole := state.NewFunction(lua.OpenOs)
	state.Push(whole)
	state.Push(lua.LString(lua.OsLibName))
	state.Call(1, 1)
	all := state.CheckTable(-1)
	state.Pop(1)
	some := state.NewTable()
	for _, name := range []string{"date", "time"} {
		some.RawSetString(name, all.RawGetString(name))
	}
	state.Push(some)
	return 1
}

// cleaned undoes what Argo CD undoes: Lua has one empty table, which becomes a list, for an empty list and an empty map.
func cleaned(returned, given any) any {
	switch returned := returned.(type) {
	case []any:
		if before, was := given.(object); was && len(returned) == 0 {
			return before
		}
		before, _ := given.([]any)
		for i := range returned {
			if i < len(before) {
				returned[i] = cleaned(returned[i], before[i])
			}
		}
	case object:
		before, _ := given.(object)
		for name := range returned {
			if was, known := before[name]; known {
				returned[name] = cleaned(returned[name], was)
			}
		}
	}
	return returned
}

// folder of what Argo CD has by group and kind.
var folder = filepath.Join(configFolder, "resource_customizations", "goservice.dev", "GoService")

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{folder}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func fromYAML(t *testing.T, text string, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}

func fromJSON(t *testing.T, text []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}
