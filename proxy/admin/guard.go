package admin

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
)

// maxBody bounds what a request may say.
const maxBody = 64 << 10

// admitLocal is for requests without a token on a loopback address: they may come
// from a browser of this machine that shows the page of somebody else. Its name for
// us may be one of its own (DNS rebinding), so ours must be asked for; and whatever
// it is called, only our own page may ask.
func admitLocal(r *http.Request, open bool) *Problem {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if !loopback(host) {
		return problem(http.StatusForbidden, "host", "this API is for this machine only: ask for it as http://127.0.0.1, not as %.80q", r.Host)
	}
	foreign := problem(http.StatusForbidden, "origin", "a page of another site asks: use the page of this API, or a program that is no browser")
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
	default:
		if !open {
			return foreign
		}
	}
	if http.NewCrossOriginProtection().Check(r) != nil {
		return foreign
	}
	return nil
}

// decode reads the body of a request, which must be one JSON value of v's form.
func decode(w http.ResponseWriter, r *http.Request, v any) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return problem(http.StatusUnsupportedMediaType, "content_type", "send JSON, with Content-Type: application/json")
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	if err = dec.Decode(v); err == nil {
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = errors.New("more follows it")
		}
	}
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return problem(http.StatusRequestEntityTooLarge, "too_large", "send at most %d bytes", maxBody)
	}
	return problem(http.StatusBadRequest, "body", "the body is not what is expected (%v): see %s in GET /openapi.json", err, r.URL.Path)
}
