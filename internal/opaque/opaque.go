// SPDX-License-Identifier: Apache-2.0

// Package opaque holds the few secrets that pass through the host: a PIN typed at a terminal, a token of a vendor's
// protocol, a transport key. A Bytes prints as "[redacted]" whatever prints it, and refuses to be encoded.
//
//	pin := opaque.New(line)
//	defer pin.Clear()
//	request.Bytes(pin.ExposeToCodec())
//
// It protects against carelessness, not against a debugger: the bytes are ordinary memory. Secrets of the core are
// ssp.Bytes.
package opaque

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// Bytes is a secret value. Copies share it. The zero value is empty.
type Bytes struct {
	_      [0]func()     // incomparable: use Equal
	reveal func() []byte // a closure, since fmt walks into unexported slices; of a function it finds only an address
}

// New takes b over: the caller must not use it any more, since Clear will zero it.
func New(b []byte) Bytes { return Bytes{reveal: func() []byte { return b }} }

// ExposeToCodec returns the bytes themselves, for the one place that writes them to where they must go.
func (b Bytes) ExposeToCodec() []byte {
	if b.reveal == nil {
		return nil
	}
	return b.reveal()
}

// Len is the number of bytes.
func (b Bytes) Len() int { return len(b.ExposeToCodec()) }

// Equal compares in constant time.
func (b Bytes) Equal(c Bytes) bool {
	return subtle.ConstantTimeCompare(b.ExposeToCodec(), c.ExposeToCodec()) == 1
}

// Clear zeroes the bytes, for all copies.
func (b Bytes) Clear() { clear(b.ExposeToCodec()) }

// Format serves every verb of fmt.
func (Bytes) Format(f fmt.State, _ rune) { f.Write([]byte(redacted)) }

func (Bytes) String() string       { return redacted }
func (Bytes) GoString() string     { return redacted }
func (Bytes) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText fails, so that an encoder stops where a secret was about to be stored.
func (Bytes) MarshalText() ([]byte, error) { return nil, errors.New("opaque: a secret is not encoded") }
