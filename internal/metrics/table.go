// SPDX-License-Identifier: Apache-2.0

package metrics

// Kind of a metric, in Prometheus' words.
type Kind string

const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Row is one metric that a node shows.
type Row struct {
	Name   string
	Kind   Kind
	Labels []string
	Help   string
}

// Table is every metric of ours. docs/spec/metrics.md shows it, dashboard and alert rules may use nothing else, and a test
// compares all of them. Beside it stand the Go runtime's and the process's own (go_*, process_*), of the host.
var Table = []Row{
	{"genbu_build_info", Gauge, []string{"version", "go", "module"}, "Always 1: the version of this program, of Go, and of the FIPS module."},
	{"genbu_start_time_seconds", Gauge, nil, "When the host started, in seconds since 1970."},

	{"genbu_core_up", Gauge, nil, "1 while a core answers."},
	{"genbu_core_state", Gauge, []string{"state"}, "1 for the state that the module is in, 0 for the others."},
	{"genbu_core_restarts_total", Counter, []string{"reason"}, "Cores that had to be started again: crash, locked or zeroized."},
	{"genbu_core_uptime_seconds", Gauge, nil, "Age of the core."},
	{"genbu_core_protections_missing", Gauge, nil, "Protections that are missing and were accepted in genbu.yaml."},
	{"genbu_core_channels", Gauge, nil, "Open client channels."},
	{"genbu_core_applications", Gauge, nil, "Applications, those that wait for their channels to come back included."},
	{"genbu_core_partitions", Gauge, nil, "Partitions that are open."},
	{"genbu_core_objects_loaded", Gauge, nil, "Objects in the core's memory."},
	{"genbu_core_secret_memory_bytes", Gauge, nil, "Secret memory in use."},
	{"genbu_core_secret_memory_limit_bytes", Gauge, nil, "Secret memory that there is."},

	{"genbu_requests_total", Counter, []string{"door", "operation", "mechanism", "outcome"}, "Calls that the core has answered, by the door they came through. outcome is ok, or the fault's name."},
	{"genbu_request_duration_seconds", Histogram, []string{"door", "operation", "mechanism"}, "Time in the core, from the request that has been read to the answer that has left. The exemplar is the slowest call since the last scrape; request_id names it in logs."},
	{"genbu_host_calls_total", Counter, []string{"operation", "outcome"}, "What the core asked of its host: loads, finds, commits, audit batches."},
	{"genbu_host_call_duration_seconds", Histogram, []string{"operation"}, "How long the core waited for its host. A commit is the store's write, an audit the log's."},

	{"genbu_link_calls_total", Counter, []string{"operation", "outcome"}, "What the core asked of other cores: leases, and whether they know of a change. The use of a key that a core holds asks nothing."},
	{"genbu_link_call_duration_seconds", Histogram, []string{"operation"}, "How long the core waited for another core."},

	{"genbu_http_requests_total", Counter, []string{"door", "route", "code"}, "Requests to the HTTPS doors."},
	{"genbu_http_request_duration_seconds", Histogram, []string{"door", "route"}, "Time to answer a request at an HTTPS door."},

	{"genbu_audit_lag_seconds", Gauge, nil, "How long the oldest counted use has been waiting to be on disk. Beyond audit_max_lag use is refused."},
	{"genbu_audit_entries_waiting", Gauge, nil, "Audit entries that are not on disk yet."},

	{"genbu_lease_members", Gauge, nil, "Nodes that share the leases. 0 while locked."},

	{"genbu_store_bytes", Gauge, nil, "Size of the store's file."},
	{"genbu_store_used_bytes", Gauge, nil, "Bytes of it that hold something."},
	{"genbu_store_quota_bytes", Gauge, nil, "What the store may take; beyond it writes are refused."},
	{"genbu_store_full", Gauge, nil, "1 while writes are refused for want of room."},
	{"genbu_store_commit_duration_seconds", Histogram, []string{"outcome"}, "Time of a commit in the store, as the host sees it."},

	{"genbu_index_ready", Gauge, nil, "1 while the index can answer finds."},
	{"genbu_index_objects", Gauge, nil, "Objects in the index."},
	{"genbu_index_lag_revisions", Gauge, nil, "Revisions by which the index is behind the last answered commit."},

	{"genbu_backup_newest_timestamp_seconds", Gauge, nil, "When the newest backup that can be restored was begun, in seconds since 1970, as this node's schedule knows."},
	{"genbu_backup_interval_seconds", Gauge, nil, "How often a backup is to be made."},
	{"genbu_backup_failed", Gauge, nil, "1 while the last scheduled backup failed."},

	{"genbu_cluster_members", Gauge, []string{"role"}, "Members of the store's cluster: voters and learners, as this node sees them."},
	{"genbu_cluster_member_up", Gauge, []string{"member"}, "1 for a member whose host answers this one, by the node's id."},
	{"genbu_cluster_member_lag_entries", Gauge, []string{"member"}, "Entries of the store's log that a member has not applied."},
	{"genbu_cluster_leader", Gauge, nil, "1 while this node leads."},
	{"genbu_lease_seconds", Gauge, nil, "For how long this node may go on using keys without hearing from the others: 0 when its lease is over, less than 0 for the only node, which needs none."},
	{"genbu_cluster_writable", Gauge, nil, "1 while there is a leader and a majority of the voters answers this node."},

	{"genbu_backup_drill_timestamp_seconds", Gauge, nil, "When the last scheduled drill began, in seconds since 1970."},
	{"genbu_backup_drill_ok", Gauge, nil, "1 while the last drill restored a node whose keys worked."},
	{"genbu_backup_drill_rto_seconds", Gauge, nil, "How long that took."},

	{"genbu_certificate_expiry_timestamp_seconds", Gauge, []string{"use"}, "When a certificate of this node ends, in seconds since 1970."},
}
