package devconsul

import (
	"bytes"
	"cmp"
	"io"
	"maps"
	"net/http"
	"strconv"
)

// recorder keeps an answer until it is known that it is the one to give.
type recorder struct {
	header http.Header
	status int // 0 until it is set
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// code is the status; a handler that says nothing says OK.
func (r *recorder) code() int { return cmp.Or(r.status, http.StatusOK) }

func (r *recorder) clear() {
	r.body.Reset()
	r.header.Del("Content-Encoding")
}

// cut leaves half of the answer, as something that speaks correct HTTP but lost
// the rest.
func (r *recorder) cut() { r.body.Truncate(r.body.Len() / 2) }

// empty makes the answer one of a list with nothing in it.
func (r *recorder) empty(kv bool) {
	r.clear()
	if kv {
		r.status = http.StatusNotFound
		return
	}
	r.body.WriteString("[]")
}

func (r *recorder) copyTo(w http.ResponseWriter) {
	r.header.Set("Content-Length", strconv.Itoa(r.body.Len()))
	maps.Copy(w.Header(), r.header)
	w.WriteHeader(r.code())
	_, _ = w.Write(r.body.Bytes())
}

// Transport returns a transport that asks h directly, without a network. It
// works in a testing/synctest bubble, where real connections do not.
func Transport(h http.Handler) http.RoundTripper { return transport{h} }

type transport struct{ h http.Handler }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r = r.WithContext(r.Context()) // a shallow copy; requests are not ours to change
		r.Body = http.NoBody
	}
	defer r.Body.Close()
	rec := &recorder{header: http.Header{}}
	t.h.ServeHTTP(rec, r)
	if err := r.Context().Err(); err != nil {
		return nil, err // a client that gave up gets no answer
	}
	return &http.Response{
		Status:     strconv.Itoa(rec.code()) + " " + http.StatusText(rec.code()),
		StatusCode: rec.code(),
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        rec.header,
		Body:          io.NopCloser(&rec.body),
		ContentLength: int64(rec.body.Len()),
		Request:       r,
	}, nil
}
