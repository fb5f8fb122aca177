/* SPDX-License-Identifier: Apache-2.0
 *
 * Random numbers (PKCS #11 3.2 section 5.19).
 */

#include "module.h"

#include <string.h>

CK_RV C_SeedRandom(CK_SESSION_HANDLE hSession, CK_BYTE *pSeed, CK_ULONG ulSeedLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK && !pSeed && ulSeedLen)
		rv = CKR_ARGUMENTS_BAD;
	if (rv != CKR_OK)
		return leave(&c, rv);
	struct buf *b = request(&c);
	put_u64(b, c.s->wire);
	put_bytes(b, pSeed, ulSeedLen < PART_MAX ? ulSeedLen : PART_MAX);
	return leave(&c, call(&c, CALL_SEED));
}

CK_RV C_GenerateRandom(CK_SESSION_HANDLE hSession, CK_BYTE *RandomData, CK_ULONG ulRandomLen)
{
	struct ctx c;
	CK_RV rv = enter_session(&c, __func__, hSession);
	if (rv == CKR_OK && !RandomData && ulRandomLen)
		rv = CKR_ARGUMENTS_BAD;
	for (CK_ULONG at = 0; rv == CKR_OK && at < ulRandomLen;) {
		CK_ULONG n = ulRandomLen - at < RANDOM_MAX ? ulRandomLen - at : RANDOM_MAX;
		struct buf *b = request(&c);
		put_u64(b, c.s->wire);
		put_u64(b, n);
		rv = call(&c, CALL_RANDOM);
		if (rv != CKR_OK)
			break;
		struct view v = get_bytes(&c.in);
		if (v.len != n) {
			rv = CKR_GENERAL_ERROR;
			break;
		}
		memcpy(RandomData + at, v.p, n);
		at += n;
	}
	return leave(&c, rv);
}
