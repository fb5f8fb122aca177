// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// apiError is a refusal in Key Vault's words.
type apiError struct {
	status  int
	code    string
	inner   string
	message string
	cause   error
}

func (e *apiError) Error() string { return e.message }
func (e *apiError) Unwrap() error { return e.cause }

func badParameter(format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, "BadParameter", "", fmt.Sprintf(format, args...), nil}
}

func conflict(inner, format string, args ...any) *apiError {
	return &apiError{http.StatusConflict, "Conflict", inner, fmt.Sprintf(format, args...), nil}
}

func notSupported(format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, "NotSupported", "", fmt.Sprintf(format, args...), nil}
}

// underWay says which conflict it is that a backup or restore may have.
func underWay(err error) error {
	if fault.Of(err) == fault.Conflict {
		return &apiError{http.StatusConflict, "Conflict", "", "Another backup or restore of this managed HSM is under way.", err}
	}
	return err
}

// face is what a fault of the core looks like at this door.
type face struct {
	status int
	code   string
	inner  string
}

var (
	unauthorized = face{http.StatusUnauthorized, "Unauthorized", ""}
	forbidden    = face{http.StatusForbidden, "Forbidden", "ForbiddenByRbac"}
	byPolicy     = face{http.StatusForbidden, "Forbidden", "ForbiddenByPolicy"}
	notAllowed   = face{http.StatusForbidden, "Forbidden", "OperationNotAllowed"}
	notFound     = face{http.StatusNotFound, "", ""} // the noun has the code
	bad          = face{http.StatusBadRequest, "BadParameter", ""}
	conflicting  = face{http.StatusConflict, "Conflict", ""}
	throttled    = face{http.StatusTooManyRequests, "Throttled", ""}
	away         = face{http.StatusServiceUnavailable, "ServiceUnavailable", ""}
	broken       = face{http.StatusInternalServerError, "InternalServerError", ""}
	tooBig       = face{http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", ""}
	unsupported  = face{http.StatusBadRequest, "NotSupported", ""}
)

// refusal finds the words for an error. What is said of an object that is not there and of one that may not be seen is the same.
func refusal(err error, n noun) *apiError {
	var e *apiError
	if errors.As(err, &e) {
		return e
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &apiError{tooBig.status, tooBig.code, "", "The request body is too large.", err}
	}
	code := fault.Of(err)
	f, ok := faces[code]
	if !ok {
		f = broken
	}
	if f == notFound {
		f.code = n.notFound
		if f.code == "" {
			f.code = "NotFound"
		}
	}
	if code == fault.KeyDisabled && n.title != "" { // SecretDisabled, by which some clients tell it from other refusals
		f.inner = n.title + "Disabled"
	}
	return &apiError{f.status, f.code, f.inner, sentence(code, n), err}
}

// sentence is the fault in words that name no bytes of a key.
func sentence(code fault.Code, n noun) string {
	switch {
	case faces[code] == notFound && n.title != "":
		return n.title + " not found."
	case faces[code] == forbidden:
		return "The caller is not authorized to perform this operation."
	case code == fault.KeyDisabled && n == aSecret: // the very words; others look for them
		return "Operation get is not allowed on a disabled secret."
	case code == fault.KeyDisabled && n.title != "":
		return "Operation is not allowed on a disabled " + strings.ToLower(n.title) + ", or one outside of its validity."
	}
	text := code.String()
	return string(text[0]-'a'+'A') + text[1:] + "."
}

// Headers that Key Vault sets on every answer.
const (
	region  = "local"
	service = "1.9.0.0" // what the header x-ms-keyvault-service-version says; clients only log it
)

func headers(w http.ResponseWriter, request string) {
	h := w.Header()
	h["Content-Type"] = jsonType
	h["Cache-Control"] = noStore
	h["Strict-Transport-Security"] = hsts
	h["X-Content-Type-Options"] = noSniff
	h["X-Ms-Keyvault-Region"] = regionHeader
	h["X-Ms-Keyvault-Service-Version"] = serviceHeader
	h["X-Ms-Request-Id"] = []string{request}
}

// Values of headers, made once: a map's entry is a slice.
var (
	jsonType      = []string{"application/json; charset=utf-8"}
	noStore       = []string{"no-cache, no-store"}
	hsts          = []string{"max-age=31536000;includeSubDomains"}
	noSniff       = []string{"nosniff"}
	regionHeader  = []string{region}
	serviceHeader = []string{service}
)

// refuse writes an error. The headers are set already.
func refuse(w http.ResponseWriter, e *apiError) {
	if e.status == http.StatusTooManyRequests || e.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	}
	w.Header().Set("x-ms-error-code", e.code)
	text, _ := json.Marshal(map[string]any{"error": e.body()})
	w.WriteHeader(e.status)
	w.Write(text)
}

// body is the error as JSON has it.
func (e *apiError) body() map[string]any {
	body := map[string]any{"code": e.code, "message": e.message}
	if e.inner != "" {
		body["innererror"] = map[string]string{"code": e.inner}
	}
	return body
}
