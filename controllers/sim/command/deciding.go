// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// decisions is a part of the operator that the simulator judges, with seeds of its own.
type decisions struct {
	// root is the declaration of package sim that runs it, files those of package sim that belong to it.
	root  string
	files []string
	// without are declarations of package plan whose results it does not read.
	without []string
}

// scaling is the operator with the HorizontalPodAutoscaler that it sets, sharing how it divides a limit.
var (
	scaling = decisions{"operator.Begin", []string{"operator.go", "hpa.go", "metrics.go"}, []string{
		"Plan.planAlerts", "Plan.findUnreachable", "Plan.planShares", "Plan.planHistogram", "Plan.planShutdown", "Plan.planStart",
	}}
	sharing = decisions{"Budget", []string{"budget.go", "budget_operator.go"}, []string{
		"Plan.planAlerts", "Plan.findUnreachable", "Plan.planReplicas", "Plan.planScaling", "Plan.planHistogram", "Plan.planPool",
		"Plan.planShutdown", "Plan.planMemory", "Plan.planStart", "Plan.planUtilization", "Plan.tune", "demandOf",
	}}
)

const (
	module     = "goservice.dev/operator"
	planning   = "controllers/plan"
	simulating = "controllers/sim"
)

// sources of the module are its declarations, as far as they are asked for. Other modules are not read: what depends on their types
// stays unknown, and whatever has the right name then counts.
type sources struct {
	root     string
	set      *token.FileSet
	info     types.Info
	packages map[string]*types.Package
	texts    map[string][]byte
	found    map[types.Object]declaration
	methods  map[string][]types.Object
	err      error
}

// declaration of a function, a method, a type, a variable or constant, by the path of its package.
type declaration struct {
	name string
	node ast.Node
}

// decidingCode reads the sources of the declarations that decide, by their names: those that the root calls, and those that these
// do, wherever in the module they are.
func decidingCode(root string, d decisions) (map[string][]byte, error) {
	s := &sources{
		root: root, set: token.NewFileSet(), info: types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}},
		packages: map[string]*types.Package{}, texts: map[string][]byte{}, found: map[types.Object]declaration{}, methods: map[string][]types.Object{},
	}
	if _, err := s.Import(module + "/" + simulating); err != nil || s.err != nil {
		return nil, fmt.Errorf("the published seeds follow from the sources below %s: %w", root, s.err) // which is also what Import returns
	}
	var without []string
	for _, name := range d.without {
		without = append(without, planning+"."+name)
	}
	left := slices.Clone(without)
	deciding, seen, queue := map[string][]byte{}, map[string]bool{}, []types.Object{}
	for object, at := range s.found {
		if at.name == simulating+"."+d.root {
			queue = append(queue, object)
		}
		left = slices.DeleteFunc(left, func(name string) bool { return name == at.name })
	}
	if len(queue) != 1 || len(left) > 0 {
		return nil, fmt.Errorf("%d declarations of %s below %s; not found: %q", len(queue), d.root, root, left)
	}
	for len(queue) > 0 {
		at, ours := s.found[queue[0]]
		queue = queue[1:]
		if !ours || seen[at.name] || slices.Contains(without, at.name) || !s.belongs(at, d) {
			continue
		}
		seen[at.name] = true
		queue = append(queue, s.used(at.node)...)
		if isShape(at.node) {
			continue
		}
		file, from, to := s.set.Position(at.node.Pos()).Filename, s.set.Position(at.node.Pos()).Offset, s.set.Position(at.node.End()).Offset
		deciding[at.name] = s.texts[file][from:to]
	}
	return deciding, nil
}

// isShape says that a node declares a type that says what there is, and not how much of it.
func isShape(node ast.Node) bool {
	_, isType := node.(*ast.TypeSpec)
	if isType {
		ast.Inspect(node, func(n ast.Node) bool {
			array, isArray := n.(*ast.ArrayType)
			isType = isType && !(isArray && array.Len != nil)
			return true
		})
	}
	return isType
}

// belongs says whether a declaration is none of the simulated world, nor of the API, which computes nothing.
func (s *sources) belongs(at declaration, d decisions) bool {
	if strings.HasPrefix(at.name, "api/") {
		return false
	}
	file := s.set.Position(at.node.Pos()).Filename
	return filepath.Dir(file) != s.folder(simulating) || slices.Contains(d.files, filepath.Base(file))
}

func (s *sources) folder(importPath string) string {
	return filepath.Join(s.root, filepath.FromSlash(strings.TrimPrefix(importPath, module+"/")))
}

// sourceFiles are the paths of a package's sources without its tests, of which there is at least one.
func sourceFiles(folder string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%s: %w", folder, fs.ErrNotExist)
	}
	return names, err
}

// used are the declarations that a node names.
func (s *sources) used(node ast.Node) []types.Object {
	var used []types.Object
	ast.Inspect(node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			switch object := s.info.Uses[n].(type) {
			case nil:
			case *types.Func:
				used = append(used, object.Origin())
			default:
				used = append(used, object)
			}
		case *ast.SelectorExpr:
			of, _ := n.X.(*ast.Ident)
			_, ofPackage := s.info.Uses[of].(*types.PkgName)
			if s.info.Uses[n.Sel] == nil && !ofPackage { // of a type that is not known
				used = append(used, s.methods[n.Sel.Name]...)
			}
		}
		return true
	})
	return used
}

// Import a package: of this module by its sources, else an empty one.
func (s *sources) Import(importPath string) (*types.Package, error) {
	if p := s.packages[importPath]; p != nil {
		return p, nil
	}
	if !strings.HasPrefix(importPath, module+"/") {
		name := path.Base(importPath)
		if strings.HasPrefix(name, "v") && strings.Trim(name[1:], "0123456789") == "" {
			name = path.Base(path.Dir(importPath))
		}
		s.packages[importPath] = types.NewPackage(importPath, name)
		s.packages[importPath].MarkComplete()
		return s.packages[importPath], nil
	}
	names, err := sourceFiles(s.folder(importPath))
	var files []*ast.File
	for _, name := range names {
		var file *ast.File
		if s.texts[name], err = os.ReadFile(name); err == nil {
			file, err = parser.ParseFile(s.set, name, s.texts[name], parser.SkipObjectResolution)
		}
		if err != nil {
			break
		}
		files = append(files, file)
	}
	if err != nil {
		s.err = err // the checker of who imports it says less
		return nil, err
	}
	checker := types.Config{Importer: s, Error: func(error) {}} // without the other modules there are many
	s.packages[importPath], _ = checker.Check(importPath, s.set, files, &s.info)
	for _, file := range files {
		for _, d := range file.Decls {
			s.declare(strings.TrimPrefix(importPath, module+"/"), d)
		}
	}
	return s.packages[importPath], nil
}

// declare what a declaration of a file does.
func (s *sources) declare(folder string, d ast.Decl) {
	note := func(name string, id *ast.Ident, node ast.Node) {
		s.found[s.info.Defs[id]] = declaration{folder + "." + name, node}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			note(d.Name.Name, d.Name, d)
			return
		}
		note(receiver(d.Recv.List[0].Type)+"."+d.Name.Name, d.Name, d)
		s.methods[d.Name.Name] = append(s.methods[d.Name.Name], s.info.Defs[d.Name])
	case *ast.GenDecl:
		// A constant may take its value from the one before.
		repeated := d.Tok == token.CONST && slices.ContainsFunc(d.Specs, func(spec ast.Spec) bool { return spec.(*ast.ValueSpec).Values == nil })
		for _, spec := range d.Specs {
			var node ast.Node = spec
			if repeated {
				node = d
			}
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				note(spec.Name.Name, spec.Name, node)
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					note(name.Name, name, node)
				}
			}
		}
	}
}

// receiver is the name of a method's type.
func receiver(of ast.Expr) string {
	for {
		switch e := of.(type) {
		case *ast.StarExpr:
			of = e.X
		case *ast.IndexExpr:
			of = e.X
		case *ast.IndexListExpr:
			of = e.X
		case *ast.Ident:
			return e.Name
		default:
			return "?"
		}
	}
}
