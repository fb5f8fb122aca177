// SPDX-License-Identifier: Apache-2.0

package wire

// Version and Commit say which program this is. The build sets them (Makefile):
//
//	go build -ldflags '-X github.com/genbu-hsm/genbu/internal/wire.Version=1.2.3 -X ...wire.Commit=abc'
var (
	Version = "0.1"
	Commit  = ""
)
