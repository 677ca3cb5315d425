package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

// Client asks one process.
type Client struct{ Addr string }

// Memory makes the process collect its garbage, and asks what is left.
func (c Client) Memory(ctx context.Context) (m Memory, err error) {
	return m, c.get(ctx, "memory", func(r io.Reader) error { return json.NewDecoder(r).Decode(&m) })
}

// Profile writes what the process's CPU time goes to in the next d into a file, for
// go tool pprof. d is of whole seconds, and at least one.
func (c Client) Profile(ctx context.Context, d time.Duration, path string) error {
	return c.save(ctx, "profile?seconds="+strconv.Itoa(max(1, int(d.Seconds()))), path)
}

// Allocs writes what the process has allocated so far into a file.
func (c Client) Allocs(ctx context.Context, path string) error { return c.save(ctx, "allocs", path) }

func (c Client) save(ctx context.Context, what, path string) error {
	return c.get(ctx, what, func(r io.Reader) error {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		if _, err = io.Copy(f, r); err != nil {
			_ = f.Close()
			return err
		}
		return f.Close()
	})
}

func (c Client) get(ctx context.Context, what string, read func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.Addr+"/"+what, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 200))
		return fmt.Errorf("probe: %s: %s: %s", what, res.Status, text)
	}
	if err := read(res.Body); err != nil {
		return fmt.Errorf("probe: %s: %w", what, err)
	}
	return nil
}
