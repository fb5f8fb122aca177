// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// A request may be sealed to the core as a whole, body by body (docs/design/channel.md). TLS keeps its keys and buffers in
// ordinary memory for as long as a connection lives; what is sealed once more is in clear only here, while its handler runs,
// and was allocated inside ssp.Do. The handlers do not know.

// unseal replaces a sealed body by what was sealed. Over a connection from another machine, requests that carry secrets must be
// sealed.
func (c *channel) unseal(q *wire.Request) error {
	if q.Flags&wire.FlagSealed == 0 {
		if !c.peer.Agent.IsZero() && q.Call.Secret() {
			return fault.Denied.At("take a secret from afar that is not sealed to the core")
		}
		return nil
	}
	body, err := c.module.Unseal(q.Call, q.Sequence, q.Body)
	if err == nil {
		q.Body = body
	}
	return err
}

func sealKey(c *channel) error {
	if err := c.r.End(); err != nil {
		return err
	}
	c.w.Bytes(c.module.SealKey())
	return nil
}
