// SPDX-License-Identifier: Apache-2.0

package process

import (
	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// KeeperLen is the length of the file keeper's secret.
const KeeperLen = 32

// Keeper is the file of the file keeper, opened by the host and not read by it. Its bytes go straight between the kernel
// and the caller's memory (ssp.Bytes). The caller closes it.
type Keeper struct {
	fd       int
	writable bool
}

// Writable says whether the host meant the file to be written: at first use.
func (k *Keeper) Writable() bool { return k.writable }

// Read fills p, which is KeeperLen long. The file must be exactly that long.
func (k *Keeper) Read(p []byte) error {
	if len(p) != KeeperLen {
		return fault.ArgumentsBad.At("read keeper file")
	}
	for off := 0; off < len(p); {
		n, err := unix.Pread(k.fd, p[off:], int64(off))
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			clear(p)
			return fault.KeeperRefused.At("read keeper file")
		}
		off += n
	}
	if k.length() != KeeperLen {
		clear(p)
		return fault.KeeperRefused.At("read keeper file")
	}
	return nil
}

// Write puts p on disk: when it returns nil the bytes are synced. It overwrites nothing: a file that is not empty is the
// secret of a root key that is sealed already. (The host syncs the directory, before it passes the file.)
func (k *Keeper) Write(p []byte) error {
	if len(p) != KeeperLen || !k.writable {
		return fault.ArgumentsBad.At("write keeper file")
	}
	if k.length() != 0 {
		return fault.AlreadyInitialized.At("write keeper file")
	}
	for off := 0; off < len(p); {
		n, err := unix.Pwrite(k.fd, p[off:], int64(off))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fault.Unavailable.At("write keeper file")
		}
		off += n
	}
	if err := unix.Fsync(k.fd); err != nil {
		return fault.Unavailable.At("sync keeper file")
	}
	return nil
}

func (k *Keeper) length() int64 {
	var st unix.Stat_t
	if err := unix.Fstat(k.fd, &st); err != nil {
		return -1
	}
	return st.Size
}

// Close gives the descriptor back.
func (k *Keeper) Close() error { return unix.Close(k.fd) }
