// SPDX-License-Identifier: Apache-2.0

package des

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
)

func beginECB(use mech.Use, k mech.Key, p mech.Params) (mech.Op, error) {
	d, err := old(use, k)
	if err != nil {
		return nil, err
	}
	if err := mech.NoParams(p); err != nil {
		return nil, err
	}
	return mech.BeginECB(d.block, false), nil
}

func beginCBC(use mech.Use, k mech.Key, p mech.Params) (mech.Op, error) { return cbc(use, k, p, false) }

func beginCBCPad(use mech.Use, k mech.Key, p mech.Params) (mech.Op, error) {
	return cbc(use, k, p, true)
}

func cbc(use mech.Use, k mech.Key, p mech.Params, padded bool) (mech.Op, error) {
	d, err := old(use, k)
	if err != nil {
		return nil, err
	}
	iv, err := mech.BytesParam(p)
	if err != nil {
		return nil, err
	}
	return mech.BeginCBC(d.block, false, padded, iv)
}

// old refuses every use but the opening of old data, should a caller not have looked at the row's flags.
func old(use mech.Use, k mech.Key) (*des3Key, error) {
	if use != mech.Decrypt {
		return nil, fault.Unsupported.At("use des3")
	}
	d, ok := k.(*des3Key)
	if !ok {
		return nil, fault.KeyTypeMismatch.At("take des3 key")
	}
	return d, nil
}

func unwrapWith(begin func(mech.Use, mech.Key, mech.Params) (mech.Op, error)) func(mech.Key, mech.Params, []byte) ([]byte, error) {
	return func(k mech.Key, p mech.Params, wrapped []byte) ([]byte, error) {
		op, err := begin(mech.Decrypt, k, p)
		if err != nil {
			return nil, err
		}
		out, err := mech.OneShot(op, nil, wrapped)
		return out, mech.WrapFault(err)
	}
}
