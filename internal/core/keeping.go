// SPDX-License-Identifier: Apache-2.0

package core

import (
	"strconv"
	"strings"

	"github.com/genbu-hsm/genbu/internal/core/seal"
)

// keeping is who is to keep the root key, as an admin says it.
type keeping struct {
	keeper seal.Keeper
	m, n   int    // for custodians
	pcrs   uint32 // for a TPM: a mask of its registers
}

// parseKeeping reads a keeper's name with what belongs to it: "tpm:7,11" names registers that the TPM binds it to.
func parseKeeping(name string, m, n uint64) (k keeping, ok bool) {
	name, registers, bound := strings.Cut(name, ":")
	if k.keeper, ok = seal.ParseKeeper(name); !ok {
		return k, false
	}
	if bound {
		if !k.keeper.ByTPM() {
			return keeping{}, false
		}
		k.pcrs, ok = parseRegisters(registers)
		return k, ok
	}
	if k.keeper == seal.KeeperCustodians {
		k.m, k.n = int(m), int(n)
		return k, m >= 1 && m <= n && n <= 255
	}
	return k, true
}

func parseRegisters(text string) (pcrs uint32, ok bool) {
	for _, word := range strings.Split(text, ",") {
		n, err := strconv.ParseUint(word, 10, 8)
		if err != nil || n > 23 {
			return 0, false
		}
		pcrs |= 1 << n
	}
	return pcrs, true
}
