// SPDX-License-Identifier: Apache-2.0

package azure

import "time"

const (
	// maxBody holds the largest body that makes sense: a secret of 25 KiB whose every byte is written as \u00XX, beside
	// its tags and a release policy.
	maxBody = 256 << 10

	// maxForm is for the token endpoint: a certificate assertion with a chain in it is the longest evidence.
	maxForm = 32 << 10

	// maxDepth is how deep JSON may be nested; a release policy is the deepest there is.
	maxDepth = 24

	// maxTarget bounds an attestation token, maxNonce what the environment wants to read again beside its key. The core has
	// the same limits.
	maxTarget, maxNonce = 64 << 10, 1024

	// maxQuery bounds the query string; a $skiptoken is the longest part of it.
	maxQuery = 2 << 10

	// maxPrivate is what a private key takes up in the file of a certificate, at most: RSA of 4096 bits, twice in base64.
	maxPrivate = 5 << 10

	// maxSecret is Key Vault's limit of a secret's value.
	maxSecret = 25 << 10

	// maxTags, maxTagName and maxTagValue are Key Vault's limits of tags.
	maxTags, maxTagName, maxTagValue = 15, 512, 512

	// maxAlternatives bounds the alternative names of a certificate, whose policy must fit into an attribute of 16 KiB.
	maxAlternatives = 100

	// maxDoor is what the core keeps of a door's own attribute.
	maxDoor = 16 << 10

	// maxRandom is Managed HSM's limit of random bytes in one request.
	maxRandom = 128

	// maxPage and defaultPage are how many items a list answers at once.
	maxPage, defaultPage = 25, 25

	// maxLogins bounds the bearer tokens that have channels open, so that a client that fetches a token for each request
	// does not use up the core's channels. The one that was idle longest gives way.
	maxLogins = 128

	// maxChannels bounds the channels of one token; a request waits for one.
	maxChannels = 32

	// maxBegins bounds the tokens that are shown to the core at a time, and with them the applications in the core that forged
	// tokens can take up.
	maxBegins = 4

	// loginIdle closes the channels of a token that nobody used for so long.
	loginIdle = 5 * time.Minute

	// retryAfter is how many seconds a client that was throttled waits.
	retryAfter = 1
)
