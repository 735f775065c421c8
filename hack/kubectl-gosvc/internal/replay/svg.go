// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package replay

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"
	"time"

	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

const (
	svgLeft, svgWidth, svgTop, svgPanel, svgGap = 64, 860, 56, 96, 30
	// svgColumns are as many points as can be told apart.
	svgColumns = svgWidth
)

// SVG writes the picture: the demand, and below it of each setting the pods and, in red, when the objectives were missed.
func (r *Report) SVG(out io.Writer) error {
	var b strings.Builder
	height := svgTop + (len(r.Outcomes)+1)*(svgPanel+svgGap) + 16
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="sans-serif" font-size="12">`+"\n",
		svgLeft+svgWidth+20, height)
	b.WriteString(`<rect width="100%" height="100%" fill="#ffffff"/>` + "\n")
	fmt.Fprintf(&b, `<text x="%d" y="22" font-size="15" font-weight="bold">%s</text>`+"\n", svgLeft, html.EscapeString(r.Namespace+"/"+r.Name))
	fmt.Fprintf(&b, `<text x="%d" y="22" text-anchor="end" fill="#555555">%s to %s; red: the objectives were missed</text>`+"\n",
		svgLeft+svgWidth, show.Zoned(r.From), show.Zoned(r.To))
	most := 1.0
	for _, o := range r.Outcomes {
		most = max(most, highest(o.Pods))
	}
	demand := r.recording.Demand
	panel(&b, svgTop, "requests per second", demand, nil, max(highest(demand), 1e-9), "#777777")
	for i, o := range r.Outcomes {
		text := fmt.Sprintf("%s: %s pod-hours, %d pods at most", o.Settings, hours(o.PodHours), o.MostPods)
		if o.MissedSeconds != nil {
			text += fmt.Sprintf(", %s missed", readable(time.Duration(*o.MissedSeconds)*time.Second))
		}
		panel(&b, svgTop+(i+1)*(svgPanel+svgGap), text, o.Pods, o.Missed, most, "#1f6fb4")
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(out, b.String())
	return err
}

// panel of a line; a value that is not known leaves a gap.
func panel(b *strings.Builder, top int, title string, values []float64, missed []bool, most float64, color string) {
	fmt.Fprintf(b, `<text x="%d" y="%d">%s</text>`+"\n", svgLeft, top-6, html.EscapeString(title))
	for i, bad := range columns(marks(missed), svgColumns) {
		if bad > 0 {
			width := svgWidth / float64(min(len(missed), svgColumns))
			fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="#d62728" fill-opacity="0.55"/>`+"\n", svgLeft+float64(i)*width, top, max(width, 1), svgPanel)
		}
	}
	var d strings.Builder
	points, open := columns(values, svgColumns), false
	for i, v := range points {
		if math.IsNaN(v) {
			open = false
			continue
		}
		x, command := svgLeft+float64(i)*svgWidth/float64(len(points)), "L"
		if !open {
			command = "M"
		}
		fmt.Fprintf(&d, "%s%.1f %.1f", command, x, float64(top+svgPanel)-v/most*svgPanel)
		fmt.Fprintf(&d, "H%.1f", x+svgWidth/float64(len(points)))
		open = true
	}
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n", d.String(), color)
	fmt.Fprintf(b, `<path d="M%d %dV%dH%d" fill="none" stroke="#333333"/>`+"\n", svgLeft, top, top+svgPanel, svgLeft+svgWidth)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text><text x="%d" y="%d" text-anchor="end">0</text>`+"\n",
		svgLeft-6, top+10, show.Rate(most), svgLeft-6, top+svgPanel)
}

func marks(missed []bool) []float64 {
	all := make([]float64, len(missed))
	for i, is := range missed {
		if is {
			all[i] = 1
		}
	}
	return all
}
