// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package loadgen

import (
	"runtime"
	"syscall"
	"testing"
	"time"
)

// The runtime interrupts threads by signals, which end what they wait for in the kernel.
func TestASignalSendsNoRequestEarly(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	thread, stop, stopped := syscall.Gettid(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				_, _, _ = syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(syscall.Getpid()), uintptr(thread), uintptr(syscall.SIGURG))
				runtime.Gosched()
			}
		}
	}()
	defer func() {
		close(stop)
		<-stopped
	}()
	var c clock
	defer c.stop()
	for range 50 {
		due := time.Now().Add(coarse)
		if c.waitUntil(t.Context(), due); time.Now().Before(due) {
			t.Fatalf("sent %s early", time.Until(due))
		}
	}
}
