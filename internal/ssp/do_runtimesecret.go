// SPDX-License-Identifier: Apache-2.0

//go:build goexperiment.runtimesecret && linux && (amd64 || arm64)

package ssp

import "runtime/secret"

// Erasure names what erases memory used inside Do. runtime/secret is an experiment of Go 1.26, outside the Go 1
// promise; a release is built with it, and a test of the release binary holds that.
func Erasure() string { return "runtime/secret" }

func do(f func()) { secret.Do(f) }
