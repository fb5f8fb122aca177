// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/tpmtest"
)

// device is a character device behind which m answers: a terminal that changes nothing, whose other end is carried to m's socket. It
// stands for /dev/tpmrm0, which few test machines have.
func device(t *testing.T, m *tpmtest.TPM) string {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	raw, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	raw.Iflag, raw.Oflag, raw.Lflag, raw.Cflag = 0, 0, 0, raw.Cflag&^(unix.CSIZE|unix.PARENB)|unix.CS8
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, raw); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unix", m.Socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go io.Copy(conn, master)
	go io.Copy(master, conn)
	path := fmt.Sprint("/dev/pts/", number)
	held, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0) // else the other end hangs up when the last one closes
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { held.Close() })
	return path
}

func TestADeviceThatIsATPMAnswersTheCore(t *testing.T) {
	m := tpmtest.Start(t)
	l := &tpmLine{path: device(t, m), log: slog.New(slog.DiscardHandler)}
	for range 3 {
		for _, n := range []byte{16, 48} { // TPM2_GetRandom
			answer, err := say(l, []byte{0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7B, 0, n})
			if err != nil || len(answer) != 12+int(min(n, 64)) {
				t.Fatalf("%x, %v", answer, err)
			}
		}
		if _, ok := l.conn.(tpmDevice); !ok {
			t.Errorf("it is a %T", l.conn)
		}
		if _, err := say(l, nil); err != nil {
			t.Error(err)
		}
	}
}
