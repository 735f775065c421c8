// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package console serves a page of all services, and one of each, to the browser of the user who started it. It reads, and cannot write.
package console

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/top"
)

//go:embed assets
var assets embed.FS

// Cluster answers what the console asks.
type Cluster struct {
	Service func(ctx context.Context, namespace, name string) (*v1alpha1.GoService, error)
	Events  func(ctx context.Context, service *v1alpha1.GoService) ([]corev1.Event, error)
	Pods    func(service *v1alpha1.GoService) (*top.Pods, error)
}

// Console serves the pages.
type Console struct {
	Board   *top.Board
	Cluster Cluster
	// Title says whose services these are.
	Title string
	// Prometheus has the past; nil shows what was seen since the console was opened.
	Prometheus *Prometheus
	Now        func() time.Time

	recorder Recorder
	watchers watchers
	token    string
}

// Run serves the console on a listener of this machine until the context ends. Opened is called with its address.
func (c *Console) Run(ctx context.Context, listener net.Listener, opened func(address string)) error {
	c.token = rand.Text()
	address := listener.Addr().(*net.TCPAddr)
	server := &http.Server{Handler: c.handler(ctx, address.IP.String()), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	go c.record(ctx)
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	opened("http://" + listener.Addr().String() + "/" + c.token + "/")
	if err := server.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}

// record what the board has, until the context ends.
func (c *Console) record(ctx context.Context) {
	ticker := time.NewTicker(recordPace)
	defer ticker.Stop()
	for {
		if rows, _, complete := c.Board.Rows(); complete {
			c.recorder.Record(rows, c.Now())
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (c *Console) handler(ctx context.Context, address string) http.Handler {
	c.watchers = watchers{ctx: ctx, cluster: c.Cluster, prometheus: c.Prometheus}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.overview)
	mux.HandleFunc("GET /s/{namespace}/{name}", c.detail)
	for _, name := range []string{"console.css", "console.js", "icon.svg"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, assets, "assets/"+name) })
	}
	return guard(c.token, address, mux)
}

// document is what all pages share.
type document struct {
	// Root is the way to the first page.
	Root, Title, Heading, Failed, At string
	Overview                         *Overview
	Detail                           *Detail
	Problem                          string
}

func (c *Console) overview(w http.ResponseWriter, r *http.Request) {
	rows, _, complete := c.Board.Rows()
	o := OverviewOf(rows, ReadQuery(r.URL.Query()))
	o.Complete = complete
	c.write(w, r, http.StatusOK, document{Root: "./", Heading: c.Title, Title: "GoServices", Overview: o})
}

func (c *Console) detail(w http.ResponseWriter, r *http.Request) {
	key := types.NamespacedName{Namespace: r.PathValue("namespace"), Name: r.PathValue("name")}
	p := document{Root: "../../", Heading: c.Title, Title: show.Plain(key.Name)}
	service, err := c.Cluster.Service(r.Context(), key.Namespace, key.Name)
	if err != nil {
		status := http.StatusBadGateway
		if apierrors.IsNotFound(err) {
			status = http.StatusNotFound
		}
		p.Problem = show.Plain(err.Error())
		c.write(w, r, status, p)
		return
	}
	known := c.watchers.look(service, c.Now())
	known.samples = c.recorder.Of(key)
	p.Detail = DetailOf(service, known, r.URL.Query().Get("range"), c.Now())
	c.write(w, r, http.StatusOK, p)
}

// write a page, or only that the reader has it already.
func (c *Console) write(w http.ResponseWriter, r *http.Request, status int, p document) {
	if err := c.Board.Failed(); err != nil {
		p.Failed = show.Plain(err.Error())
	}
	p.At = c.Now().UTC().Format("15:04:05 UTC")
	text := p.html()
	sum := sha256.Sum256(bytes.Replace(text, []byte(p.At), nil, 1))
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	w.Header().Set("ETag", tag)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if status == http.StatusOK && strings.Contains(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(text)
}
