// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package console

import (
	"bytes"
	"strconv"

	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

// html of a document.
func (d *document) html() []byte {
	var b bytes.Buffer
	b.WriteString("<!doctype html>\n")
	el("html", at("lang", "en"),
		el("head",
			el("meta", at("charset", "utf-8")), el("meta", at("name", "viewport"), at("content", "width=device-width, initial-scale=1")),
			el("meta", at("name", "color-scheme"), at("content", "light dark")), el("title", text(d.Title+" · "+d.Heading)),
			el("link", at("rel", "icon"), at("href", d.Root+"icon.svg")), el("link", at("rel", "stylesheet"), at("href", d.Root+"console.css")),
			el("script", at("src", d.Root+"console.js"), at("defer", "defer")),
		),
		el("body",
			el("a", class("skip"), at("href", "#main"), text("Skip to content")),
			el("header",
				el("a", class("brand"), at("href", d.Root), text("GoService")), el("span", class("cluster"), text(d.Heading)),
				el("span", class("live"), at("id", "live"), at("role", "status")),
			),
			el("main", at("id", "main"), at("tabindex", "-1"), d.content()),
			el("footer",
				el("span", class("keys"), each([][2]string{{"/", " search "}, {"j", " "}, {"k", " move "}, {"Enter", " open "}, {"Esc", " back"}},
					func(key *[2]string) node { return all(el("kbd", text(key[0])), text(key[1])) })),
				el("span", text("Read only. Times are in UTC. "), el("span", live("at"), text("As of "+d.At+"."))),
			),
		),
	).write(&b)
	return b.Bytes()
}

func (d *document) content() node {
	parts := []node{el("div", live("failed"),
		when(d.Failed != "", el("p", class("banner bad"), text("Not up to date, since the cluster does not answer: "+d.Failed))))}
	if d.Problem != "" {
		parts = append(parts, el("h1", text(d.Title)), el("p", class("banner bad"), text(d.Problem)))
	}
	if d.Overview != nil {
		parts = append(parts, d.Overview.bar(), el("section", live("services"), at("aria-label", "Services"), d.Overview.services()))
	}
	if d.Detail != nil {
		parts = append(parts, d.Detail.html())
	}
	return all(parts...)
}

// bar over the services: how many there are, and the search.
func (o *Overview) bar() node {
	counted := func(n int, what, tone string) node {
		if n == 0 {
			tone = ""
		}
		return el("span", class(tone), el("b", text(show.Count(int64(n)))), text(" "+what))
	}
	return el("div", class("bar"),
		el("div", live("counts"), class("counts"), counted(o.Total, "services", ""), counted(o.Missed, "objectives missed", bad), counted(o.Urgent, "need attention", bad)),
		el("form", at("id", "search"), at("role", "search"), at("method", "get"),
			el("label", class("hidden"), at("for", "q"), text("Search services by name, namespace, state, or problem")),
			el("input", at("id", "q"), at("name", "q"), at("type", "search"), at("value", o.Query.Search), at("placeholder", "Name, namespace, missed, problem …"),
				at("autocomplete", "off"), at("spellcheck", "false")),
			when(o.Query.Sort != "", el("input", at("type", "hidden"), at("name", "sort"), at("value", o.Query.Sort))),
			el("button", at("type", "submit"), text("Search")),
		),
	)
}

func (o *Overview) services() node {
	switch {
	case !o.Complete:
		return el("p", class("empty"), text("Asking the cluster …"))
	case o.Total == 0:
		return el("p", class("empty"), text("There is no GoService here. Start the console with -A for all namespaces."))
	case len(o.Rows) == 0:
		return el("p", class("empty"), text("No service matches “"+o.Query.Search+"”. "), el("a", at("id", "clear"), at("href", "?"), text("Show all")))
	}
	caption := show.Count(int64(o.Found)) + " services"
	if o.Query.Sort == "" {
		caption += ", what needs attention first"
	}
	return all(
		el("table", class("services"), el("caption", class("hidden"), text(caption)),
			el("thead", el("tr", each(o.Columns, (*Column).html))), el("tbody", each(o.Rows, (*Line).html))),
		el("nav", class("pages"), at("aria-label", "Pages"),
			when(o.Before != "", el("a", at("id", "before"), at("rel", "prev"), at("href", o.Before), text("← Before"))),
			el("span", text(strconv.Itoa(o.From)+" to "+strconv.Itoa(o.To)+" of "+show.Count(int64(o.Found)))),
			when(o.After != "", el("a", at("id", "after"), at("rel", "next"), at("href", o.After), text("More →")))),
	)
}

func (c *Column) html() node {
	name, align := text(c.Title), ""
	if c.Number {
		align = "n"
	}
	if c.Link != "" {
		name = el("a", at("id", "sort-"+c.Key), at("href", c.Link), name)
	}
	return el("th", at("scope", "col"), class(align), at("aria-sort", c.Sorted), name)
}

func (l *Line) html() node {
	cell := func(label, classes string, parts ...node) node {
		return el("td", append([]node{at("data-label", label), class(classes)}, parts...)...)
	}
	state := el("span", class("chip "+l.SLOTone), text(l.SLO))
	if l.SLO == "-" {
		state = el("span", class("faint"), text("none"))
	}
	return el("tr",
		el("th", at("scope", "row"), el("a", class("open"), at("id", "s-"+l.Namespace+"-"+l.Name), at("href", l.Link), text(l.Name)), el("small", text(l.Namespace))),
		cell("Budget left", l.BudgetTone, when(l.BudgetPercent >= 0, el("svg", class("meter"), at("viewBox", "0 0 100 6"), at("preserveAspectRatio", "none"),
			at("aria-hidden", "true"), el("rect", class("track"), at("width", "100"), at("height", "6")),
			el("rect", class("fill"), px("width", l.BudgetPercent), at("height", "6")))), text(l.Budget)),
		cell("Objectives", "", state),
		cell("p99", "n", text(l.P99)),
		cell("Demand", "n", text(l.Demand), when(l.Peak != "-", el("small", text(" of "+l.Peak)))),
		cell("", "wide", when(l.Trend != "", el("svg", class("spark"), at("viewBox", "0 0 100 24"), at("preserveAspectRatio", "none"), at("role", "img"),
			at("aria-label", "demand over 12 hours"), el("path", at("d", l.Trend))))),
		cell("", "wide", text(orDash(l.CPU)), when(l.CPU != "" && l.CPUTarget != "", el("small", text(" of "+l.CPUTarget)))),
		cell("Replicas", "n "+l.PodsTone, text(l.Pods)),
		cell("", "problem", when(l.Problem != "", el("span", class("chip "+l.ProblemTone), text(l.Problem)))),
	)
}
