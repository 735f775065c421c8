// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"fmt"
	"io"
	"math"
	"strings"
)

const (
	pictureWidth, panelHeight, panelGap = 760, 120, 26
	pictureLeft, pictureTop             = 56, 40
)

// Picture draws one shape: for each algorithm the pods that the load needs, the pods that serve, and the bad seconds.
func Picture(to io.Writer, service Service, results []Result) error {
	if len(results) == 0 {
		return nil
	}
	height := pictureTop + len(results)*(panelHeight+panelGap) + 20
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n",
		pictureLeft+pictureWidth+20, height, pictureLeft+pictureWidth+20, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#ffffff"/>`+"\n")
	fmt.Fprintf(&b, `<text x="%d" y="20" font-size="14" font-weight="bold">%s: pods over time</text>`+"\n", pictureLeft, results[0].Scenario)
	fmt.Fprintf(&b, `<text x="%d" y="20" fill="#666666">grey: needed at full use; blue: serving; red: bad seconds</text>`+"\n", pictureLeft+300)
	highest := 1.0
	for i := range results {
		for _, s := range results[i].seconds[min(warmUp, len(results[i].seconds)):] {
			highest = math.Max(highest, float64(s.Ready))
		}
	}
	for i := range results {
		panel(&b, service, &results[i], pictureTop+i*(panelHeight+panelGap), highest)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(to, b.String())
	return err
}

func panel(b *strings.Builder, service Service, r *Result, top int, highest float64) {
	seconds := r.seconds[min(warmUp, len(r.seconds)):]
	x := func(i int) float64 { return pictureLeft + float64(i)*pictureWidth/float64(max(len(seconds), 1)) }
	y := func(pods float64) float64 { return float64(top+panelHeight) - pods/highest*panelHeight }
	fmt.Fprintf(b, `<text x="%d" y="%d">%s: %d bad seconds, %.0f core-seconds</text>`+"\n", pictureLeft, top-4, r.Contender, r.BadSeconds, r.CoreSeconds)
	var needed, ready strings.Builder
	last := -1
	for i, s := range seconds {
		if s.isBad(r.Percentile) {
			fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="1.5" height="%d" fill="#d62728" fill-opacity="0.6"/>`+"\n", x(i), top, panelHeight)
		}
		if i%5 == 0 {
			fmt.Fprintf(&needed, "%.1f,%.1f ", x(i), y(r.rate(float64(warmUp+i))*service.CPUTime.Seconds()/float64(service.Cores)))
		}
		if s.Ready != last {
			if last >= 0 {
				fmt.Fprintf(&ready, "%.1f,%.1f ", x(i), y(float64(last)))
			}
			fmt.Fprintf(&ready, "%.1f,%.1f ", x(i), y(float64(s.Ready)))
			last = s.Ready
		}
	}
	fmt.Fprintf(&ready, "%.1f,%.1f", x(len(seconds)), y(float64(last)))
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="#999999" stroke-width="1.5"/>`+"\n", strings.TrimSpace(needed.String()))
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="#1f77b4" stroke-width="2"/>`+"\n", ready.String())
	fmt.Fprintf(b, `<path d="M%d %dV%dH%d" fill="none" stroke="#333333"/>`+"\n", pictureLeft, top, top+panelHeight, pictureLeft+pictureWidth)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%.0f</text><text x="%d" y="%d" text-anchor="end">0</text>`+"\n",
		pictureLeft-6, top+10, highest, pictureLeft-6, top+panelHeight)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end" fill="#666666">%d min</text>`+"\n", pictureLeft+pictureWidth, top+panelHeight+14, len(seconds)/60)
}

// IsPictured says that a contender is one of the few that pictures show.
func IsPictured(contender string) bool {
	return contender == OurName || contender == StockName ||
		contender == StockMinuteName || contender == KnativeContender(60, ActivatorByDefault, 0).Name
}
