// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package pool bounds how much work runs at once, and how much waits for it, under a budget that changes while work runs.
//
// A handler already has a goroutine, so it is admitted inline: Acquire and Release (or Do) cost two atomic operations when a
// worker is free. Submit runs a job on a goroutine of the pool under the same budget.
//
// Whoever finds no worker free waits in line. There are three lines, for critical, normal and sheddable work; in each, the routes
// that are waited for take turns, and so do the clients of each. Under overload a line helps nobody if it only makes everybody late, so it has three bounds, each with an error of its
// own: its depth (ErrQueueFull), the time that anybody waits in it (ErrQueueTimeout), and, known already on arrival from the rate at which
// the line moves, the wait that is to be expected (ErrWouldMissDeadline). What is admitted is therefore admitted soon, and what is
// not is told at once. Whoever gives up leaves the line in constant time, and no worker ever runs what nobody waits for any more.
//
// A pool may size itself: it then works on as few things at once as keep the processors busy, which it tells from the CPU time of the
// process and from the time that its threads wait for a processor, and on more where they wait for something else.
//
// Middleware puts a pool before an http.Handler. The package depends on the standard library only.
package pool
