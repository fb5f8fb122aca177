// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
)

// renew gets the agent's next certificate when half of the last one's time is over, also when it is long over: the proof is the
// agent's key, and its record in the domain decides.
func (a *Agent) renew(d *Dialer, name string) {
	for {
		id := d.identity.Load()
		pause := time.Minute
		if due(id, time.Now()) {
			if next, err := a.renewAtAny(id); err == nil {
				d.identity.Store(next)
				if _, err := writeIdentity(a.config.Dir, name, next); err != nil {
					a.log.Warn("cannot keep the agent's new certificate", "error", err)
				}
				a.log.Info("the agent's certificate was renewed")
			} else {
				a.log.Warn("the agent's certificate could not be renewed", "error", err)
				pause = 5 * time.Second
			}
		}
		select {
		case <-time.After(pause):
		case <-a.ctx.Done():
			return
		}
	}
}

// due tells whether half of a certificate's time is over.
func due(id *client.Identity, now time.Time) bool {
	c, err := x509.ParseCertificate(id.Certificate)
	if err != nil {
		return true
	}
	return now.After(c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) / 2))
}

func (a *Agent) renewAtAny(id *client.Identity) (next *client.Identity, err error) {
	err = errUnsent
	for _, n := range a.members() {
		ctx, cancel := context.WithTimeout(a.ctx, 2*helloTime)
		next, _, err = client.Renew(ctx, n.address, id)
		cancel()
		if err == nil {
			return next, nil
		}
	}
	return nil, err
}
