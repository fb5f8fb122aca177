// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net"
	"os"
	"syscall"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Dial connects to a node's socket, takes the channel that the host hands over and makes an application.
func Dial(socket string) (*Conn, error) {
	c, err := introduce(socket)
	if err != nil {
		return nil, err
	}
	return c, closeUnless(c, c.Hello())
}

// Join is Dial into the application of another channel.
func Join(socket string, secret []byte) (*Conn, error) {
	c, err := introduce(socket)
	if err != nil {
		return nil, err
	}
	return c, closeUnless(c, c.HelloJoin(secret))
}

// Fork is Dial into a copy of the application of another channel, as a forked child makes it.
func Fork(socket string, secret []byte) (*Conn, error) {
	c, err := introduce(socket)
	if err != nil {
		return nil, err
	}
	return c, closeUnless(c, c.HelloFork(secret))
}

func closeUnless(c *Conn, err error) error {
	if err != nil {
		c.Close()
	}
	return err
}

// introduction is what the host says before it steps aside.
const introduction = "GNBU"

func introduce(socket string) (*Conn, error) {
	stream, err := Introduce(context.Background(), socket)
	if err != nil {
		return nil, err
	}
	return New(stream), nil
}

// Introduce is the first half of Dial: the channel as the host hands it over, on which nothing has been said yet.
func Introduce(ctx context.Context, socket string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, &fault.Error{Code: fault.Unavailable, Step: "connect to " + socket, Left: -1}
	}
	host := conn.(*net.UnixConn)
	defer host.Close()
	if by, ok := ctx.Deadline(); ok {
		host.SetDeadline(by)
	}
	f, err := receive(host)
	if err != nil {
		return nil, err
	}
	defer f.Close() // FileConn has its own
	stream, err := net.FileConn(f)
	if err != nil {
		return nil, fault.Unavailable.At("take the channel")
	}
	return stream, nil
}

// receive reads the introduction and its descriptor. The message may come in pieces; the descriptor comes with the first.
func receive(host *net.UnixConn) (*os.File, error) {
	data := make([]byte, 0, 7)
	fd := -1
	for len(data) < 5 || data[4] == 0 && len(data) < 7 {
		buf, oob := make([]byte, 7-len(data)), make([]byte, syscall.CmsgSpace(4*4))
		n, oobn, _, _, err := host.ReadMsgUnix(buf, oob)
		for _, got := range descriptors(oob[:oobn]) {
			syscall.CloseOnExec(got)
			if fd >= 0 {
				syscall.Close(got)
				continue
			}
			fd = got
		}
		if err != nil || n == 0 {
			break
		}
		data = append(data, buf[:n]...)
	}
	if len(data) >= 5 && string(data[:4]) == introduction && data[4] == version && fd >= 0 {
		return os.NewFile(uintptr(fd), "genbu channel"), nil
	}
	if fd >= 0 {
		syscall.Close(fd)
	}
	if len(data) == 0 { // a host that is ending, or was killed, says nothing
		return nil, fault.Unavailable.At("read the host's introduction")
	}
	if len(data) == 7 && string(data[:4]) == introduction && data[4] == 0 {
		r := wire.NewReader(data[5:])
		return nil, fault.Code(r.U16()).At("ask for a channel to the core")
	}
	return nil, fault.Malformed.At("read the host's introduction")
}

func descriptors(oob []byte) (fds []int) {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for _, m := range messages {
		got, err := syscall.ParseUnixRights(&m)
		if err == nil {
			fds = append(fds, got...)
		}
	}
	return fds
}

func pid() int { return os.Getpid() }
