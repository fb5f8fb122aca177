// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"encoding/json"
	"strings"
	"time"
)

// expiry reads when a token ends, so that its channels can be closed then. The core has checked the token before, and
// checks it again: a wrong answer here would cost no more than channels.
func expiry(token string) time.Time {
	var claims struct {
		Expires int64 `json:"exp"`
	}
	parts := strings.Split(token, ".")
	if len(parts) == 3 {
		if text, err := decode64(parts[1]); err == nil {
			json.Unmarshal(text, &claims)
		}
	}
	return time.Unix(claims.Expires, 0)
}
