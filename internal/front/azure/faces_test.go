// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
)

func TestEveryFaultHasAFace(t *testing.T) {
	for _, c := range fault.All() {
		f, ok := faces[c]
		if !ok || f.status < 400 || f.status > 599 || f.code == "" && f != notFound {
			t.Errorf("%d (%s): %+v", uint16(c), c, f)
		}
		if e := refusal(c.At("do"), aSecret); e.code == "" || e.message == "" {
			t.Errorf("%d (%s): %+v", uint16(c), c, e)
		}
	}
	if len(faces) != len(fault.All()) {
		t.Errorf("%d faces for %d faults", len(faces), len(fault.All()))
	}
}

// The statuses and codes that SDKs and their callers branch on.
func TestErrorsThatClientsTellApart(t *testing.T) {
	for code, want := range map[fault.Code]face{
		fault.ObjectUnknown: {404, "SecretNotFound", ""}, fault.Denied: {403, "Forbidden", "ForbiddenByRbac"},
		fault.KeyDisabled: {403, "Forbidden", "SecretDisabled"}, fault.TokenExpired: {401, "Unauthorized", ""}, fault.TokenInvalid: {401, "Unauthorized", ""},
		fault.NameTaken: {409, "Conflict", ""}, fault.NameDeleted: {409, "Conflict", "ObjectIsDeletedButRecoverable"},
		fault.RateLimited: {429, "Throttled", ""}, fault.TooLarge: {413, "RequestEntityTooLarge", ""}, fault.DataLength: {400, "BadParameter", ""},
		fault.Locked: {503, "ServiceUnavailable", ""}, fault.PartitionUnknown: {404, "VaultNotFound", ""},
	} {
		if e := refusal(code.At("x"), aSecret); e.status != want.status || e.code != want.code || e.inner != want.inner {
			t.Errorf("%s: %+v", code, e)
		}
	}
	if e := refusal(errors.New("x"), aKey); e.status != 500 {
		t.Errorf("%+v", e)
	}
	if e := refusal(&http.MaxBytesError{Limit: 1}, aKey); e.status != 413 {
		t.Errorf("%+v", e)
	}
}

func TestAnErrorHasTheFormAndHeadersOfKeyVaults(t *testing.T) {
	w := httptest.NewRecorder()
	headers(w, "11111111-2222-3333-4444-555555555555")
	refuse(w, refusal(fault.RateLimited, aKey))
	var body struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Error.Code != "Throttled" || body.Error.Message == "" {
		t.Errorf("%s %v", w.Body, err)
	}
	h := w.Result().Header
	if w.Code != 429 || h.Get("Retry-After") == "" || h.Get("x-ms-request-id") != "11111111-2222-3333-4444-555555555555" || h.Get("x-ms-error-code") != "Throttled" ||
		h.Get("x-ms-keyvault-region") == "" || h.Get("x-ms-keyvault-service-version") == "" || h.Get("Strict-Transport-Security") == "" ||
		h.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("%d %v", w.Code, h)
	}
}
