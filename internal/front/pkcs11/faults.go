// SPDX-License-Identifier: Apache-2.0

package pkcs11

import "github.com/genbu-hsm/genbu/internal/fault"

// CKR_* as numbered in the OASIS header; only those that a fault can become.
const (
	ckrGeneralError                = 0x005
	ckrFunctionFailed              = 0x006
	ckrArgumentsBad                = 0x007
	ckrAttributeReadOnly           = 0x010
	ckrAttributeSensitive          = 0x011
	ckrAttributeTypeInvalid        = 0x012
	ckrAttributeValueInvalid       = 0x013
	ckrActionProhibited            = 0x01B
	ckrDataInvalid                 = 0x020
	ckrDataLenRange                = 0x021
	ckrDeviceError                 = 0x030
	ckrDeviceMemory                = 0x031
	ckrEncryptedDataInvalid        = 0x040
	ckrEncryptedDataLenRange       = 0x041
	ckrAEADDecryptFailed           = 0x042
	ckrFunctionNotSupported        = 0x054
	ckrKeyHandleInvalid            = 0x060
	ckrKeySizeRange                = 0x062
	ckrKeyTypeInconsistent         = 0x063
	ckrKeyIndigestible             = 0x067
	ckrKeyFunctionNotPermitted     = 0x068
	ckrKeyNotWrappable             = 0x069
	ckrKeyUnextractable            = 0x06A
	ckrMechanismInvalid            = 0x070
	ckrMechanismParamInvalid       = 0x071
	ckrObjectHandleInvalid         = 0x082
	ckrOperationActive             = 0x090
	ckrOperationNotInitialized     = 0x091
	ckrPINIncorrect                = 0x0A0
	ckrPINLenRange                 = 0x0A2
	ckrPINExpired                  = 0x0A3
	ckrPINLocked                   = 0x0A4
	ckrSessionHandleInvalid        = 0x0B3
	ckrSessionReadOnly             = 0x0B5
	ckrSessionExists               = 0x0B6
	ckrSessionReadOnlyExists       = 0x0B7
	ckrSessionReadWriteSOExists    = 0x0B8
	ckrSignatureInvalid            = 0x0C0
	ckrSignatureLenRange           = 0x0C1
	ckrTemplateIncomplete          = 0x0D0
	ckrTemplateInconsistent        = 0x0D1
	ckrTokenNotPresent             = 0x0E0
	ckrUnwrappingKeyHandleInvalid  = 0x0F0
	ckrUnwrappingKeySizeRange      = 0x0F1
	ckrUnwrappingKeyInconsistent   = 0x0F2
	ckrUserAlreadyLoggedIn         = 0x100
	ckrUserNotLoggedIn             = 0x101
	ckrUserPINNotInitialized       = 0x102
	ckrUserTypeInvalid             = 0x103
	ckrUserAnotherAlreadyLoggedIn  = 0x104
	ckrWrappedKeyInvalid           = 0x110
	ckrWrappedKeyLenRange          = 0x112
	ckrWrappingKeyHandleInvalid    = 0x113
	ckrWrappingKeySizeRange        = 0x114
	ckrWrappingKeyTypeInconsistent = 0x115
	ckrDomainParamsInvalid         = 0x130
	ckrCurveNotSupported           = 0x140
	ckrSavedStateInvalid           = 0x160
	ckrStateUnsaveable             = 0x180
	ckrPublicKeyInvalid            = 0x1B9
	ckrTokenResourceExceeded       = 0x201
	ckrTokenNotInitialized         = 0x208
	ckrParameterSetNotSupported    = 0x209
)

// Faults says how each fault reads to a PKCS #11 program. Faults that a client cannot cause or mend read
// DEVICE_ERROR or GENERAL_ERROR; the debug log has the fault itself and the request id.
var Faults = map[fault.Code]uint64{
	fault.Internal:     ckrGeneralError,
	fault.Malformed:    ckrGeneralError, // the library sent what the core cannot read: a bug, or versions that differ
	fault.Unsupported:  ckrFunctionNotSupported,
	fault.ArgumentsBad: ckrArgumentsBad,
	fault.Busy:         ckrTokenResourceExceeded,
	fault.Timeout:      ckrDeviceError,
	fault.Unavailable:  ckrDeviceError,
	fault.TooLarge:     ckrDataLenRange,

	fault.Uninitialized:      ckrTokenNotInitialized,
	fault.Locked:             ckrTokenNotPresent,
	fault.Zeroized:           ckrTokenNotPresent,
	fault.SelfTestFailed:     ckrDeviceError,
	fault.NotApproved:        ckrActionProhibited,
	fault.AlreadyInitialized: ckrActionProhibited,
	fault.KeeperRefused:      ckrDeviceError,
	fault.ShareBad:           ckrArgumentsBad,
	fault.SharesMissing:      ckrTokenNotPresent,
	fault.TPMMissing:         ckrDeviceError,
	fault.TPMOther:           ckrDeviceError,
	fault.TPMChanged:         ckrDeviceError,
	fault.TPMFailed:          ckrDeviceError,

	fault.NotLoggedIn:      ckrUserNotLoggedIn,
	fault.AlreadyLoggedIn:  ckrUserAlreadyLoggedIn,
	fault.OtherLoggedIn:    ckrUserAnotherAlreadyLoggedIn,
	fault.PINIncorrect:     ckrPINIncorrect,
	fault.PINLocked:        ckrPINLocked,
	fault.PINLength:        ckrPINLenRange,
	fault.PINNotSet:        ckrUserPINNotInitialized,
	fault.UserUnknown:      ckrPINIncorrect, // names are not told apart from PINs
	fault.Denied:           ckrActionProhibited,
	fault.PartitionUnknown: ckrTokenNotPresent, // slot ids are checked by the library against SLOTS
	fault.SessionUnknown:   ckrSessionHandleInvalid,
	fault.SessionReadOnly:  ckrSessionReadOnly,
	fault.TicketInvalid:    ckrUserNotLoggedIn,
	fault.RateLimited:      ckrTokenResourceExceeded,
	fault.QuotaExceeded:    ckrDeviceMemory,
	fault.AppUnknown:       ckrDeviceError, // the library answers it by a new HELLO; nobody should see it
	fault.SessionExists:    ckrSessionExists,
	fault.AuthRequired:     ckrUserNotLoggedIn,
	fault.OperatorExists:   ckrArgumentsBad,
	fault.PartitionExists:  ckrArgumentsBad,
	fault.UserTypeInvalid:  ckrUserTypeInvalid,
	fault.PINExpired:       ckrPINExpired,
	fault.ReadOnlyExists:   ckrSessionReadOnlyExists,
	fault.OfficerExists:    ckrSessionReadWriteSOExists,
	fault.TokenInvalid:     ckrPINIncorrect,
	fault.TokenExpired:     ckrUserNotLoggedIn,

	fault.AttestationInvalid: ckrActionProhibited,
	fault.AttestationRefused: ckrActionProhibited,
	fault.PartitionNotEmpty:  ckrActionProhibited,

	fault.ObjectUnknown:         ckrObjectHandleInvalid,
	fault.KeyUnknown:            ckrKeyHandleInvalid,
	fault.AttributeUnknown:      ckrAttributeTypeInvalid,
	fault.AttributeValueInvalid: ckrAttributeValueInvalid,
	fault.AttributeReadOnly:     ckrAttributeReadOnly,
	fault.AttributeSensitive:    ckrAttributeSensitive,
	fault.TemplateIncomplete:    ckrTemplateIncomplete,
	fault.TemplateInconsistent:  ckrTemplateInconsistent,
	fault.KeyTypeMismatch:       ckrKeyTypeInconsistent,
	fault.KeyUsageForbidden:     ckrKeyFunctionNotPermitted,
	fault.KeySize:               ckrKeySizeRange,
	fault.KeyNotWrappable:       ckrKeyNotWrappable,
	fault.KeyUnextractable:      ckrKeyUnextractable,
	fault.WrappingKeyUnknown:    ckrWrappingKeyHandleInvalid,
	fault.WrappingKeyMismatch:   ckrWrappingKeyTypeInconsistent,
	fault.WrappingKeySize:       ckrWrappingKeySizeRange,
	fault.ActionProhibited:      ckrActionProhibited,
	fault.CurveUnsupported:      ckrCurveNotSupported,
	fault.ParameterSetUnknown:   ckrParameterSetNotSupported,
	fault.DomainParamsInvalid:   ckrDomainParamsInvalid,
	fault.UnwrappingKeyUnknown:  ckrUnwrappingKeyHandleInvalid,
	fault.UnwrappingKeyMismatch: ckrUnwrappingKeyInconsistent,
	fault.UnwrappingKeySize:     ckrUnwrappingKeySizeRange,
	fault.KeyNeedsDigest:        ckrKeyIndigestible,
	fault.KeyDisabled:           ckrKeyFunctionNotPermitted,
	fault.PublicKeyInvalid:      ckrPublicKeyInvalid,
	fault.NameTaken:             ckrActionProhibited,
	fault.NameDeleted:           ckrActionProhibited,

	fault.MechanismInvalid:      ckrMechanismInvalid,
	fault.MechanismParamInvalid: ckrMechanismParamInvalid,
	fault.DataInvalid:           ckrDataInvalid,
	fault.DataLength:            ckrDataLenRange,
	fault.EncryptedDataInvalid:  ckrEncryptedDataInvalid,
	fault.EncryptedDataLength:   ckrEncryptedDataLenRange,
	fault.SignatureInvalid:      ckrSignatureInvalid,
	fault.SignatureLength:       ckrSignatureLenRange,
	fault.WrappedKeyInvalid:     ckrWrappedKeyInvalid,
	fault.WrappedKeyLength:      ckrWrappedKeyLenRange,
	fault.AEADFailed:            ckrAEADDecryptFailed,
	fault.OperationActive:       ckrOperationActive,
	fault.OperationNotActive:    ckrOperationNotInitialized,
	fault.StateUnsaveable:       ckrStateUnsaveable,
	fault.SavedStateInvalid:     ckrSavedStateInvalid,
	fault.RandomTooLong:         ckrArgumentsBad,
	fault.PairwiseFailed:        ckrFunctionFailed,

	fault.RecordUnknown:   ckrObjectHandleInvalid,
	fault.RecordInvalid:   ckrDeviceError,
	fault.RecordOld:       ckrDeviceError,
	fault.RecordRevived:   ckrDeviceError,
	fault.Conflict:        ckrFunctionFailed,
	fault.OutcomeUnknown:  ckrDeviceError,
	fault.HeadOld:         ckrDeviceError,
	fault.HeadInvalid:     ckrDeviceError,
	fault.StoreFull:       ckrDeviceMemory,
	fault.IndexNotReady:   ckrDeviceError,
	fault.ChangeLogBroken: ckrDeviceError,
	fault.BackupInvalid:   ckrDeviceError, // no PKCS #11 call meets these four
	fault.BackupOld:       ckrDeviceError,
	fault.BackupUnsound:   ckrDeviceError,
	fault.DomainOther:     ckrDeviceError,

	fault.AuditUnavailable: ckrDeviceError,
	fault.AuditLag:         ckrDeviceError,
	fault.AuditInvalid:     ckrDeviceError,

	fault.LeaseExpired: ckrDeviceError,

	// Of calls that no PKCS #11 program makes.
	fault.MemberExists:  ckrActionProhibited,
	fault.MemberUnknown: ckrArgumentsBad,
	fault.TokenRefused:  ckrActionProhibited,
	fault.DoorUnknown:   ckrActionProhibited,
	fault.UnlockRefused: ckrTokenNotPresent,

	fault.InForceLater: ckrDeviceError, // as after OutcomeUnknown the program has to look
}
