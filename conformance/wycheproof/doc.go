// SPDX-License-Identifier: Apache-2.0

// Package wycheproof brings the Wycheproof vectors to a real node through the PKCS #11 library. A small C program,
// driver/driver.c, calls the library as the test tells it; keys are session objects.
//
// Each file of the archive is either run or named with the reason why not, and so is each case that a file has and the
// door cannot express. A vector that is "valid" must give its result, one that is "invalid" must be refused with a CKR code that says why,
// and one that is "acceptable" may go either way.
package wycheproof
