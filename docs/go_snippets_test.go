// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package docs

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the toolkit's, and those below it.
const module = "goservice.dev/operator/workload/"

// exported are the packages that a snippet may use, by their import paths: the toolkit's, and what they are built from.
func exported(t *testing.T) map[string]string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "-C", filepath.Join("..", "workload", "rpc"), "list", "-buildvcs=false", "-export", "-deps",
		"-json=ImportPath,Export", "./...", module+"...", "database/sql")
	output, err := command.Output()
	if err != nil {
		if failed, isExit := errors.AsType[*exec.ExitError](err); isExit {
			t.Fatalf("%v: %s", err, failed.Stderr)
		}
		t.Fatal(err)
	}
	files := map[string]string{}
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var listed struct{ ImportPath, Export string }
		if err := decoder.Decode(&listed); errors.Is(err, io.EOF) {
			return files
		} else if err != nil {
			t.Fatal(err)
		}
		files[listed.ImportPath] = listed.Export
	}
}

// around is what a snippet has from where it stands, unless it declares it itself.
const around = `
var (
	svc     *service.Service
	ctx     context.Context
	w       http.ResponseWriter
	r       *http.Request
	mux     *http.ServeMux
	handler http.Handler
	client  *http.Client
	err     error
)
`

var (
	// A snippet leaves out bodies, lines, and the beginning of a line.
	elidedBody = regexp.MustCompile(`\{ … \}`)
	elidedLine = regexp.MustCompile(`(?m)^(\s*)…[ \t]*`)
	// undefined names are those of the reader's own program; those of a package have a dot.
	undefined = regexp.MustCompile(`^undefined: \w+$`)
	harmless  = regexp.MustCompile(`^declared and not used: |^missing return$| is not used$|^".*" imported and not used|^no new variables on left side of :=$`)
)

// Each Go snippet of the documentation uses the toolkit and the standard library by names and types that these have. What it takes from
// a program of the reader's may be anything.
func TestGoSnippetsFitTheToolkit(t *testing.T) {
	files := exported(t)
	paths := map[string]string{} // by the last element, which is the package's name; the toolkit's before others, and short ones before long ones
	for _, found := range slices.SortedFunc(maps.Keys(files), func(a, b string) int { return len(b) - len(a) }) {
		if !strings.Contains(found, "internal/") && !strings.Contains(found, "vendor/") && !strings.HasPrefix(paths[path.Base(found)], module) {
			paths[path.Base(found)] = found
		}
	}
	fileset := token.NewFileSet()
	imports := importer.ForCompiler(fileset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(files[path]) })
	snippets := 0
	for _, b := range blocks(t) {
		if b.language != "go" {
			continue
		}
		snippets++
		where := fmt.Sprintf("%s:%d", b.page, b.line)
		code := elidedLine.ReplaceAllString(elidedBody.ReplaceAllString(b.text, `{ panic("…") }`), "$1")
		for _, problem := range problems(fileset, imports, paths, code) {
			t.Errorf("%s: %v in\n%s", where, problem, code)
		}
	}
	if snippets == 0 {
		t.Error("no snippets")
	}
}

// problems of a snippet, which is a file, declarations, statements, or declarations and statements.
func problems(fileset *token.FileSet, imports types.Importer, paths map[string]string, code string) (found []error) {
	const statements = "\nfunc _() error {\n%s\n}\n"
	declared, rest := split(code)
	var file *ast.File
	var err error
	for _, source := range []string{
		code, "package p\n" + code + around, "package p\n" + fmt.Sprintf(statements, code) + around, "package p\n" + declared + fmt.Sprintf(statements, rest) + around,
	} {
		if file, err = parser.ParseFile(fileset, "snippet.go", source, parser.SkipObjectResolution); err == nil {
			break
		}
	}
	if err != nil {
		return []error{err}
	}
	if len(file.Imports) == 0 {
		importUsed(file, paths)
	}
	config := types.Config{Importer: imports, Error: func(err error) {
		if e, isType := errors.AsType[types.Error](err); isType && (undefined.MatchString(e.Msg) || harmless.MatchString(e.Msg)) {
			return
		}
		found = append(found, err)
	}}
	_, _ = config.Check("p", fileset, []*ast.File{file}, nil)
	return found
}

// split declarations of types, functions, and methods from statements.
func split(code string) (declared, rest string) {
	depth := 0 // of braces, in a declaration
	for line := range strings.Lines(code) {
		begins := strings.HasPrefix(line, "type ") || strings.HasPrefix(line, "func ")
		if depth == 0 && !begins {
			rest += line
			continue
		}
		declared += line
		depth += strings.Count(line, "{") - strings.Count(line, "}")
	}
	return declared, rest
}

// importUsed imports the packages whose names are used and not declared by the snippet.
func importUsed(file *ast.File, paths map[string]string) {
	used, own := map[string]bool{}, map[string]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.SelectorExpr:
			if name, isName := n.X.(*ast.Ident); isName {
				used[name.Name] = true
			}
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if name, isName := left.(*ast.Ident); isName && n.Tok == token.DEFINE {
					own[name.Name] = true
				}
			}
		case *ast.Field:
			for _, name := range n.Names {
				own[name.Name] = true
			}
		case *ast.ValueSpec:
			for _, name := range n.Names {
				own[name.Name] = true
			}
		}
		return true
	})
	imported := &ast.GenDecl{Tok: token.IMPORT}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if found := paths[name]; found != "" && !own[name] {
			spec := &ast.ImportSpec{Path: &ast.BasicLit{Kind: token.STRING, Value: strconv.Quote(found)}}
			imported.Specs, file.Imports = append(imported.Specs, spec), append(file.Imports, spec)
		}
	}
	file.Decls = append([]ast.Decl{imported}, file.Decls...)
}
