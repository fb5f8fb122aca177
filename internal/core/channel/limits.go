// SPDX-License-Identifier: Apache-2.0

package channel

// Limits of what clients may make the core hold. A limit is met with QuotaExceeded (or Busy, where waiting helps), so
// that one client cannot take the memory of all.
const (
	// maxApplications: a node for a few thousand client processes; each costs under 2 KB while it is idle.
	maxApplications = 16384

	// maxAppsPerOwner keeps one local user, or one agent, from taking them all.
	maxAppsPerOwner = 4096

	// maxChannels bounds the channels of all applications: descriptors (two each) and goroutines of the core.
	maxChannels = 16384

	// maxChannelsPerOwner keeps one local user, or one agent, from taking them all.
	maxChannelsPerOwner = 4096

	// maxChannelsPerApp: the library's pool holds 128; the rest is room for other clients.
	maxChannelsPerApp = 1024

	// maxSessions per application: what CK_TOKEN_INFO calls ulMaxSessionCount; a session is about 200 bytes.
	maxSessions = 65536

	// maxSessionObjects per application: 64 MB at 1 KB each, then an application leaks.
	maxSessionObjects = 65536

	// maxFindBatch is the most objects one FIND answers: 48 bytes each, so within a resting buffer.
	maxFindBatch = 1024

	// findPage is how many candidates one look into the index asks for.
	findPage = 256

	// maxNamePage is the most names that one NAME_LIST answers; a web door asks for 25.
	maxNamePage = 256

	// maxChain bounds the certificates of one file: a leaf and a few CAs above it.
	maxChain = 16

	// maxNameLooks is how often NAME_LIST looks into the index for one page when most of what it finds is not shown.
	maxNameLooks = 16

	// maxBackup is the most objects of one name that fit a backup: 100 versions with their public halves, and room.
	maxBackup = 256

	// restoreBatch objects are committed together, below the store's limit of operations in a Txn.
	restoreBatch = 24

	// maxRandom bytes in one call.
	maxRandom = 1 << 20

	// maxPIN is the longest PIN and operator name that are passed on; what is over the token's own limit is refused there.
	maxPIN = 1024

	// grace is how many seconds an application without channels is kept (channel.md).
	grace = 60
)
