// SPDX-License-Identifier: Apache-2.0

package channel_test

import (
	"github.com/genbu-hsm/genbu/internal/core/jose"
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

func (m *module) Clock() int64 { return m.now.Load() * 1_000_000_000 }

// The double has no names.

func (t *token) Names(q wire.FindNamesRequest) ([]*object.Object, wire.FindNamesRequest, bool, error) {
	return nil, q, false, nil
}

func (t *token) Retention() (int64, bool)          { return 0, false }
func (t *token) SealBackup([]byte) ([]byte, error) { return nil, fault.Unsupported }
func (t *token) Attest([]byte, string) (to mech.Material, kid string, err error) {
	return to, "", fault.Unsupported
}
func (t *token) Address() string { return "" }

func (m *module) Vouch(string, *jose.Writer) (string, error) { return "", fault.Unsupported }
func (m *module) Issuer() string                             { return "" }
func (m *module) Version() string                            { return "" }
func (t *token) OpenBackup(blob []byte) ([]byte, error)      { return nil, fault.RecordInvalid }
