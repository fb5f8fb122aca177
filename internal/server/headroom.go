// SPDX-License-Identifier: Apache-2.0

package server

// headroom is what the host's heap may grow by, at least, before the runtime collects it. A node that holds little would collect
// dozens of times a second under load otherwise, since a request over HTTPS allocates 20 KB. As it is a part of the live heap that
// nobody ever touches, it counts in the runtime's measure and takes no memory.
const headroom = 32 << 20
