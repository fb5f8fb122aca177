// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/fips140"
	"crypto/tls"
	"crypto/x509"
	"runtime"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/cluster"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/metrics"
	"github.com/genbu-hsm/genbu/internal/service"
	"github.com/genbu-hsm/genbu/internal/store/etcd"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// What the parts of a node show at /metrics (internal/metrics has the table). A new part adds its rows there, a function
// here, and a line to Run.

// showHost shows what the process is.
func showHost(r *metrics.Registry, began time.Time) {
	r.Values("genbu_build_info", func(put metrics.Put) { put(1, wire.Version, goVersion(), fips140.Version()) })
	r.Gauge("genbu_start_time_seconds", func() (float64, bool) { return float64(began.UnixMilli()) / 1000, true })
}

func showStore(r *metrics.Registry, engine *cluster.Store) {
	usage := func(of func(u etcd.Usage) float64) func() (float64, bool) {
		return func() (float64, bool) {
			u, err := engine.Usage(context.Background())
			return of(u), err == nil
		}
	}
	r.Gauge("genbu_store_bytes", usage(func(u etcd.Usage) float64 { return float64(u.File) }))
	r.Gauge("genbu_store_used_bytes", usage(func(u etcd.Usage) float64 { return float64(u.InUse) }))
	r.Gauge("genbu_store_quota_bytes", usage(func(u etcd.Usage) float64 { return float64(u.Quota) }))
	r.Gauge("genbu_store_full", usage(func(u etcd.Usage) float64 { return number(u.Full) }))
}

func showService(r *metrics.Registry, s *service.Service) {
	commits := r.Histogram("genbu_store_commit_duration_seconds")
	s.Committed = func(took time.Duration, err error) {
		commits.WithLabelValues(metrics.Outcome(err)).Observe(took.Seconds())
	}
	r.Gauge("genbu_index_ready", func() (float64, bool) {
		_, ready := s.Objects()
		return number(ready), true
	})
	r.Gauge("genbu_index_objects", func() (float64, bool) {
		n, ready := s.Objects()
		return float64(n), ready
	})
	r.Gauge("genbu_index_lag_revisions", func() (float64, bool) {
		_, ready := s.Objects()
		return float64(s.Lag()), ready
	})
}

// restarts counts the cores that ended.
func restarts(r *metrics.Registry) func(reason string) {
	n := r.Counter("genbu_core_restarts_total")
	for _, reason := range []string{"crash", "locked", "zeroized"} {
		n.WithLabelValues(reason)
	}
	return func(reason string) { n.WithLabelValues(reason).Inc() }
}

// showCertificate shows when a certificate ends.
func showCertificate(r *metrics.Registry, use string, c *tls.Config) {
	r.Values("genbu_certificate_expiry_timestamp_seconds", func(put metrics.Put) {
		if now, err := c.GetCertificate(nil); err == nil {
			if leaf, err := x509.ParseCertificate(now.Certificate[0]); err == nil {
				put(float64(leaf.NotAfter.Unix()), use)
			}
		}
	})
}

// writable finds out whether the store takes writes: it answers a read that the majority must confirm, and has room.
func writable(engine *cluster.Store) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		if u, err := engine.Usage(ctx); err != nil || u.Full {
			if err == nil {
				err = fault.StoreFull.At("look at the store")
			}
			return err
		}
		_, err := engine.Get(ctx, "0") // no such record: the answer is what counts
		if fault.Of(err) == fault.RecordUnknown {
			err = nil
		}
		return err
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// goVersion is Go's version without the experiments.
func goVersion() string {
	v, _, _ := strings.Cut(runtime.Version(), " ")
	return v
}
