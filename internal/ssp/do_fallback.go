// SPDX-License-Identifier: Apache-2.0

//go:build !(goexperiment.runtimesecret && linux && (amd64 || arm64))

package ssp

// Erasure names what erases memory used inside Do: nothing, in a build without GOEXPERIMENT=runtimesecret.
func Erasure() string { return "none" }

func do(f func()) { f() }
