// SPDX-License-Identifier: Apache-2.0

package boundary

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// archForbidden gives direct access to devices.
var archForbidden = []uint32{unix.SYS_IOPL, unix.SYS_IOPERM}
