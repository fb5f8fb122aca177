// SPDX-License-Identifier: Apache-2.0

package agent

import "time"

// Limits of what clients may make the agent hold, and of its patience with nodes.
const (
	maxAnswer = 64 << 20 // a longer answer means that the stream is broken; of requests: internal/wire

	// The core's own bounds, so that a client hears the same words here (internal/core/channel/limits.go).
	maxApplications   = 16384
	maxAppsPerUID     = 4096
	maxChannels       = 16384
	maxChannelsPerUID = 4096
	maxChannelsPerApp = 1024
	maxSessions       = 65536
	maxSessionObjects = 65536

	// grace is how long an application without channels is kept, here as in the core.
	grace = 60 * time.Second

	// lonely is after how long the mirrors of an application without channels are given up, if nothing lies there: programs
	// that come and go would else hold connections for as long as grace.
	lonely = 2 * time.Second

	// idleMirror is after how long without a call a mirror that holds nothing is given up.
	idleMirror = 2 * time.Minute

	// idleConn is after how long a connection is closed that nobody needed; the last one of a mirror stays.
	idleConn = 30 * time.Second

	// spares are the connections that each node has ready, with the handshake made and nothing said.
	spares = 2

	// dialTime bounds one connection with its handshake.
	dialTime = 2 * time.Second

	// helloTime bounds each small exchange that brings a mirror in line.
	helloTime = 5 * time.Second

	// slowest is how long a byte may take to a node (1 MB/s), and usual how long it is thought to take (20 MB/s), before an
	// answer is called late.
	slowest = time.Microsecond
	usual   = 50 * time.Nanosecond

	// pingEvery is the rhythm of health checks of a node that is well; pingSoon of one that is not.
	pingEvery = time.Second
	pingSoon  = 100 * time.Millisecond

	// suspectAfter is how long a health check may take before a node is passed over, and deadAfter before what waits for it
	// is given up. A check is a round trip without cryptography or store: 1 ms in a zone, 10 between neighbouring ones.
	suspectAfter = 100 * time.Millisecond
	deadAfter    = 2 * time.Second

	// goneAfter is the same for a node to which no connection can be made: the process is not there.
	goneAfter = 200 * time.Millisecond

	// hedgeLeast and hedgeMost bound how long a call that may be made twice is awaited before a second node is asked too. Most
	// is half of what a failover may take.
	hedgeLeast = 20 * time.Millisecond
	hedgeMost  = 100 * time.Millisecond

	// hedgeShare is how many of the calls may be hedged while nothing is known to be wrong: a cluster that is slow because
	// it is busy must not be made busier. hedgeBurst may come at once.
	hedgeShare = 0.1
	hedgeBurst = 64

	// drainTime is how long the answer of a call that another node answered first is awaited, so that its connection can be
	// used again.
	drainTime = 2 * time.Second

	// refusedFor is how long a node is passed over that has just said that it cannot serve now.
	refusedFor = 250 * time.Millisecond

	// callTime bounds one call: generating the slowest key takes minutes.
	callTime = 10 * time.Minute

	// leaseTime is how long a call is tried again while every node says that its lease is over: a node that has just come back
	// has none yet.
	leaseTime = 5 * time.Second
)
