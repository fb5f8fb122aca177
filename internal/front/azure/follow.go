// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"context"
	"log/slog"
	"strings"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/trace"
)

// follow tells trace and log of each call that a request makes to the core, with the core's id of it; nil where neither
// wants to know.
func (d *Door) follow(ctx context.Context) client.Observer {
	traced, logged := trace.Follows(ctx), d.Log.Enabled(ctx, slog.LevelDebug)
	if !traced && !logged {
		return nil
	}
	return func(o client.Observed) {
		if traced {
			var err error
			if o.Code != fault.OK {
				err = o.Code
			}
			trace.Called(ctx, strings.ToLower(o.Call.String()), o.Request, o.Began, o.Ended, o.Worked, err)
		}
		if logged {
			d.Log.LogAttrs(ctx, slog.LevelDebug, "call", slog.String("call", o.Call.String()), slog.Uint64("request", o.Request),
				slog.String("outcome", o.Code.String()), slog.Duration("took", o.Ended.Sub(o.Began)), slog.Duration("in_core", o.Worked))
		}
	}
}
