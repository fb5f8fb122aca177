// SPDX-License-Identifier: Apache-2.0

package systemtest

func clientMain([]string) int { return 1 }
