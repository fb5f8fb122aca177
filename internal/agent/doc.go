// SPDX-License-Identifier: Apache-2.0

// Package agent serves applications on a machine that is no node: the same unix socket as a node's, and behind it all nodes
// of a cluster (docs/design/agent.md). It is a client of the cores, as the C library is one of the agent.
//
//	agent.Run(ctx, config, connector, log)   // until ctx ends
//
// An application of a client is virtual: its secret, sessions, logins and what it has under way stand here, and a real
// application, its mirror, is made on each node that works for it. A call that leaves nothing behind goes to whichever node
// answers soonest; a call with state goes to the application's home, and what lay there ends when the home does, as
// it does when the core of a single node restarts.
//
// What it promises. A call that may be made twice is answered while one node of the cluster can answer it. Any other is
// sent once: when its answer is lost the client hears so. PINs pass and are not kept; tickets of logins are kept, in a type
// that does not print. Buffers that a call went through are zeroed after it. The agent decides nothing: every rule is the
// core's, and the agent's word about a client counts for nothing there.
package agent
