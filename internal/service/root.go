// SPDX-License-Identifier: Apache-2.0

package service

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// maxRoot is far above a sealed root with the commitments of 255 custodians.
const maxRoot = 64 << 10

// root keeps the sealed root of each keeper in a file of its own, and not in the store, whose pages and history would
// hold copies after it was destroyed.
func (s *Service) root(r *wire.RootRequest) (*wire.RootReply, error) {
	if !isKeeper(r.Keeper) {
		return nil, fault.ArgumentsBad.At("sealed root: name of keeper")
	}
	path := filepath.Join(s.roots, r.Keeper)
	reply := new(wire.RootReply)
	var err error
	switch r.Verb {
	case wire.RootPut:
		if len(r.Value) == 0 || len(r.Value) > maxRoot {
			return nil, fault.ArgumentsBad.At("sealed root: size")
		}
		err = durable.Replace(path, r.Value, 0o600)
	case wire.RootGet:
		reply.Value, err = os.ReadFile(path)
	case wire.RootDestroy:
		err = durable.Remove(path)
	default:
		return nil, fault.Unsupported.At("sealed root")
	}
	switch {
	case err == nil:
		return reply, nil
	case errors.Is(err, fs.ErrNotExist) && r.Verb == wire.RootGet:
		return nil, fault.RecordUnknown.At("get sealed root")
	}
	s.log.Error("sealed root", "keeper", r.Keeper, "reason", err)
	return nil, fault.Unavailable.At("sealed root")
}

func isKeeper(name string) bool {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return name != "" && len(name) <= 32
}
