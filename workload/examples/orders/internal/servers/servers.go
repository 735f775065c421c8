// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build linux

// Package servers starts real servers for tests, from Debian's packages postgresql and redis-server: on loopback, as an unprivileged
// user, with their data in a folder that is removed at the end.
package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

const (
	startTimeout = 30 * time.Second
	startTries   = 3
	pollInterval = 20 * time.Millisecond
)

// Postgres starts a server for the test and its subtests, and returns the URL of its administrator.
func Postgres(t *testing.T) string {
	t.Helper()
	folder := folder(t)
	run(t, command(t, folder, postgresProgram(t, "initdb"), "--pgdata="+folder, "--username=orders", "--auth=trust", "--encoding=UTF8",
		"--locale=C.UTF-8", "--no-sync"))
	var url string
	start(t, "PostgreSQL", func(port string) *exec.Cmd {
		url = "postgres://orders@127.0.0.1:" + port + "/postgres"
		return command(t, folder, postgresProgram(t, "postgres"), "-D", folder, "-h", "127.0.0.1", "-p", port, "-k", "",
			"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=200")
	}, func(ctx context.Context, _ string) error {
		connection, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		return connection.Close(ctx)
	})
	return url
}

// Database makes an empty database on the server and returns its URL.
func Database(t *testing.T, server string) string {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close(context.Background()) }()
	name := "test_" + strconv.FormatInt(time.Now().UnixNano(), 36)
	if _, err := connection.Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return connection.Config().ConnString()[:len(server)-len("postgres")] + name
}

// Redis starts a server for the test and its subtests, and returns its URL.
func Redis(t *testing.T) string {
	t.Helper()
	folder := folder(t)
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("there is no redis-server: apt-get install redis-server")
	}
	var url string
	start(t, "Redis", func(port string) *exec.Cmd {
		url = "redis://127.0.0.1:" + port
		return command(t, folder, program, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", folder)
	}, func(ctx context.Context, port string) error {
		client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + port})
		defer func() { _ = client.Close() }()
		return client.Ping(ctx).Err()
	})
	return url
}

// Jaeger starts the program that JAEGER names, on the ports that it has by default. It returns where it takes traces and where it
// answers.
func Jaeger(t *testing.T) (collector, query string) {
	t.Helper()
	program := os.Getenv("JAEGER")
	if program == "" {
		t.Fatal("JAEGER must name the program: make test-jaeger")
	}
	const port = "16686"
	// As the user of the tests, who built it where nobody else may look.
	if err := startOn(t, port, own(command(t, t.TempDir(), program)), func(ctx context.Context, port string) error {
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:"+port)
		if err != nil {
			return err
		}
		return connection.Close()
	}); err != nil {
		t.Fatal(err)
	}
	return "http://127.0.0.1:4318", "http://127.0.0.1:" + port
}

// folder that the server's user can reach.
func folder(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	credential := unprivileged(t)
	if credential == nil {
		return folder
	}
	for _, path := range []string{folder, filepath.Dir(folder), filepath.Dir(filepath.Dir(folder))} {
		if err := os.Chown(path, int(credential.Uid), int(credential.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// unprivileged is whom servers run as where the tests run as root, which PostgreSQL refuses.
func unprivileged(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, err1 := strconv.ParseUint(nobody.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(nobody.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func postgresProgram(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil && name != "postgres" {
		return path
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name) // Debian keeps them out of PATH
	if err != nil || len(found) == 0 {
		t.Fatalf("there is no %s: apt-get install postgresql", name)
	}
	return found[len(found)-1]
}

// command ends with the process that started it, however that ends.
func command(t *testing.T, folder, program string, arguments ...string) *exec.Cmd {
	t.Helper()
	command := exec.Command(program, arguments...)
	command.Dir = folder
	command.SysProcAttr = &syscall.SysProcAttr{Credential: unprivileged(t), Pdeathsig: syscall.SIGQUIT}
	return command
}

// own runs the command as the user of the tests.
func own(command *exec.Cmd) *exec.Cmd {
	command.SysProcAttr.Credential = nil
	return command
}

func run(t *testing.T, command *exec.Cmd) {
	t.Helper()
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command.Path, err, output)
	}
}

// start tries another port if somebody else has just taken the one that was free.
func start(t *testing.T, name string, with func(port string) *exec.Cmd, answers func(ctx context.Context, port string) error) {
	t.Helper()
	var err error
	for range startTries {
		port := freePort(t)
		if err = startOn(t, port, with(port), answers); err == nil {
			return
		}
	}
	t.Fatalf("%s does not start: %v", name, err)
}

func startOn(t *testing.T, port string, command *exec.Cmd, answers func(ctx context.Context, port string) error) error {
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	var why error
	go func() {
		why = command.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGQUIT) // it may have ended
		<-ended
	})
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if err = answers(ctx, port); err == nil {
			return nil
		}
		select {
		case <-ended:
			text, _ := os.ReadFile(log.Name())
			return fmt.Errorf("it ended: %w\n%s", why, text)
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
