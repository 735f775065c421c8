//go:build e2e

// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package console

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/top"
)

// mostBytes that a page may have, with its style and script.
const mostBytes = 300_000

var pictures = flag.String("pictures", "", "folder into which pictures of the pages are written")

// browser is a headless Chromium and what it did.
type browser struct {
	context.Context
	mu       sync.Mutex
	hosts    map[string]bool
	problems []string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.WindowSize(1280, 900))
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	b := &browser{Context: ctx, hosts: map[string]bool{}}
	// The browser lives as long as the context of the first actions.
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank"), call(network.Enable, network.EnableParams{}), call(log.Enable, cdp.Empty{}), call(runtime.Enable, cdp.Empty{})); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err == nil {
			b.hosts[u.Host] = true
		}
	case *log.EventEntryAdded:
		b.problems = append(b.problems, e.Entry.Text+" "+e.Entry.URL)
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		b.problems = append(b.problems, fmt.Sprint("console: ", e.Type))
	}
}

func (b *browser) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b, time.Minute)
	defer cancel()
	for i, action := range actions {
		if err := chromedp.Do(ctx, action); err != nil {
			t.Fatalf("action %d: %v; %q", i+1, err, b.problems)
		}
	}
}

// call a command of the protocol.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, command, params)
		return err
	})
}

// value of an expression.
func value[T any](t *testing.T, b *browser, expression string) T {
	t.Helper()
	v, err := chromedp.Run(b, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// until an expression is true. While one page follows another, there is nothing that could evaluate it.
func until(expression string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			if is, err := chromedp.Evaluate[bool](`!!(`+expression+`)`)(ctx, target); err == nil && is {
				return nil
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s: %w", expression, ctx.Err())
			case <-tick.C:
			}
		}
	})
}

// serveFleet serves a console of so many services.
func serveFleet(t *testing.T, n int) string {
	t.Helper()
	c := consoleOf(t, fleet(t, n)...)
	started := time.Now()
	c.Now = func() time.Time { return noon.Add(time.Since(started)) }
	c.Cluster.Pods = func(*v1alpha1.GoService) (*top.Pods, error) { return runningPods(started, c.Now), nil }
	rows, _, _ := c.Board.Rows()
	for at := noon.Add(-50 * time.Minute); at.Before(noon); at = at.Add(time.Minute) {
		for i := range rows { // as if it had been open for a while
			if rows[i].RequestsPerSecond != nil {
				demand, p99 := 1150+90*math.Sin(at.Sub(noon).Minutes()/9), int64(78000+14000*math.Sin(at.Sub(noon).Minutes()/5))
				rows[i].RequestsPerSecond, rows[i].P99Microseconds = &demand, &p99
			}
		}
		c.recorder.Record(rows, at)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addresses := make(chan string, 1)
	go func() { _ = c.Run(t.Context(), listener, func(address string) { addresses <- address }) }()
	return <-addresses
}

// runningPods of a service, with metrics that grow.
func runningPods(started time.Time, now func() time.Time) *top.Pods {
	pods := &top.Pods{Now: now}
	pods.List = func(context.Context) ([]corev1.Pod, error) {
		list := make([]corev1.Pod, 9)
		for i := range list {
			pod := &list[i]
			pod.Name, pod.CreationTimestamp = "checkout-5d7f9c6b8-"+[]string{"x2x9k", "b7k2p", "c9d4m", "f3v8q", "h6j5t", "k8w2z", "m4n7r", "p5s9v", "t2d6x"}[i], metav1.NewTime(noon.Add(-5*time.Hour))
			pod.Status.Phase, pod.Status.Conditions = corev1.PodRunning, []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		}
		return list, nil
	}
	pods.Open = func(_ context.Context, pod, _ string, _ int32, _ string) (io.ReadCloser, error) {
		seconds := time.Since(started).Seconds() * (1 + float64(pod[len(pod)-1]%7)/40)
		text := fmt.Sprintf("process_cpu_seconds_total %g\nprocess_resident_memory_bytes 1.2e8\ngoservice_pool_busy 3\ngoservice_pool_workers 64\n"+
			"goservice_rate_limit_requests_per_second 111.1\n# TYPE http_server_request_duration_seconds histogram\n"+
			"http_server_request_duration_seconds_bucket{le=\"0.05\"} %[2]d\nhttp_server_request_duration_seconds_bucket{le=\"0.1\"} %[3]d\n"+
			"http_server_request_duration_seconds_bucket{le=\"+Inf\"} %[3]d\nhttp_server_request_duration_seconds_sum 1\n"+
			"http_server_request_duration_seconds_count %[3]d\n", 0.6*seconds, int(121*seconds), int(125*seconds))
		return io.NopCloser(strings.NewReader(text)), nil
	}
	pods.Of(&v1alpha1.GoService{})
	return pods
}

// pageBytes is what the page and what it loads have taken, without what follows live: a slow machine gets more of that until it is asked.
const pageBytes = `performance.getEntriesByType("navigation").concat(performance.getEntriesByType("resource").filter(e => e.initiatorType !== "xmlhttprequest"))
	.reduce((sum, e) => sum + e.transferSize, 0)`

// Chromium loads the page of 1,000 services within its budget, a reader walks through it by keyboard, and nothing goes to anybody else.
func TestTheConsoleInABrowser(t *testing.T) {
	address := serveFleet(t, 1000)
	b := newBrowser(t)
	b.do(t, chromedp.Navigate(address), chromedp.WaitVisible("table.services"),
		until(`performance.getEntriesByName("first-contentful-paint").length`))
	received := value[float64](t, b, pageBytes)
	paints := make([]float64, 5)
	for i := range paints {
		paints[i] = value[float64](t, b, `performance.getEntriesByName("first-contentful-paint")[0].startTime`)
		b.do(t, chromedp.Navigate("about:blank"), chromedp.Navigate(address), until(`performance.getEntriesByName("first-contentful-paint").length`))
	}
	slices.Sort(paints)
	// How long it takes is printed, and no bound: the machine may be busy.
	fmt.Printf("RESULT console kb=%.0f paint_ms=%.0f services=%d\n", received/1000, paints[len(paints)/2], 1000)
	if received > mostBytes || received == 0 {
		t.Errorf("the page has %.0f bytes, and may have %d", received, mostBytes)
	}
	// Without the character that the protocol would type after it, whether the page has taken the key or not.
	slash := call(input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeRawKeyDown, Key: "/", Code: "Slash"})
	b.do(t,
		chromedp.KeyEvent("j"), chromedp.KeyEvent("j"), until(`document.activeElement === document.querySelectorAll("a.open")[1]`),
		chromedp.KeyEvent("k"), until(`document.activeElement === document.querySelectorAll("a.open")[0]`),
		slash, until(`document.activeElement.id === "q"`), chromedp.KeyEvent("team-07 cart"), until(`document.querySelectorAll("a.open").length === 2`),
		chromedp.KeyEvent(kb.Enter), until(`document.activeElement.matches("a.open")`),
	)
	name := value[string](t, b, `document.activeElement.textContent`)
	b.do(t,
		chromedp.KeyEvent(kb.Enter), until(`document.querySelector("h1")?.textContent.startsWith(`+fmt.Sprintf("%q", name)+`)`),
		until(`document.getElementById("live").textContent === "live"`),
		chromedp.KeyEvent(kb.Escape), until(`document.querySelectorAll("a.open").length === 100`),
		chromedp.KeyEvent(kb.Tab), until(`document.activeElement.matches(".skip")`),
	)
	b.fits(t, address, "s/team-00/images")
	b.mu.Lock()
	defer b.mu.Unlock()
	for host := range b.hosts {
		if host != "" && !strings.HasPrefix(address, "http://"+host+"/") {
			t.Errorf("a request goes to %s", host)
		}
	}
	if len(b.problems) > 0 {
		t.Errorf("Chromium says %q", b.problems)
	}
}

// A tab that nobody sees asks for nothing, not even once what it had asked for is answered.
func TestATabThatNobodySeesAsksForNothing(t *testing.T) {
	address := serveFleet(t, 1)
	b := newBrowser(t)
	const asked = `performance.getEntriesByType("resource").filter(e => e.initiatorType === "xmlhttprequest").length`
	b.do(t, chromedp.Navigate(address), until(asked+` > 0`))
	value[bool](t, b, `(() => {
		Object.defineProperty(document, "hidden", {get: () => window.unseen});
		document.getElementById("search").requestSubmit();
		window.unseen = true;
		window.unseenSince = performance.now();
		return document.dispatchEvent(new Event("visibilitychange"));
	})()`)
	b.do(t, until(`performance.now() - unseenSince > 1000`)) // what was asked is answered
	before := value[int](t, b, asked)
	b.do(t, until(`performance.now() - unseenSince > 6000`)) // longer than two turns
	if after := value[int](t, b, asked); after != before {
		t.Errorf("it asked %d times while nobody saw it", after-before)
	}
	value[bool](t, b, `window.unseen = false, document.dispatchEvent(new Event("visibilitychange"))`)
	b.do(t, until(fmt.Sprintf("%s > %d", asked, before)))
}

// fits checks on a phone and a desktop, in both colors, that no page is wider than the screen and that text can be read.
func (b *browser) fits(t *testing.T, address string, detail string) {
	t.Helper()
	for _, screen := range []struct {
		name   string
		width  int64
		scheme string
	}{{"light", 1280, "light"}, {"dark", 1280, "dark"}, {"phone", 375, "light"}, {"phone-dark", 375, "dark"}} {
		features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: screen.scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}
		for path, name := range map[string]string{"": "console", detail: "console-service"} {
			b.do(t,
				call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: screen.width, Height: 900, DeviceScaleFactor: 1, Mobile: screen.width < 600}),
				call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}),
				chromedp.Navigate(address+path), chromedp.WaitVisible("main"), until(`document.getElementById("live").textContent === "live"`),
			)
			wide := value[string](t, b, `document.documentElement.scrollWidth > innerWidth ? "scrolls to " + document.documentElement.scrollWidth : ""`)
			faint := value[string](t, b, contrast)
			if wide != "" || faint != "" {
				t.Errorf("%s, %s: %s %s", name, screen.name, wide, faint)
			}
			if *pictures != "" {
				b.picture(t, filepath.Join(*pictures, name+"-"+screen.name+".png"), screen.width)
			}
		}
	}
}

// picture of the first part of a page.
func (b *browser) picture(t *testing.T, file string, width int64) {
	t.Helper()
	height := 1.0 * 900
	if strings.Contains(file, "service") {
		height = 1850
		b.do(t, until(`/\d/.test(document.querySelector(".pods tbody td:nth-child(3)")?.textContent)`))
	}
	beyond := true
	b.do(t, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		got, err := cdp.Call(ctx, target, page.CaptureScreenshot, page.CaptureScreenshotParams{
			CaptureBeyondViewport: &beyond, Clip: &page.Viewport{Width: float64(width), Height: height, Scale: 1},
		})
		if err != nil {
			return err
		}
		return os.WriteFile(file, got.Data, 0o644)
	}))
}

// contrast names text whose contrast with what is behind it is below 4.5, the bound of WCAG 2 AA.
const contrast = `(() => {
  const rgb = (text) => text.match(/[\d.]+/g).map(Number);
  const light = (c) => { const [r, g, b] = c.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] === 1) return c.slice(0, 3); } return [255, 255, 255]; };
  const found = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !e.getClientRects().length) continue;
    const style = getComputedStyle(e), ink = e.closest("svg") ? style.fill : style.color;
    if (!ink.startsWith("rgb")) continue;
    const [a, b] = [light(rgb(ink).slice(0, 3)), light(behind(e))], ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.add((e.className.baseVal ?? e.className) + " " + e.tagName + ": " + ratio.toFixed(2));
  }
  return [...found].join("; ");
})()`
