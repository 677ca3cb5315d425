package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// forget deletes all keys below a prefix.
func forget(ctx context.Context, consul, prefix string) error {
	if !strings.Contains(consul, "://") {
		consul = "http://" + consul
	}
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, consul+"/v1/kv/"+prefix+"/?recurse", nil)
	if err != nil {
		return err
	}
	if token := os.Getenv("CONSUL_HTTP_TOKEN"); token != "" {
		req.Header.Set("X-Consul-Token", token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}
