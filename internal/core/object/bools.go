// SPDX-License-Identifier: Apache-2.0

package object

import "github.com/genbu-hsm/genbu/key"

// Every CK_BBOOL of an object is one bit, since an object has about twenty and a partition a million objects.
const (
	bitToken uint32 = 1 << iota
	bitPrivate
	bitModifiable
	bitCopyable
	bitDestroyable
	bitTrusted
	bitEncrypt
	bitDecrypt
	bitSign
	bitSignRecover
	bitVerify
	bitVerifyRecover
	bitWrap
	bitUnwrap
	bitDerive
	bitEncapsulate
	bitDecapsulate
	bitLocal
	bitSensitive
	bitExtractable
	bitAlwaysSensitive
	bitNeverExtractable
	bitWrapWithTrusted
	bitAlwaysAuth

	bitsUsage = bitEncrypt | bitDecrypt | bitSign | bitSignRecover | bitVerify | bitVerifyRecover | bitWrap | bitUnwrap |
		bitDerive | bitEncapsulate | bitDecapsulate
)

var bitOf = map[key.Attr]uint32{
	key.AttrToken:            bitToken,
	key.AttrPrivate:          bitPrivate,
	key.AttrModifiable:       bitModifiable,
	key.AttrCopyable:         bitCopyable,
	key.AttrDestroyable:      bitDestroyable,
	key.AttrTrusted:          bitTrusted,
	key.AttrEncrypt:          bitEncrypt,
	key.AttrDecrypt:          bitDecrypt,
	key.AttrSign:             bitSign,
	key.AttrSignRecover:      bitSignRecover,
	key.AttrVerify:           bitVerify,
	key.AttrVerifyRecover:    bitVerifyRecover,
	key.AttrWrap:             bitWrap,
	key.AttrUnwrap:           bitUnwrap,
	key.AttrDerive:           bitDerive,
	key.AttrEncapsulate:      bitEncapsulate,
	key.AttrDecapsulate:      bitDecapsulate,
	key.AttrLocal:            bitLocal,
	key.AttrSensitive:        bitSensitive,
	key.AttrExtractable:      bitExtractable,
	key.AttrAlwaysSensitive:  bitAlwaysSensitive,
	key.AttrNeverExtractable: bitNeverExtractable,
	key.AttrWrapWithTrusted:  bitWrapWithTrusted,
	key.AttrAlwaysAuth:       bitAlwaysAuth,
}

// Usage bits of docs/design/channel.md.
const (
	UsageEncrypt     uint64 = 1
	UsageDecrypt     uint64 = 2
	UsageSign        uint64 = 4
	UsageVerify      uint64 = 8
	UsageWrap        uint64 = 16
	UsageUnwrap      uint64 = 32
	UsageDerive      uint64 = 64
	UsageEncapsulate uint64 = 128
	UsageDecapsulate uint64 = 256
)

var usageBits = [...]struct {
	bit   uint32
	usage uint64
}{
	{bitEncrypt, UsageEncrypt}, {bitDecrypt, UsageDecrypt}, {bitSign, UsageSign}, {bitVerify, UsageVerify},
	{bitWrap, UsageWrap}, {bitUnwrap, UsageUnwrap}, {bitDerive, UsageDerive},
	{bitEncapsulate, UsageEncapsulate}, {bitDecapsulate, UsageDecapsulate},
}

var (
	valueTrue  = []byte{1}
	valueFalse = []byte{0}
)
