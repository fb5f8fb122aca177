// SPDX-License-Identifier: Apache-2.0

package core

import (
	"math"

	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/core/meter"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// gauges are the core's values beside the counts of calls. The host shows those that its table names
// (internal/metrics/core.go), so a new one is a line here and a line there.
func (c *Core) gauges() {
	status := func(of func(s *wire.Status) int64) func() int64 {
		return func() int64 { return of(c.Status()) }
	}
	c.meter.Gauge("channels", func() int64 { return int64(c.server.Count()) })
	c.meter.Gauge("applications", func() int64 { return int64(c.server.Applications()) })
	c.meter.Gauge("objects_loaded", status(func(s *wire.Status) int64 { return int64(s.Objects) }))
	c.meter.Gauge("partitions", status(func(s *wire.Status) int64 { return int64(s.Partitions) }))
	c.meter.Gauge("uptime", status(func(s *wire.Status) int64 { return int64(s.Uptime) }))
	c.meter.Gauge("secret_memory_used", func() int64 { used, _ := ssp.Usage(); return int64(used) })
	c.meter.Gauge("secret_memory_size", func() int64 { _, size := ssp.Usage(); return int64(size) })
	c.meter.Gauge("lease_left", c.leaseLeft)
	c.meter.Gauge("audit_lag", func() int64 {
		if c.log == nil {
			return 0
		}
		return c.log.Lag(c.system.Boot())
	})
	c.meter.Gauge("lease_members", func() int64 { return int64(c.coherence.members()) })
	c.meter.Gauge("audit_waiting", func() int64 {
		if c.log == nil {
			return 0
		}
		return int64(c.log.Waiting())
	})
}

// leaseLeft is for how many nanoseconds this core's lease holds: 0 when it is over, -1 for the only node, which needs none.
func (c *Core) leaseLeft() int64 {
	switch until := c.coherence.until.Load(); until {
	case math.MaxInt64:
		return -1
	default:
		return max(0, until-c.system.Boot())
	}
}

// counted is the network, with what this core says to others counted: a use of a key that it holds says nothing.
type counted struct {
	network
	meter *meter.Meter
}

func (n counted) Call(node key.ID, op uint16, body []byte, within int64) ([]byte, error) {
	began := n.meter.Now()
	answer, err := n.network.Call(node, op, body, within)
	var s meter.Spot
	s.Note(n.meter, meter.Call{Door: wire.DoorToCores, Call: op}, fault.Of(err), began, 0)
	return answer, err
}

// mechanisms are those that calls are counted by.
func mechanisms() []meter.Mechanism {
	rows := all.Rows()
	list := make([]meter.Mechanism, len(rows))
	for i, r := range rows {
		list[i] = meter.Mechanism{ID: r.ID, Name: r.Name}
	}
	return list
}

// noteHost counts a call of the host. An op that there is not is counted as none.
func (c *Core) noteHost(op uint16, err error, began int64) {
	if fault.Of(err) == fault.Unsupported {
		op = 0
	}
	var s meter.Spot
	s.Note(c.meter, meter.Call{Door: wire.DoorHost, Call: op}, fault.Of(err), began, 0)
}
