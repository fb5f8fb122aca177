// SPDX-License-Identifier: Apache-2.0

// Package channel is the core's end of client channels (docs/design/channel.md): the rules of PKCS #11 3.2 sections 5.4 to
// 5.22 on sessions, logins, objects and operations.
//
// The core makes one Server with New and runs Serve in a goroutine of its own for each channel that the host hands over;
// it reads, works and writes inline, because that measured faster than worker pools. What several channels of one client
// process share is an application. The Server asks everything else (tokens, logins, records, audit) of its Module.
//
// It promises that any bytes on a channel are answered by the right fault or end that channel alone, that request and
// response buffers are zeroed after each call, and that no call acts before module state, login, session and policy
// allowed it.
package channel
