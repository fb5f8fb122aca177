// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Module is how the core is asked.
type Module interface {
	Call(op uint16, body []byte) ([]byte, error)
}

// gauges are the core's values by the name that it gives them, and what one unit of theirs is in ours.
var gauges = map[string]struct {
	name string
	unit float64
}{
	"channels":           {"genbu_core_channels", 1},
	"applications":       {"genbu_core_applications", 1},
	"partitions":         {"genbu_core_partitions", 1},
	"objects_loaded":     {"genbu_core_objects_loaded", 1},
	"uptime":             {"genbu_core_uptime_seconds", 1},
	"secret_memory_used": {"genbu_core_secret_memory_bytes", 1},
	"secret_memory_size": {"genbu_core_secret_memory_limit_bytes", 1},
	"lease_left":         {"genbu_lease_seconds", 1e-9},
	"audit_lag":          {"genbu_audit_lag_seconds", 1e-9},
	"audit_waiting":      {"genbu_audit_entries_waiting", 1},
	"lease_members":      {"genbu_lease_members", 1},
}

// doors by the number under which the core counts them.
var doors = map[uint8]string{wire.DoorHost: "host", wire.DoorPKCS11: "pkcs11", wire.DoorRemote: "remote", wire.DoorAzure: "azure",
	wire.DoorControl: "control"}

// ops are the calls of the boundary.
var ops = map[uint16]string{
	wire.OpConfigure: "configure", wire.OpStatus: "status", wire.OpPing: "ping", wire.OpDescribe: "describe", wire.OpChanged: "changed",
	wire.OpHealthSign: "health_sign", wire.OpMetrics: "metrics", wire.OpClose: "close", wire.OpLoad: "load", wire.OpList: "list",
	wire.OpFind: "find", wire.OpCommit: "commit", wire.OpAudit: "audit", wire.OpRoot: "root", wire.OpFindNames: "find_names",
	wire.OpNodeCertificate: "node_certificate", wire.OpNodeAddress: "node_address", wire.OpDial: "dial", wire.OpMember: "member",
	wire.OpJoined: "joined", wire.OpBackup: "backup", wire.OpPartitionBackup: "partition_backup", wire.OpPartitionRestore: "partition_restore", wire.OpVerify: "verify", wire.OpRestore: "restore",
	wire.OpTPM: "tpm",
}

// links are the calls between cores (core/lease).
var links = map[uint16]string{16: "ask_lease", 17: "tell_change"}

// answerTime is how long a scrape waits for the core. One that does not answer is shown as down.
const answerTime = 5 * time.Second

// Core shows what the core counts and says of itself.
func (r *Registry) Core(m Module) { r.core(m, answerTime) }

func (r *Registry) core(m Module, patience time.Duration) {
	r.to.MustRegister(&core{Patient(patience, func() (told, error) { return ask(m) })})
}

type core struct{ ask func() (told, bool) }

func (c *core) Describe(chan<- *prometheus.Desc) {}

func (c *core) Collect(out chan<- prometheus.Metric) {
	t, ok := c.ask()
	status, counted := t.status, t.counted
	gauge := func(name string, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc(find(name)), prometheus.GaugeValue, v, labels...)
	}
	gauge("genbu_core_up", number(ok))
	for s := wire.StateUninitialized; s <= wire.StateZeroized; s++ {
		gauge("genbu_core_state", number(ok && s == status.State), s.String())
	}
	if !ok {
		return
	}
	gauge("genbu_core_protections_missing", float64(len(status.Missing)))
	for _, g := range counted.Gauges {
		if to, known := gauges[g.Name]; known {
			gauge(to.name, float64(g.Value)*to.unit)
		}
	}
	for _, n := range counted.Counts {
		name, labels := "genbu_requests_total", []string{door(n.Door), operation(n.Door, n.Call), n.Mechanism, outcome(n.Result)}
		switch n.Door {
		case wire.DoorToHost:
			name, labels = "genbu_host_calls_total", []string{labels[1], labels[3]}
		case wire.DoorToCores:
			name, labels = "genbu_link_calls_total", []string{labels[1], labels[3]}
		}
		out <- prometheus.MustNewConstMetric(desc(find(name)), prometheus.CounterValue, float64(n.N), labels...)
	}
	for i := range counted.Times {
		out <- histogram(&counted.Times[i])
	}
}

func histogram(t *wire.MetricTime) prometheus.Metric {
	name, labels := "genbu_request_duration_seconds", []string{door(t.Door), operation(t.Door, t.Call), t.Mechanism}
	switch t.Door {
	case wire.DoorToHost:
		name, labels = "genbu_host_call_duration_seconds", labels[1:2]
	case wire.DoorToCores:
		name, labels = "genbu_link_call_duration_seconds", labels[1:2]
	}
	buckets, total := map[float64]uint64{}, uint64(0)
	for i, bound := range bounds() {
		total += t.Buckets[i]
		buckets[bound] = total
	}
	total += t.Buckets[wire.MetricBuckets-1]
	h := prometheus.MustNewConstHistogram(desc(find(name)), total, float64(t.Sum)/1e9, buckets, labels...)
	if t.Request == 0 {
		return h
	}
	return prometheus.MustNewMetricWithExemplars(h, prometheus.Exemplar{Value: float64(t.Slowest) / 1e9,
		Labels: prometheus.Labels{"request_id": strconv.FormatUint(t.Request, 10)}, Timestamp: time.Now()})
}

// told is what the core says of itself.
type told struct {
	status  wire.Status
	counted wire.Metrics
}

func ask(m Module) (t told, err error) {
	if err = call(m, wire.OpStatus, &t.status); err == nil {
		err = call(m, wire.OpMetrics, &t.counted)
	}
	return t, err
}

func call(m Module, op uint16, answer interface{ Decode(*wire.Reader) }) error {
	body, err := m.Call(op, nil)
	if err != nil {
		return err
	}
	r := wire.NewReader(body)
	answer.Decode(&r)
	return r.End()
}

func door(n uint8) string {
	if s := doors[n]; s != "" {
		return s
	}
	return "door_" + strconv.Itoa(int(n))
}

// operation is a call's name; other is what there is not, and what the core had no room to count apart.
func operation(door uint8, call uint16) string {
	boundary := door == wire.DoorHost || door == wire.DoorToHost
	switch {
	case call == 0:
		return "other"
	case door == wire.DoorToCores && links[call] != "":
		return links[call]
	case door == wire.DoorToCores:
		return "op_" + strconv.Itoa(int(call))
	case boundary && ops[call] != "":
		return ops[call]
	case boundary:
		return "op_" + strconv.Itoa(int(call))
	}
	if spec, ok := wire.Call(call).Spec(); ok {
		return strings.ToLower(spec.Name)
	}
	return "call_" + strconv.Itoa(int(call))
}

// Operation is the label of a call over the boundary.
func Operation(op uint16) string { return operation(wire.DoorHost, op) }

// Outcome is the label of an error: ok, or the name of its fault.
func Outcome(err error) string { return outcome(fault.Of(err)) }

// outcome is a fault's name as a label: ok, pin_is_incorrect.
func outcome(c fault.Code) string {
	return strings.NewReplacer(" ", "_", "-", "_", ",", "", "'", "").Replace(c.String())
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
