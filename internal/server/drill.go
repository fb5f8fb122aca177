// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/metrics"
)

// DrillFile keeps the report of the last scheduled drill, within a node's directory.
const DrillFile = "drill-report.json"

// drillTime is far above a restore of millions of records.
const drillTime = 2 * time.Hour

// drills runs genbu drill by the clock, as a process of its own: a throw-away node is a host and a core like any other.
type drills struct {
	dir   string
	every time.Duration
	mine  func(ctx context.Context) bool
	log   *slog.Logger

	mu   sync.Mutex
	last DrillReport // guarded by mu
}

// DrillReport is what genbu drill --json answers, as far as the host looks at it.
type DrillReport struct {
	OK     bool      `json:"ok"`
	Reason string    `json:"reason,omitempty"`
	Began  time.Time `json:"began"`
	RPO    float64   `json:"rpo_seconds"`
	RTO    float64   `json:"rto_seconds"`
}

// run works until ctx ends. The time of the last drill is kept over restarts.
func (d *drills) run(ctx context.Context) {
	if text, err := os.ReadFile(filepath.Join(d.dir, DrillFile)); err == nil {
		var last DrillReport
		if json.Unmarshal(text, &last) == nil {
			d.keep(last)
		}
	}
	tick := time.NewTicker(min(d.every/4, time.Minute))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if now := time.Now(); now.Sub(d.report().Began) >= d.every && d.mine(ctx) {
			d.once(ctx, now)
		}
	}
}

func (d *drills) once(ctx context.Context, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, drillTime)
	defer cancel()
	report, text, err := d.drill(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		report = DrillReport{Reason: err.Error(), Began: now}
		text, _ = json.Marshal(report)
	}
	d.keep(report)
	if report.OK {
		d.log.Info("drill", "rpo_seconds", report.RPO, "rto_seconds", report.RTO)
	} else {
		d.log.Error("the drill failed: backups cannot be relied on", "reason", report.Reason)
	}
	if err := durable.WriteFile(filepath.Join(d.dir, DrillFile), text, 0o600); err != nil {
		d.log.Error("cannot keep the drill's report", "error", err)
	}
}

// drill runs the command that people run.
func (d *drills) drill(ctx context.Context) (r DrillReport, text []byte, err error) {
	exe, err := os.Executable()
	if err != nil {
		return r, nil, err
	}
	cmd := exec.CommandContext(ctx, exe, "drill", "--json", "--dir", d.dir)
	cmd.Dir = "/"
	cmd.WaitDelay = 10 * time.Second
	text, err = cmd.Output()
	if json.Unmarshal(text, &r) == nil && !r.Began.IsZero() {
		return r, text, nil // it says itself what failed
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = errors.New(string(exit.Stderr))
	}
	return r, nil, err
}

func (d *drills) report() DrillReport {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

func (d *drills) keep(r DrillReport) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = r
}

func showDrills(r *metrics.Registry, d *drills) {
	r.Gauge("genbu_backup_drill_timestamp_seconds", func() (float64, bool) {
		began := d.report().Began
		return float64(began.UnixMilli()) / 1000, !began.IsZero()
	})
	r.Gauge("genbu_backup_drill_ok", func() (float64, bool) {
		last := d.report()
		return number(last.OK), !last.Began.IsZero()
	})
	r.Gauge("genbu_backup_drill_rto_seconds", func() (float64, bool) {
		last := d.report()
		return last.RTO, last.OK
	})
}
