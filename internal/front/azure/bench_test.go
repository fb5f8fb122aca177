// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// quick is a core that says yes to everything, at once: what is left of a request's time is the door's.
type quick struct{ Core }

func (quick) Channel() (io.ReadWriteCloser, error)   { return &quickChannel{}, nil }
func (quick) Epoch() uint64                          { return 1 }
func (quick) Vault(name, kind string) (Vault, error) { return Vault{Slot: 1}, nil }

type quickChannel struct{ answer bytes.Buffer }

func (c *quickChannel) Close() error               { return nil }
func (c *quickChannel) Read(p []byte) (int, error) { return c.answer.Read(p) }

func (c *quickChannel) Write(p []byte) (int, error) {
	r := wire.NewReader(p[4:])
	call, _, sequence := r.U16(), r.U16(), r.U32()
	var w wire.Writer
	w.U32(0)
	w.U16(call)
	w.U16(uint16(fault.OK))
	w.U32(sequence)
	w.U64(7)
	w.Bool(true)
	switch wire.Call(call) {
	case wire.CallHello:
		w.Bytes(make([]byte, 32))
		w.Bytes(make([]byte, 16))
		w.U64(0)
	case wire.CallLogin:
		w.Bytes(nil)
	case wire.CallNameGet:
		w.String("k")
		w.String(strings.Repeat("a", 32))
		w.U64(5)
		w.U32(2)
		for _, v := range [][2]uint64{{uint64(key.AttrKeyType), uint64(key.TypeAES)}, {uint64(key.AttrValueLen), 32}} {
			w.U64(v[0])
			w.U8(0)
			w.U32(8)
			w.U64(v[1])
		}
	case wire.CallOperate:
		w.Bytes(make([]byte, 12))
		w.Bytes(make([]byte, 1024))
		w.Bytes(make([]byte, 16))
	}
	b := w.B
	b[0], b[1] = byte(len(b)-4), byte((len(b)-4)>>8)
	c.answer.Write(b)
	return len(p), nil
}

// BenchmarkEncrypt is a request to encrypt 1 KiB, without HTTP and TLS.
func BenchmarkEncrypt(b *testing.B) {
	door := New(quick{}, "genbu.localhost", slog.New(slog.DiscardHandler))
	defer door.Close()
	claims, _ := json.Marshal(map[string]int64{"exp": time.Now().Add(time.Hour).Unix()})
	token := "e30." + base64.RawURLEncoding.EncodeToString(claims) + "." + strings.Repeat("A", 600)
	body := fmt.Appendf(nil, `{"alg":"A256GCM","value":"%s"}`, encode64(make([]byte, 1024)))
	q := httptest.NewRequest("POST", "https://v00.vault.genbu.localhost:8443/keys/k/"+strings.Repeat("a", 32)+"/encrypt?api-version=2025-07-01", nil)
	q.Header.Set("Authorization", "Bearer "+token)
	b.ReportAllocs()
	for b.Loop() {
		r := *q
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		w := httptest.NewRecorder()
		door.ServeHTTP(w, &r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
	}
}
