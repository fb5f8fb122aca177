// SPDX-License-Identifier: Apache-2.0

package wycheproof

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/genbu-hsm/genbu/conformance/node"
)

// driver is one process that has the library loaded and a session open. One goroutine uses it at a time.
type driver struct {
	to   io.WriteCloser
	from *bufio.Reader
}

func startDriver(t *testing.T, program string, n *node.Node) *driver {
	t.Helper()
	cmd := exec.Command(program)
	cmd.Env, cmd.Stderr = n.Env, os.Stderr
	to, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	from, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		to.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("driver: %v", err)
		}
	})
	return &driver{to: to, from: bufio.NewReaderSize(from, 1<<16)}
}

// Calls of the driver, as driver.c numbers them.
const (
	callInfo byte = iota + 1
	callCreate
	callDestroy
	callGet
	callSign
	callVerify
	callEncrypt
	callDecrypt
	callDerive
	callWrap
	callUnwrap
	callEncapsulate
	callDecapsulate
	callGenerate
	callOpenMessage
)

type handle uint64

// ask sends one call and gives its CKR code and what came with CKR_OK.
func (d *driver) ask(call byte, fields ...any) (ckr, []byte) {
	body := []byte{call}
	for _, f := range fields {
		switch v := f.(type) {
		case handle:
			body = binary.LittleEndian.AppendUint64(body, uint64(v))
		case uint64:
			body = binary.LittleEndian.AppendUint64(body, v)
		case uint32:
			body = binary.LittleEndian.AppendUint32(body, v)
		case []byte:
			body = appendBytes(body, v)
		case mechanism:
			body = append(body, v...)
		case template:
			body = v.append(body)
		default:
			panic(fmt.Sprintf("field of type %T", f))
		}
	}
	frame := binary.LittleEndian.AppendUint32(nil, uint32(len(body)))
	if _, err := d.to.Write(append(frame, body...)); err != nil {
		panic(err) // the driver said on standard error why it ended
	}
	var head [12]byte
	if _, err := io.ReadFull(d.from, head[:]); err != nil {
		panic(err)
	}
	answer := make([]byte, binary.LittleEndian.Uint32(head[:])-8)
	if _, err := io.ReadFull(d.from, answer); err != nil {
		panic(err)
	}
	return ckr(binary.LittleEndian.Uint64(head[4:])), answer
}

// make asks for something that answers a handle, and bytes for encapsulation.
func (d *driver) make(call byte, fields ...any) (handle, ckr, []byte) {
	rv, answer := d.ask(call, fields...)
	if rv != ok {
		return 0, rv, nil
	}
	return handle(binary.LittleEndian.Uint64(answer)), ok, answer[8:]
}

func (d *driver) create(tmpl template) (handle, ckr) {
	h, rv, _ := d.make(callCreate, tmpl)
	return h, rv
}

// drop destroys session objects that were made; 0 is one that was not.
func (d *driver) drop(handles ...handle) {
	for _, h := range handles {
		if h != 0 {
			d.ask(callDestroy, h)
		}
	}
}

// value reads CKA_VALUE.
func (d *driver) value(h handle) (ckr, []byte) { return d.ask(callGet, h, uint64(ckaValue)) }

// offers tells whether the token has a mechanism.
func (d *driver) offers(id uint64) bool {
	rv, _ := d.ask(callInfo, id)
	return rv == ok
}
