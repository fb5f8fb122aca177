// SPDX-License-Identifier: Apache-2.0

// Command gen makes what follows from the two tables of the PKCS #11 module: pkcs11/calls.def, the calls of the client
// channel, and front/pkcs11.Faults, the CKR_* of every fault. It writes
//
//	internal/wire/calls_gen.go   the calls as Go constants and the table of their signatures
//	docs/spec/calls.md           the same for readers
//	pkcs11/faults.gen.h          fault -> CKR_* for the C library
//
// Run it with "go generate ./pkcs11/..." after a change of either table. Its test fails while a written file differs
// from what it would write.
//
// It lives in a directory of its own because the go command refuses a package that has C files beside it.
package main

//go:generate go run .
