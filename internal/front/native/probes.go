// SPDX-License-Identifier: Apache-2.0

package native

import (
	"cmp"
	"context"
	"net/http"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// live tells a supervisor whether starting this process anew could help. A module that is locked, a majority that is gone, a
// lease that is over or a core that is being started again are none of its business: a restart would mend none of them, and
// would lock a module that people have unlocked. Only a core that hangs is.
func (d *Door) live(w http.ResponseWriter, r *http.Request) {
	err := d.within(r.Context(), "ping", func(ctx context.Context) error {
		_, err := d.Core.CallFor(ctx, wire.OpPing, []byte("live"))
		return err
	})
	if fault.Of(err) == fault.Timeout {
		reply(w, err, map[string]any{"live": false})
		return
	}
	reply(w, nil, map[string]any{"live": true, "core": err == nil})
}

// ready tells a load balancer whether to send work here: whether keys can be used, as /health proves it. Making them needs
// the store's majority too; who wants to know asks for=create.
func (d *Door) ready(w http.ResponseWriter, r *http.Request) {
	err := d.within(r.Context(), "sign", d.sign)
	answer := map[string]any{"use": err == nil}
	if r.URL.Query().Get("for") == "create" {
		made := err
		if made == nil {
			made = d.within(r.Context(), "write", func(ctx context.Context) error {
				ctx, cancel := context.WithTimeout(ctx, cmp.Or(d.Patience, patience))
				defer cancel()
				return d.Writable(ctx)
			})
		}
		answer["create"] = made == nil
		err = made
	}
	reply(w, err, answer)
}
