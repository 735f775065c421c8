// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package top

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

// pace at which the screen follows the board.
const pace = 250 * time.Millisecond

// Model is the live table: it renders the rows that are on the screen, however many there are.
type Model struct {
	board      *Board
	style      show.Style
	namespaces bool
	// title says whose services these are.
	title string

	rows     []Row
	changes  int
	complete bool
	offset   int
	width    int
	height   int
	// filter keeps rows whose namespace/name contains it; filtering says that it is being typed.
	filter    string
	filtering bool
}

// NewModel of a board.
func NewModel(board *Board, style show.Style, title string, namespaces bool) *Model {
	return &Model{board: board, style: style, title: title, namespaces: namespaces, changes: -1, width: 80, height: 24}
}

type tick time.Time

func next() tea.Cmd { return tea.Tick(pace, func(at time.Time) tea.Msg { return tick(at) }) }

// Init begins to follow the board.
func (m *Model) Init() tea.Cmd { return next() }

// Update the model by a key, another size, or time.
func (m *Model) Update(message tea.Msg) (tea.Model, tea.Cmd) {
	switch message := message.(type) {
	case tick:
		if m.board.Changes() != m.changes {
			m.load()
		}
		return m, next()
	case tea.WindowSizeMsg:
		m.width, m.height = message.Width, message.Height
	case tea.KeyPressMsg:
		if m.filtering {
			m.typed(message)
		} else if m.pressed(message.String()) {
			return m, tea.Quit
		}
	}
	m.offset = max(0, min(m.offset, len(m.rows)-m.page()))
	return m, nil
}

func (m *Model) load() {
	var rows []Row
	rows, m.changes, m.complete = m.board.Rows()
	m.rows = rows[:0]
	for _, row := range rows {
		if strings.Contains(row.Namespace+"/"+row.Name, m.filter) {
			m.rows = append(m.rows, row)
		}
	}
	m.offset = max(0, min(m.offset, len(m.rows)-m.page()))
}

// pressed moves, or says that the reader has seen enough.
func (m *Model) pressed(key string) (quit bool) {
	switch key {
	case "q", "ctrl+c":
		return true
	case "esc":
		m.filter = ""
		m.load()
	case "up", "k":
		m.offset--
	case "down", "j":
		m.offset++
	case "pgup", "b":
		m.offset -= m.page()
	case "pgdown", "space":
		m.offset += m.page()
	case "home", "g":
		m.offset = 0
	case "end", "G":
		m.offset = len(m.rows)
	case "/":
		m.filtering, m.filter = true, ""
		m.load()
	}
	return false
}

// typed takes a key of the filter.
func (m *Model) typed(key tea.KeyPressMsg) {
	switch key.String() {
	case "enter":
		m.filtering = false
	case "esc", "ctrl+c":
		m.filtering, m.filter = false, ""
	case "backspace":
		if runes := []rune(m.filter); len(runes) > 0 {
			m.filter = string(runes[:len(runes)-1])
		}
	default:
		m.filter += show.Plain(key.Key().Text)
	}
	m.load()
}

// page is how many rows fit between the title with its heading and the last line.
func (m *Model) page() int { return max(m.height-4, 1) }

// View of what is on the screen.
func (m *Model) View() tea.View {
	view := tea.NewView(m.screen())
	view.AltScreen = true
	view.WindowTitle = "kubectl gosvc top"
	return view
}

func (m *Model) screen() string {
	shown := fitting(m.width, m.namespaces)
	lines := []string{show.Cut(m.summary(), m.width), "", show.Cut(heading(shown, m.style), m.width+8*len(shown))}
	last := min(m.offset+m.page(), len(m.rows))
	for i := m.offset; i < last; i++ {
		lines = append(lines, m.rows[i].line(shown, m.style))
	}
	for len(lines) < m.height-1 {
		lines = append(lines, "")
	}
	return strings.Join(append(lines, m.style.Faint(show.Cut(m.footer(last), m.width))), "\n")
}

func (m *Model) summary() string {
	if err := m.board.Failed(); err != nil {
		return m.title + ": not up to date, since the cluster does not answer: " + show.Plain(err.Error())
	}
	if !m.complete {
		return m.title + ": asking the cluster …"
	}
	missed, problems := 0, 0
	for i := range m.rows {
		if m.rows[i].SLO == "missed" {
			missed++
		}
		if m.rows[i].Urgent() {
			problems++
		}
	}
	services := show.Count(int64(len(m.rows))) + " services"
	if len(m.rows) == 1 {
		services = "1 service"
	}
	return fmt.Sprintf("%s: %s; objectives missed: %d; problems: %d", m.title, services, missed, problems)
}

func (m *Model) footer(last int) string {
	if m.filtering {
		return "filter: " + m.filter + "▏  enter keeps it, esc removes it"
	}
	text := "↑ ↓ space b  move   / filter   q quit"
	if m.filter != "" {
		text = "filter: " + m.filter + "   esc removes it   " + text
	}
	if len(m.rows) > m.page() {
		text += fmt.Sprintf("   %d to %d of %d", m.offset+1, last, len(m.rows))
	}
	return text
}
