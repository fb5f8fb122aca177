// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"net/url"
	"regexp"
	"strconv"
)

// query is the query string. Names are decoded before they are looked at: JavaScript sends api%2Dversion.
type query struct {
	values url.Values
}

// versions are those that clients send: dates, and 7.x with previews. Newer ones than we know are taken, since the SDKs move
// their default with each release.
var versions = regexp.MustCompile(`^(20[0-9]{2}-(0[1-9]|1[0-2])-([0-2][0-9]|3[01])|7\.[0-9]{1,2})(-preview(\.[0-9]{1,2})?)?$`)

// commonVersion is what the SDKs of today send, so that their requests need no look at the pattern.
const commonVersion = "2025-07-01"

func readQuery(raw string) (query, error) {
	q, err := parseQuery(raw)
	if err != nil {
		return q, err
	}
	version := q.values.Get("api-version")
	if version == "" {
		return q, badParameter("The query parameter api-version is required.")
	}
	if version != commonVersion && !versions.MatchString(version) {
		return q, badParameter("The api-version %q is not known.", clip(version))
	}
	return q, nil
}

// parseQuery decodes the query string, in which no name is there twice.
func parseQuery(raw string) (query, error) {
	if len(raw) > maxQuery {
		return query{}, badParameter("The query string is too long.")
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return query{}, badParameter("The query string is not valid.")
	}
	for name, list := range values {
		if len(list) > 1 {
			return query{}, badParameter("The query parameter %q is there twice.", clip(name))
		}
	}
	return query{values}, nil
}

func (q query) apiVersion() string { return q.values.Get("api-version") }

// flag is a parameter that is true or false, or not there.
func (q query) flag(name string) (bool, error) {
	switch text := q.values.Get(name); text {
	case "", "false", "False":
		return false, nil
	case "true", "True":
		return true, nil
	default:
		return false, badParameter("The query parameter %s is true or false.", name)
	}
}

// page is how many items a list may answer.
func (q query) page() (int, error) {
	text := q.values.Get("maxresults")
	if text == "" {
		return defaultPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPage {
		return 0, badParameter("The query parameter maxresults is from 1 to %d.", maxPage)
	}
	return n, nil
}
