// SPDX-License-Identifier: Apache-2.0

package ssp

import "github.com/genbu-hsm/genbu/internal/fault"

// A Bytes holds two numbers and no bytes, so reflection has nothing to find; these methods make the output say what it
// is. fmt.Formatter and slog.LogValuer are left out because their signatures would bring fmt and log/slog into the core.

func (Bytes) String() string   { return "[secret]" }
func (Bytes) GoString() string { return "[secret]" }

// MarshalText fails, so that an encoder stops where a secret was about to be stored.
func (Bytes) MarshalText() ([]byte, error) { return nil, fault.Denied.At("encode a secret") }
