// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// editor walks a declaration and collects the changes that are possible in it.
type editor struct {
	pkg, file string
	source    []byte
	positions *token.File
	// scope is the function, constant or variable that is walked.
	scope   string
	changes []*change
	// results are the types that the function returns in which the walk is.
	results []ast.Expr
}

const leftOut = "(left out)"

// swapped operators: each is replaced by each of its partners.
var swapped = map[token.Token][]token.Token{
	token.LAND: {token.LOR},
	token.LOR:  {token.LAND},
	token.EQL:  {token.NEQ},
	token.NEQ:  {token.EQL},
	token.LSS:  {token.LEQ, token.GEQ},
	token.LEQ:  {token.LSS, token.GTR},
	token.GTR:  {token.GEQ, token.LEQ},
	token.GEQ:  {token.GTR, token.LSS},
	token.ADD:  {token.SUB},
	token.SUB:  {token.ADD},
	token.MUL:  {token.QUO},
	token.QUO:  {token.MUL},
	token.REM:  {token.MUL},
	token.SHL:  {token.SHR},
	token.SHR:  {token.SHL},
	token.AND:  {token.OR},
	token.OR:   {token.AND},

	token.ADD_ASSIGN: {token.SUB_ASSIGN},
	token.SUB_ASSIGN: {token.ADD_ASSIGN},
	token.MUL_ASSIGN: {token.QUO_ASSIGN},
	token.QUO_ASSIGN: {token.MUL_ASSIGN},
}

// Visit is called for each node. What it returns walks the node's children.
func (e *editor) Visit(node ast.Node) ast.Visitor {
	switch n := node.(type) {
	case *ast.FuncDecl:
		return e.inside(n.Type, n.Body)
	case *ast.FuncLit:
		return e.inside(n.Type, n.Body)
	case *ast.ArrayType, *ast.StructType, *ast.TypeSpec:
		return nil
	case *ast.BinaryExpr:
		e.operator(n, n.OpPos, n.Op, isText(n.X) || isText(n.Y))
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			e.replace(n, n.Pos(), n.X.Pos(), "", e.raw(n.X))
		}
	case *ast.CallExpr:
		return e.call(n)
	case *ast.BasicLit:
		e.number(n)
	case *ast.ReturnStmt:
		e.returned(n)
	default:
		e.statement(node)
	}
	return e
}

// inside walks a function's body with the types that it returns.
func (e *editor) inside(kind *ast.FuncType, body *ast.BlockStmt) ast.Visitor {
	if body == nil {
		return nil
	}
	outer := e.results
	e.results = nil
	if kind.Results != nil {
		for _, field := range kind.Results.List {
			for range max(1, len(field.Names)) {
				e.results = append(e.results, field.Type)
			}
		}
	}
	ast.Walk(e, body)
	e.results = outer
	return nil
}

// statement collects the changes of conditions, and of statements that can be left out.
func (e *editor) statement(node ast.Node) {
	switch n := node.(type) {
	case *ast.IfStmt:
		e.condition(n.Cond)
	case *ast.ForStmt:
		if n.Cond != nil {
			e.whole(n.Cond, "false && ("+e.raw(n.Cond)+")")
		}
	case *ast.SwitchStmt:
		if n.Tag == nil {
			for _, clause := range n.Body.List {
				for _, condition := range clause.(*ast.CaseClause).List {
					e.condition(condition)
				}
			}
		}
	case *ast.AssignStmt:
		e.assignment(n)
	case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt, *ast.GoStmt, *ast.SendStmt:
		e.replace(node, node.Pos(), node.End(), "", leftOut)
	case *ast.BranchStmt:
		switch {
		case n.Tok == token.CONTINUE && n.Label == nil:
			e.whole(n, "break")
		case n.Tok == token.BREAK:
			e.replace(n, n.Pos(), n.End(), "", leftOut)
		}
	}
}

func (e *editor) condition(condition ast.Expr) {
	e.whole(condition, "true || ("+e.raw(condition)+")")
	e.whole(condition, "false && ("+e.raw(condition)+")")
}

// assignment leaves an assignment out. What it would assign is still evaluated, so that nothing becomes unused.
func (e *editor) assignment(n *ast.AssignStmt) {
	if n.Tok == token.DEFINE {
		return
	}
	if n.Tok != token.ASSIGN {
		e.operator(n, n.TokPos, n.Tok, len(n.Rhs) == 1 && isText(n.Rhs[0]))
	}
	blank := make([]string, len(n.Lhs))
	effective := false
	for i, target := range n.Lhs {
		blank[i] = "_"
		name, is := target.(*ast.Ident)
		effective = effective || !is || name.Name != "_"
	}
	if effective {
		with := strings.Join(blank, ", ") + " = " + e.between(n.Rhs[0].Pos(), n.End())
		e.replace(n, n.Pos(), n.End(), with, leftOut)
	}
}

func (e *editor) operator(n ast.Node, at token.Pos, operator token.Token, text bool) {
	if text && (operator == token.ADD || operator == token.ADD_ASSIGN) {
		return // no text is subtracted
	}
	for _, other := range swapped[operator] {
		end := at + token.Pos(len(operator.String()))
		e.replace(n, at, end, other.String(), e.between(n.Pos(), at)+other.String()+e.between(end, n.End()))
	}
}

// call swaps min and max. The capacity that make reserves is left alone: nobody can see it.
func (e *editor) call(n *ast.CallExpr) ast.Visitor {
	name, is := n.Fun.(*ast.Ident)
	if !is {
		return e
	}
	switch {
	case name.Name == "min" && len(n.Args) > 1:
		e.replace(n, name.Pos(), name.End(), "max", "max"+e.between(name.End(), n.End()))
	case name.Name == "max" && len(n.Args) > 1:
		e.replace(n, name.Pos(), name.End(), "min", "min"+e.between(name.End(), n.End()))
	case name.Name == "make" && len(n.Args) == 3:
		ast.Walk(e, n.Args[1])
		return nil
	case name.Name == "make" && len(n.Args) == 2:
		if _, slice := n.Args[0].(*ast.MapType); slice {
			return nil
		}
	}
	return e
}

func (e *editor) number(n *ast.BasicLit) {
	if n.Kind != token.INT && n.Kind != token.FLOAT {
		return
	}
	switch n.Value {
	case "0":
		e.whole(n, "1")
	case "1":
		e.whole(n, "2")
	default:
		e.whole(n, "("+n.Value+"*11/10+1)")
	}
}

// returned puts the zero value in the place of each value that is returned, and negates booleans.
func (e *editor) returned(n *ast.ReturnStmt) {
	if len(n.Results) != len(e.results) {
		return
	}
	for i, value := range n.Results {
		text, zero := e.raw(value), e.zeroOf(e.results[i])
		if zero == "false" {
			zero = "!(" + text + ")"
		}
		if text == zero || text == "nil" || text == "0" || text == `""` || text == e.raw(e.results[i])+"{}" {
			continue // it is the zero value
		}
		e.replace(n, value.Pos(), value.End(), zero, fmt.Sprintf("return value %d: %s", i+1, zero))
	}
}

// zeroOf writes the zero value of a type.
func (e *editor) zeroOf(kind ast.Expr) string {
	switch t := kind.(type) {
	case *ast.StarExpr, *ast.MapType, *ast.FuncType, *ast.ChanType:
		return "nil"
	case *ast.ArrayType:
		if t.Len == nil {
			return "nil"
		}
	case *ast.Ident:
		switch t.Name {
		case "bool":
			return "false"
		case "error", "any":
			return "nil"
		case "string":
			return `""`
		case "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64", "float32", "float64", "byte", "rune":
			return "0"
		}
	}
	return "*new(" + e.raw(kind) + ")"
}

// whole replaces all of a node.
func (e *editor) whole(n ast.Node, with string) { e.replace(n, n.Pos(), n.End(), with, with) }

// replace adds a change: from and to is what is replaced of a node, and after is what the node is in the key then.
func (e *editor) replace(n ast.Node, from, to token.Pos, with, after string) {
	// One line, however the code is broken into lines.
	key := strings.Join(strings.Fields(fmt.Sprintf("%s %s: %s => %s", e.pkg, e.scope, e.raw(n), after)), " ")
	e.changes = append(e.changes, &change{
		file: e.file, line: e.positions.Line(from), key: key,
		source: e.source, start: e.positions.Offset(from), end: e.positions.Offset(to), with: with,
	})
}

func (e *editor) raw(n ast.Node) string { return e.between(n.Pos(), n.End()) }

func (e *editor) between(from, to token.Pos) string {
	return string(e.source[e.positions.Offset(from):e.positions.Offset(to)])
}

func isText(expression ast.Expr) bool {
	switch x := expression.(type) {
	case *ast.BasicLit:
		return x.Kind == token.STRING
	case *ast.BinaryExpr:
		return isText(x.X) || isText(x.Y)
	}
	return false
}
