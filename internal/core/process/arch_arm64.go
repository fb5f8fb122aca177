// SPDX-License-Identifier: Apache-2.0

package process

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64
