// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// phase is a stretch of the run.
type phase struct {
	from, until   time.Time
	took, applied time.Duration
	// cpu is the processor time by program.
	cpu map[string]time.Duration

	server   *server
	operator *operator
}

// phases are measurements of the same thing.
type phases []phase

func (p *phases) add(one phase) { *p = append(*p, one) }

// mean of a figure of all.
func (p phases) mean(figure func(phase) time.Duration) time.Duration {
	sum := time.Duration(0)
	for _, one := range p {
		sum += figure(one)
	}
	return sum / time.Duration(max(len(p), 1))
}

func (p phases) took() time.Duration {
	return p.mean(func(one phase) time.Duration { return one.took })
}

func (p phases) cpu(program string) time.Duration {
	return p.mean(func(one phase) time.Duration { return one.cpu[program] })
}

// beginPhase starts the clocks.
func beginPhase(server *server, operator *operator) (phase, error) {
	p := phase{server: server, operator: operator}
	var err error
	p.cpu, err = p.processorTimes()
	p.from = time.Now()
	return p, err
}

// end stops the clocks; the phase ended at the given time.
func (p phase) end(at time.Time) (phase, error) {
	now, err := p.processorTimes()
	if err != nil {
		return phase{}, err
	}
	for name, before := range p.cpu {
		now[name] -= before
	}
	p.until, p.took, p.cpu = at, at.Sub(p.from), now
	return p, nil
}

// clockTick is the unit of processor times in /proc: USER_HZ, which is 100 on every Linux.
const clockTick = 10 * time.Millisecond

// processorTimes of this process and of those that it started.
func (p phase) processorTimes() (map[string]time.Duration, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	times := map[string]time.Duration{}
	for _, path := range stats {
		content, err := os.ReadFile(path)
		if err != nil {
			continue // it ended
		}
		pid, name, fields, err := parseStat(content)
		if err != nil {
			return nil, err
		}
		if pid == os.Getpid() {
			name = "this benchmark"
		} else if fields[1] != strconv.Itoa(os.Getpid()) {
			continue
		}
		user, err := strconv.Atoi(fields[11])
		if err != nil {
			return nil, err
		}
		system, err := strconv.Atoi(fields[12])
		if err != nil {
			return nil, err
		}
		times[name] += time.Duration(user+system) * clockTick
	}
	return times, nil
}

// parseStat splits a line of /proc/<pid>/stat into the pid, the program's name and the fields after it, from the state on.
func parseStat(content []byte) (pid int, name string, fields []string, err error) {
	open, shut := bytes.IndexByte(content, '('), bytes.LastIndexByte(content, ')')
	if open < 0 || shut < open {
		return 0, "", nil, fmt.Errorf("a process status without a name: %q", content)
	}
	fields = strings.Fields(string(content[shut+1:]))
	if len(fields) < 13 {
		return 0, "", nil, fmt.Errorf("a process status with %d fields: %q", len(fields), content)
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(content[:open])))
	return pid, string(content[open+1 : shut]), fields, err
}
