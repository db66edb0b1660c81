//go:build unix

package webtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"go.uber.org/goleak"

	"github.com/stent-dev/stent/internal/testenv"
)

// patience is how long a page may take to show something.
const patience = time.Minute

// browser is the one Chromium of this process; each test has a tab of its own, in
// a browser context of its own.
var browser struct {
	sync.Mutex
	ctx  context.Context //nolint:containedctx // chromedp's handle of a browser is a context
	stop func() error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if browser.stop != nil {
		if err := browser.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stopping the browser:", err)
			code = 1
		}
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func browserOf(t *testing.T) context.Context {
	t.Helper()
	path := testenv.Chromium(t)
	browser.Lock()
	defer browser.Unlock()
	if browser.ctx != nil {
		return browser.ctx
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.DisableGPU,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("force-color-profile", "srgb"), chromedp.Flag("hide-scrollbars", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium has none for root
	}
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ := chromedp.NewContext(allocator)
	if err := chromedp.Do(ctx); err != nil {
		stopAllocator()
		t.Fatalf("starting Chromium: %v", err)
	}
	browser.ctx = ctx
	browser.stop = func() error {
		err := chromedp.Cancel(ctx)
		stopAllocator()
		return err
	}
	return ctx
}

// page is a tab that shows the dashboard.
type page struct {
	t    *testing.T
	ctx  context.Context //nolint:containedctx // chromedp's handle of a tab is a context
	base string

	mu     sync.Mutex
	errors []string // of the console
	expect []string // parts of errors that the test provokes
}

// look is how the page is looked at.
type look struct {
	name, scheme  string
	width, height int64
}

var (
	light = look{"light", "light", 1360, 860}
	dark  = look{"dark", "dark", 1360, 860}
	phone = look{"phone", "light", 375, 780}
)

// open opens the dashboard of the Stent at base. When the test ends, the page must
// have logged no error.
func open(t *testing.T, base string) *page {
	t.Helper()
	ctx, _ := chromedp.NewContext(browserOf(t), chromedp.WithNewBrowserContext())
	p := &page{t: t, ctx: ctx, base: base}
	if err := chromedp.Do(ctx); err != nil { // makes the tab
		t.Fatalf("opening a tab: %v", err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("closing the tab: %v", err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, text := range p.errors {
			if !slices.ContainsFunc(p.expect, func(part string) bool { return strings.Contains(text, part) }) {
				t.Errorf("in the browser's console: %s", text)
			}
		}
	})
	if err := chromedp.Listen(ctx, p.heard); err != nil {
		t.Fatalf("listening to the tab: %v", err)
	}
	p.must(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, cdplog.Enable, cdp.Empty{})
		return err
	}), chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return err
	}))
	p.look(light)
	return p
}

// heard notes what goes wrong in the page.
func (p *page) heard(event any) {
	text := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text = e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			text = fmt.Sprint(e.Type)
			for _, arg := range e.Args {
				text += " " + string(arg.Value) + arg.Description
			}
		}
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError || e.Entry.Level == cdplog.EntryLevelWarning {
			text = e.Entry.Text + " " + e.Entry.URL
		}
	}
	if text != "" {
		p.mu.Lock()
		p.errors = append(p.errors, text)
		p.mu.Unlock()
	}
}

// provokes says that the test brings such an error about.
func (p *page) provokes(part string) { p.expect = append(p.expect, part) }

func navigate(url string) chromedp.Action[chromedp.Void] { return chromedp.Navigate(url) }

func (p *page) must(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("in the browser: %v", err)
	}
}

// look changes size and theme of the page.
func (p *page) look(l look) {
	p.t.Helper()
	p.must(chromedp.EmulateViewport(l.width, l.height), chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}},
		})
		return err
	}))
}

// visit goes to a page by its fragment, such as "#/queues".
func (p *page) visit(fragment string) {
	p.t.Helper()
	p.must(chromedp.Navigate(p.base + "/" + fragment))
	p.waitFor("document.querySelector('h1, h3') && !document.querySelector('.notice.loading')", "the page "+fragment)
}

// js evaluates an expression.
func js[T any](p *page, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("evaluating %s: %v", expression, err)
	}
	return value
}

// waitFor waits until an expression is true.
func (p *page) waitFor(expression, what string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	for {
		yes, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		switch {
		case err == nil && yes:
			return
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			p.shoot("failed-" + p.t.Name())
			p.t.Fatalf("waited in vain for %s; the page says:\n%s", what, js[string](p, "document.body.innerText"))
		case ctx.Err() != nil:
			p.t.Fatalf("waiting for %s: %v", what, ctx.Err())
		}
		<-time.After(50 * time.Millisecond)
	}
}

// text waits until an element that matches the selector has a text in it.
func (p *page) text(selector, text string) {
	p.t.Helper()
	p.waitFor(fmt.Sprintf("[...document.querySelectorAll(%s)].some(e => e.textContent.includes(%s))", quote(selector), quote(text)), fmt.Sprintf("%q in %s", text, selector))
}

// click clicks the button or link that says text, in an element that matches within.
func (p *page) click(within, text string) {
	p.t.Helper()
	find := fmt.Sprintf(`[...document.querySelectorAll(%s)].flatMap(e => [...e.querySelectorAll('button, a, summary')]).find(e => (e.textContent.trim() || e.getAttribute('aria-label')).includes(%s) && !e.disabled)`, quote(within), quote(text))
	p.waitFor(find, fmt.Sprintf("%q in %s, to click it", text, within))
	js[bool](p, "("+find+".click(), true)")
}

// fill writes into the field with a label.
func (p *page) fill(label, text string) {
	p.t.Helper()
	p.focus(label)
	p.keys(text)
}

// field is an expression for the control with a label; while there is a dialog, in that.
func field(label string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(document.querySelector('dialog') ? 'dialog[open] label' : 'label')].find(e => e.textContent.includes(%s))?.control`, quote(label))
}

// focus puts the focus into the field with a label.
func (p *page) focus(label string) {
	p.t.Helper()
	p.waitFor(field(label), "the field "+label)
	js[bool](p, "("+field(label)+".focus(), true)")
}

// choose picks an option of the select with a label.
func (p *page) choose(label, option string) {
	p.t.Helper()
	p.focus(label)
	js[bool](p, fmt.Sprintf("(e => { e.value = %s; return e.dispatchEvent(new Event('change', { bubbles: true })); })(%s)", quote(option), field(label)))
}

// check clicks the box, or the radio button, with a label.
func (p *page) check(label string) {
	p.t.Helper()
	p.focus(label)
	js[bool](p, "("+field(label)+".click(), true)")
}

// closed waits until no dialog is open.
func (p *page) closed() {
	p.t.Helper()
	p.waitFor("!document.querySelector('dialog')", "the dialog to close")
}

// keys types.
func (p *page) keys(text string) {
	p.t.Helper()
	p.must(chromedp.KeyEvent(text))
}

// shoot takes a screenshot, if they are wanted.
func (p *page) shoot(name string) {
	dir := os.Getenv("STENT_SCREENSHOTS")
	if dir == "" {
		return
	}
	image, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name, "/", "-")+".png"), image, 0o600)
	}
	if err != nil {
		p.t.Errorf("taking a screenshot: %v", err)
	}
}

// quote gives a text as a literal of JavaScript.
func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string has a form in JSON
	}
	return string(b)
}
