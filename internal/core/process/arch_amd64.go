// SPDX-License-Identifier: Apache-2.0

package process

import "golang.org/x/sys/unix"

// x32 calls come under this number too, with bit 30 set; none of them is on the list.
const auditArch = unix.AUDIT_ARCH_X86_64
