// SPDX-License-Identifier: Apache-2.0

// Package metrics is what a node shows to Prometheus (exposition formats 0.0.4 and OpenMetrics 1.0). Every part registers what
// it has, in one line, under a name of Table:
//
//	r := metrics.New()
//	r.Gauge("genbu_store_bytes", func() (float64, bool) { ... })       // asked at each scrape; false: nothing to show
//	r.Values("genbu_core_state", func(put metrics.Put) { put(1, "locked") })
//	commits := r.Histogram("genbu_store_commit_duration_seconds")      // pushed
//	r.Core(module)                                                     // all that the core counts
//	http.Handle("GET /metrics", r.Handler())
//
// A name that Table does not have, or labels that do not fit it, end the program at its start. Names of tenants, operators and
// keys are no labels: whoever reaches the HTTPS door may read this.
package metrics

import (
	"net/http"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/genbu-hsm/genbu/internal/wire"
)

// Put shows one value, with the labels of its row in their order.
type Put func(value float64, labels ...string)

// Registry gathers what the parts of a node show. Its methods may be called at any time.
type Registry struct {
	to *prometheus.Registry

	mu      sync.Mutex
	sources []source // guarded by mu
}

// source is what one reading shows, of one row or of several.
type source struct {
	rows  []Row
	descs []*prometheus.Desc
	read  func([]Put)
}

// New makes a registry with the metrics of this process.
func New() *Registry {
	r := &Registry{to: prometheus.NewRegistry()}
	r.to.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), (*polled)(r))
	return r
}

// Gauge shows one value without labels, which is read at every scrape.
func (r *Registry) Gauge(name string, read func() (float64, bool)) {
	r.Values(name, func(put Put) {
		if v, ok := read(); ok {
			put(v)
		}
	})
}

// Values shows whatever read puts at each scrape: gauges or counters, as the row says.
func (r *Registry) Values(name string, read func(put Put)) {
	r.Group([]string{name}, func(put []Put) { read(put[0]) })
}

// Group is Values for several rows that one reading yields; the functions are in the order of the names.
func (r *Registry) Group(names []string, read func(put []Put)) {
	s := source{read: read}
	for _, name := range names {
		row := find(name)
		s.rows, s.descs = append(s.rows, row), append(s.descs, desc(row))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sources = append(r.sources, s)
}

// Counter is counted up by its owner.
func (r *Registry) Counter(name string) *prometheus.CounterVec {
	row := find(name)
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: row.Name, Help: row.Help}, row.Labels)
	r.to.MustRegister(c)
	return c
}

// Histogram takes its owner's observations, in seconds, in the same buckets as the core's.
func (r *Registry) Histogram(name string) *prometheus.HistogramVec {
	row := find(name)
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: row.Name, Help: row.Help, Buckets: bounds()}, row.Labels)
	r.to.MustRegister(h)
	return h
}

// Handler answers a scrape.
func (r *Registry) Handler() http.Handler {
	return promhttp.HandlerFor(r.to, promhttp.HandlerOpts{EnableOpenMetrics: true, MaxRequestsInFlight: 4})
}

// bounds are the buckets' upper bounds in seconds.
func bounds() []float64 {
	list := make([]float64, wire.MetricBuckets-1)
	for i := range list {
		list[i] = float64(wire.MetricBound(i)) / 1e9
	}
	return list
}

func find(name string) Row {
	i := slices.IndexFunc(Table, func(r Row) bool { return r.Name == name })
	if i < 0 {
		panic("metrics: " + name + " is not in the table")
	}
	return Table[i]
}

func desc(row Row) *prometheus.Desc { return prometheus.NewDesc(row.Name, row.Help, row.Labels, nil) }

// polled is the registry as a collector of what is read at each scrape. It describes nothing beforehand, since sources
// may come later.
type polled Registry

func (p *polled) Describe(chan<- *prometheus.Desc) {}

func (p *polled) Collect(out chan<- prometheus.Metric) {
	p.mu.Lock()
	sources := slices.Clone(p.sources)
	p.mu.Unlock()
	for _, s := range sources {
		put := make([]Put, len(s.rows))
		for i := range put {
			kind := prometheus.GaugeValue
			if s.rows[i].Kind == Counter {
				kind = prometheus.CounterValue
			}
			put[i] = func(v float64, labels ...string) {
				out <- prometheus.MustNewConstMetric(s.descs[i], kind, v, labels...)
			}
		}
		s.read(put)
	}
}
