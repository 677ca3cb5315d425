package page_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// limit is for anything that the page should do, on a busy machine.
const limit = 30 * time.Second

// chromium is started once for all tests, and ended after them.
var (
	chromium = sync.OnceValues(launch)
	end      = func() {}
)

func TestMain(m *testing.M) {
	code := m.Run()
	end()
	os.Exit(code)
}

// browser is Chromium. Where it cannot be had the test is skipped, but not in CI,
// and not where RESEAT_CHROMIUM is set: there it fails.
func browser(t *testing.T) context.Context {
	t.Helper()
	ctx, err := chromium()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true" || os.Getenv("RESEAT_CHROMIUM") != "":
		t.Fatalf("the live page is not tested: %v", err)
	default:
		t.Skipf("SKIPPED, THE LIVE PAGE IS NOT TESTED: %v", err)
	}
	return ctx
}

func launch() (context.Context, error) {
	path, err := find()
	if err != nil {
		return nil, err
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // there is none for root, and it opens only what we serve
		chromedp.DisableGPU,
	)
	alloc, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, closeTab := chromedp.NewContext(alloc)
	end = func() { closeTab(); stop() }
	if err := chromedp.Do(ctx); err != nil {
		return nil, fmt.Errorf("%s does not start: %w", path, err)
	}
	return ctx, nil
}

// find asks the script, which may download Debian's Chromium once.
func find() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "../../../tools/chromium/find.sh")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("tools/chromium/find.sh: %w", err)
	}
	return strings.TrimSpace(out.String()), nil
}

// tab is an open page. What its console complains of fails the test when it ends.
type tab struct {
	t       *testing.T
	ctx     context.Context //nolint:containedctx // a tab is a context
	forgive string          // complaints with this in them are expected; empty: none is
}

// open opens the page of an API in a window of that size.
func open(t *testing.T, url string, width, height int64, first ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser(t), chromedp.WithNewBrowserContext())
	p := &tab{t: t, ctx: ctx}
	console := chromedp.Console(ctx)
	t.Cleanup(func() { defer cancel(); p.judge(console) })
	p.do(append(first, chromedp.EmulateViewport(width, height), chromedp.Navigate(url))...)
	return p
}

// judge reads the console to its end.
func (p *tab) judge(console iter.Seq2[chromedp.ConsoleMessage, error]) {
	const end = "that was the test"
	p.do(chromedp.Evaluate[chromedp.Void](`console.log("` + end + `")`))
	for m, err := range console {
		switch {
		case err != nil:
			p.t.Errorf("the console cannot be read: %v", err)
			return
		case m.Text == end:
			return
		case p.forgive == "" || !strings.Contains(m.String(), p.forgive):
			p.t.Errorf("the console says: %s", m)
		}
	}
}

func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	require.NoError(p.t, chromedp.Do(ctx, actions...))
}

// until waits for the page to change so that the expression is true.
func (p *tab) until(expression string, args ...any) {
	p.t.Helper()
	expression = fmt.Sprintf(expression, args...)
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](`new Promise((done, failed) => {
		const eyes = new MutationObserver(look);
		eyes.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
		function look() {
			try { if (`+expression+`) { eyes.disconnect(); done(); } } catch (e) { eyes.disconnect(); failed(e); }
		}
		look();
	})`, chromedp.EvalAwaitPromise))
	if errors.Is(err, context.DeadlineExceeded) {
		p.t.Fatalf("after %s this is not true: %s\nThe page says:\n%s", limit, expression, ask[string](p, `document.body.innerText.replace(/\s*\n\s*/g, " | ")`))
	}
	require.NoError(p.t, err, expression)
}

// ask evaluates an expression.
func ask[T any](p *tab, expression string, args ...any) T {
	p.t.Helper()
	return get(p, chromedp.Evaluate[T](fmt.Sprintf(expression, args...)))
}

func get[T any](p *tab, action chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	require.NoError(p.t, err)
	return v
}

// media makes the browser prefer something, such as prefers-color-scheme: dark.
func media(feature, value string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: feature, Value: value}},
		})
		return chromedp.Void{}, err
	}
}
