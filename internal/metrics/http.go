// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"net/http"
	"strconv"
	"time"
)

// Requests counts the requests of the HTTPS doors.
type Requests struct {
	count func(door, route, code string)
	time  func(took time.Duration, door, route string)
}

// Requests makes the counters that the doors share.
func (r *Registry) Requests() *Requests {
	total, took := r.Counter("genbu_http_requests_total"), r.Histogram("genbu_http_request_duration_seconds")
	return &Requests{
		count: func(door, route, code string) { total.WithLabelValues(door, route, code).Inc() },
		time: func(d time.Duration, door, route string) {
			took.WithLabelValues(door, route).Observe(d.Seconds())
		},
	}
}

// Of counts what next answers. The route is the pattern that next matched (http.Request.Pattern), never a path, which
// may hold names of keys and which anybody may make up.
func (q *Requests) Of(door string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		answer := &recorder{ResponseWriter: w, code: http.StatusOK}
		next.ServeHTTP(answer, r)
		route := r.Pattern
		if route == "" {
			route = "other"
		}
		q.count(door, route, strconv.Itoa(answer.code))
		q.time(time.Since(began), door, route)
	})
}

// recorder remembers the status code.
type recorder struct {
	http.ResponseWriter
	code  int
	wrote bool
}

func (r *recorder) WriteHeader(code int) {
	if !r.wrote {
		r.code, r.wrote = code, code >= 200
	}
	r.ResponseWriter.WriteHeader(code)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.wrote = true
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach what is underneath.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
