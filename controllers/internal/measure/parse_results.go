// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import "fmt"

// maxHistograms of one format.
const maxHistograms = 4

// results of requests.
type results struct{ requests, failed, limited, unmatched float64 }

// result reads a line that counts requests by their result.
func (p *parser) result(index int, h *histogramFormat, line []byte) error {
	p.known = p.known || !p.onToolkit
	value, err := valueOf(line)
	if err != nil || value == 0 || h.isExcepted(line) { // libraries begin with a series for each result that there could be
		return err
	}
	r := &p.results[index]
	r.requests += value
	failed, limited, err := p.judge(h, line)
	switch {
	case failed:
		r.failed += value
	case limited:
		r.limited += value
	case p.onToolkit && unmatched(line):
		r.unmatched += value
	}
	return err
}

// judgement of a result.
type judgement struct{ failed, limited bool }

// maxResults are how many different results a page may have: each is compared with a user's expression.
const maxResults = 1000

// judge the result of a series, each different one once.
func (p *parser) judge(h *histogramFormat, line []byte) (failed, limited bool, err error) {
	result := h.result(line)
	if !h.expressive || len(result) > maxResult {
		return h.failed(result), h.ignored(result), nil
	}
	known, is := p.judged[string(result)]
	if !is {
		if len(p.judged) == maxResults {
			return false, false, fmt.Errorf("metrics: more than %d different results", maxResults)
		}
		if p.judged == nil {
			p.judged = map[string]judgement{}
		}
		known = judgement{h.failed(result), h.ignored(result)}
		p.judged[string(result)] = known
	}
	return known.failed, known.limited, nil
}

// tally the results that belong to the histogram that counts, or the first ones where there is none.
func (p *parser) tally() {
	for i := range p.histograms {
		if r := p.results[i]; i == p.chosen || p.chosen == len(p.histograms) && r.requests > 0 {
			p.sample.Requests, p.sample.Failed, p.sample.RateLimited, p.sample.Unmatched = r.requests, r.failed, r.limited, r.unmatched
			return
		}
	}
}
