// SPDX-License-Identifier: Apache-2.0

package digest

import "github.com/genbu-hsm/genbu/internal/core/mech"

func selfTests() []mech.SelfTest {
	var all []mech.SelfTest
	for _, d := range digests {
		all = append(all, mech.SelfTest{Name: d.name, Run: func(broken bool) error {
			o, err := begin(d.id)
			if err != nil {
				return err
			}
			got, err := mech.OneShot(o, nil, []byte("abc"))
			if err != nil {
				return err
			}
			return mech.KnownAnswer(broken, got, mech.Hex(d.abc))
		}})
	}
	return all
}
