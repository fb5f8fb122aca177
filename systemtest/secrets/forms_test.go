// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"unsafe"

	"github.com/genbu-hsm/genbu/systemtest/memscan"
)

// formsOf are the ways in which programs keep a secret, made without a look at memscan's own: the negative control.
func formsOf(s secret) [][]byte {
	v := s.value()
	text := hex.EncodeToString(v)
	forms := [][]byte{v, []byte(text), []byte(strings.ToUpper(text)), []byte(base64.StdEncoding.EncodeToString(v)),
		[]byte(base64.URLEncoding.EncodeToString(append([]byte{0}, v...))),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: append(make([]byte, 26), v...)})}
	if s.Kind == memscan.Integer {
		back := slices.Clone(v)
		slices.Reverse(back)
		limbs := slices.Clone(new(big.Int).SetBytes(v).Bits())
		forms = append(forms, back, unsafe.Slice((*byte)(unsafe.Pointer(&limbs[0])), len(limbs)*8))
	}
	return forms
}
