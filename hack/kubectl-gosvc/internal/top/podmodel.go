// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package top

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

// PodPace is how often pods are looked at.
const PodPace = 2 * time.Second

// PodModel is the live table of the pods of one service.
type PodModel struct {
	ctx    context.Context
	pods   *Pods
	style  show.Style
	title  string
	lines  []string
	err    error
	offset int
	width  int
	height int
}

// NewPodModel of a service. The context ends what is asked of pods.
func NewPodModel(ctx context.Context, pods *Pods, style show.Style, title string) *PodModel {
	return &PodModel{ctx: ctx, pods: pods, style: style, title: title, width: 80, height: 24}
}

// looked is what a look at all pods found.
type looked struct {
	pods []Pod
	err  error
}

type lookAgain struct{}

func (m *PodModel) look() tea.Msg {
	pods, err := m.pods.Look(m.ctx)
	return looked{pods, err}
}

// Init looks for the first time.
func (m *PodModel) Init() tea.Cmd { return m.look }

// Update the model by what was found, a key, or another size.
func (m *PodModel) Update(message tea.Msg) (tea.Model, tea.Cmd) {
	switch message := message.(type) {
	case looked:
		if m.err = message.err; m.err == nil {
			m.lines = PodLines(message.pods)
		}
		return m, tea.Tick(PodPace, func(time.Time) tea.Msg { return lookAgain{} })
	case lookAgain:
		return m, m.look
	case tea.WindowSizeMsg:
		m.width, m.height = message.Width, message.Height
	case tea.KeyPressMsg:
		switch message.String() {
		case "q", "ctrl+c", "esc":
			return m, tea.Quit
		case "up", "k":
			m.offset--
		case "down", "j":
			m.offset++
		case "space", "pgdown":
			m.offset += m.height - 4
		case "b", "pgup":
			m.offset -= m.height - 4
		}
	}
	m.offset = max(0, min(m.offset, len(m.lines)-1-max(m.height-4, 1)))
	return m, nil
}

// View of the table.
func (m *PodModel) View() tea.View {
	title := m.title
	switch {
	case m.err != nil:
		title += ": not up to date, since the cluster does not answer: " + show.Plain(m.err.Error())
	case m.lines == nil:
		title += ": asking the pods …"
	}
	lines := []string{show.Cut(title, m.width), ""}
	if len(m.lines) > 0 {
		lines = append(lines, m.style.Strong(show.Cut(m.lines[0], m.width)))
		for _, line := range m.lines[min(1+m.offset, len(m.lines)):] {
			if len(lines) < m.height-1 {
				lines = append(lines, show.Cut(line, m.width))
			}
		}
	}
	for len(lines) < m.height-1 {
		lines = append(lines, "")
	}
	view := tea.NewView(strings.Join(append(lines, m.style.Faint("↑ ↓ space b  move   q quit   every 2 s")), "\n"))
	view.AltScreen = true
	view.WindowTitle = "kubectl gosvc top"
	return view
}
