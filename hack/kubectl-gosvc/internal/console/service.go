// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package console

import (
	"strconv"

	"goservice.dev/operator/hack/kubectl-gosvc/internal/explain"
)

// html of one service.
func (d *Detail) html() node {
	r := d.Report
	return all(
		el("nav", class("crumbs"), at("aria-label", "Breadcrumb"), el("a", at("id", "all"), at("href", "../../"), text("All services")), text(" / "+r.Namespace)),
		d.head(),
		el("div", live("attention"), each(d.Urgent, func(a *explain.Attention) node { return attention(a, bad) }),
			each(d.Waiting, func(a *explain.Attention) node { return attention(a, warn) })),
		el("section", live("figures"), class("figures"), at("aria-label", "Figures"), each(d.Figures, func(f *Figure) node {
			return el("div", el("span", class("title"), text(f.Title)), el("b", class(f.Tone), text(f.Value)), el("small", text(f.Beside)))
		})),
		card("h-chart", "What happened", el("nav", class("ranges"), at("id", "ranges"), at("aria-label", "Time"), each(d.Ranges, func(r *Range) node {
			return el("a", at("id", "range-"+r.Label), at("href", r.Link), at("aria-current", map[bool]string{true: "true"}[r.Current]), text(r.Label))
		})),
			el("div", live("chart"), d.Chart.svg(), el("p", class("source"), text("From "+d.Source+". "+d.Chart.From+" to "+d.Chart.To+"."))),
			el("ol", live("timeline"), class("timeline"), at("tabindex", "0"), at("aria-label", "What happened, the latest first"), each(d.Timeline, (*Entry).html))),
		card("h-pods", "Pods", all(), el("div", live("pods"), d.podTable())),
		card("h-plan", "Plan", all(), el("div", live("plan"), values("Replicas", r.Replicas.Reasons), values("Each pod", r.PerPod),
			sharedQueue(r.SharedQueue), values("Tuning would change", r.Recommended))),
	)
}

func sharedQueue(q *explain.SharedQueue) node {
	if q == nil {
		return all()
	}
	return all(el("h3", text("Shared queue")), el("p", text(q.Message)))
}

// card is a section with a heading, something beside it, and content.
func card(id, title string, beside node, content ...node) node {
	return el("section", class("card"), at("aria-labelledby", id), el("div", class("cardhead"), el("h2", at("id", id), text(title)), beside), all(content...))
}

func (d *Detail) head() node {
	state := map[string]string{good: "in order", warn: "in progress", bad: "needs attention"}[d.Tone]
	address := el("span", class("mono"), text(d.Report.URL))
	if d.URL != "" {
		address = el("a", at("href", d.URL), at("rel", "noreferrer noopener"), at("target", "_blank"), text(d.URL))
	}
	return el("div", live("head"), class("head"),
		el("h1", text(d.Report.Name+" "), el("span", class("chip "+d.Tone), text(state))),
		el("p", text(d.Report.Summary+" "), el("span", class("faint mono"), text(d.Report.Image)), text(" "), address))
}

func attention(a *explain.Attention, tone string) node {
	return el("article", class("attention "+tone), el("h2", text(a.Reason), when(tone == warn, el("small", text(" in progress")))), el("p", text(a.Message)),
		when(a.Do != "", el("p", class("do"), text("→ "+a.Do))))
}

func (e *Entry) html() node {
	id, number := "", ""
	if e.Number > 0 {
		number = strconv.Itoa(e.Number)
		id = "e" + number
	}
	return el("li", at("id", id), class(e.Tone), el("span", class("no "+string(e.Source)), text(number)), el("time", text(e.At)),
		el("div", el("b", text(e.What)), el("small", text(" "+string(e.Source)+", "+e.Ago+" ago")), el("p", text(e.Message))))
}

// svg of a chart. Its texts are outside of the boxes that are stretched.
func (c *Chart) svg() node {
	label, middle := "", at("text-anchor", "middle")
	for _, p := range c.Panels {
		label += p.Title + ": " + p.Latest + ". "
	}
	vertical := func(x string) node {
		return el("line", class("grid"), at("x1", x), at("x2", x), at("y1", "20"), px("y2", c.MarksY))
	}
	return el("svg", class("chart"), at("width", "100%"), px("height", c.Height), at("role", "img"), at("aria-label", label),
		each(c.Ticks, func(t *Tick) node {
			return all(vertical(t.X), el("text", class("tick"), at("x", t.X), px("y", c.TicksY), middle, text(t.Label)))
		}),
		each(c.Panels, (*Panel).svg),
		each(c.Marks, func(m *Mark) node {
			return el("a", at("href", "#e"+strconv.Itoa(m.Number)), class("mark "+m.Class), at("tabindex", "-1"), el("title", text(m.Title)), vertical(m.X),
				el("svg", at("x", m.X), px("y", c.MarksY), at("overflow", "visible"),
					el("rect", px("x", m.Left), at("y", "-10"), px("width", m.Width), at("height", "20"), at("rx", "10")),
					el("text", at("y", "4"), middle, text(m.Label))))
		}),
	)
}

func (p *Panel) svg() node {
	level := func(name, y string) node {
		return el("line", class(name), at("x1", "0"), at("x2", "100%"), at("y1", y), at("y2", y))
	}
	legend := text(p.Latest)
	if len(p.Legend) > 0 {
		first := true
		legend = each(p.Legend, func(s *Series) node {
			separator := when(!first, el("tspan", class("sep "+s.Class), text(", ")))
			first = false
			return all(separator, el("tspan", class(s.Class), text(s.Name)))
		})
	}
	return el("svg", at("x", "0"), px("y", p.Y), at("width", "100%"), at("height", "96"), at("overflow", "visible"), level("axis", "96"), level("grid", "0"),
		el("svg", at("width", "100%"), at("height", "96"), at("viewBox", "0 0 1000 100"), at("preserveAspectRatio", "none"), at("overflow", "visible"),
			each(p.Lines, func(l *Path) node { return el("path", class("line "+l.Class), at("d", l.D)) })),
		el("text", class("panel"), at("x", "0"), at("y", "-8"), text(p.Title)), el("text", class("latest"), at("x", "100%"), at("y", "-8"), at("text-anchor", "end"), legend),
		el("text", class("tick"), at("x", "2"), at("y", "12"), text(p.Top)))
}

func (d *Detail) podTable() node {
	notes := all(when(d.Retune != "", el("p", text(d.Retune+"."))), when(d.PodsFailed != "", el("p", class("banner warn"), text(d.PodsFailed))))
	switch {
	case len(d.Pods) == 0 && !d.PodsAsked:
		return all(notes, el("p", class("empty"), text("Asking the pods …")))
	case len(d.Pods) == 0:
		return all(notes, when(d.PodsFailed == "", el("p", class("empty"), text("No pod exists."))))
	}
	titles := []string{"Pod", "Settings", "Req/s", "Share", "Rejected/s", "p99", "Busy", "CPU", "Memory", "Restarts", "Age"}
	heading := func(title *string) node {
		align := "n"
		if *title == "Pod" || *title == "Settings" {
			align = ""
		}
		return el("th", at("scope", "col"), class(align), text(*title))
	}
	return all(notes, el("div", class("scroll"), at("tabindex", "0"), at("role", "region"), at("aria-label", "Pods"),
		el("table", class("pods"), el("thead", el("tr", each(titles, heading))), el("tbody", each(d.Pods, (*PodLine).html)))))
}

func (p *PodLine) html() node {
	problem := p.Problem
	if !p.Ready && problem == "" {
		problem = "not ready"
	}
	numbers := []string{p.Demand, p.Limit, p.Rejected, p.P99, p.Busy, p.CPU, p.Memory, strconv.Itoa(int(p.Restarts)), p.Age}
	return el("tr", el("th", at("scope", "row"), class("mono"), text(p.Name+" "), when(problem != "", el("span", class("chip warn"), text(problem)))),
		el("td", el("span", class(p.ConfirmedTone), text(orDash(p.Confirmed)))), each(numbers, func(n *string) node { return el("td", class("n"), text(*n)) }))
}

func values(title string, list []explain.Value) node {
	return when(len(list) > 0, el("h3", text(title)), el("dl", class("plan"), each(list, func(v *explain.Value) node {
		return el("div", el("dt", text(v.Name)), el("dd", el("b", text(v.Value)), el("span", text(v.Reason))))
	})))
}
