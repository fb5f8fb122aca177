// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// NextState says which changes of state SP 800-57 part 1 section 7.4 knows. Destruction is no change of state here but
// C_DestroyObject. Nothing leads back from deactivated and compromised: whoever saw the one would miss the other.
func NextState(from, to key.State) error {
	if !from.May(to) {
		return fault.ActionProhibited.At("change key state")
	}
	return nil
}
