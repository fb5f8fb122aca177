/* SPDX-License-Identifier: Apache-2.0
 *
 * Lengths of outputs, so that size queries (PKCS #11 3.2 section 5.2) cost no round trip: exact for signatures, MACs and
 * digests, and for the rest never too small.
 */

#include "module.h"

/* What each parameter set makes: FIPS 204 table 2, FIPS 205 table 2 (in the order of CKP_SLH_DSA_*), FIPS 203 table 3. */
static const size_t mldsa[] = {0, 2420, 3309, 4627};
static const size_t slhdsa[] = {0, 7856, 7856, 17088, 17088, 16224, 16224, 35664, 35664, 29792, 29792, 49856, 49856};
static const size_t mlkem[] = {0, 768, 1088, 1568};

#define BY_SET(table, set) ((set) < sizeof(table) / sizeof *(table) ? (table)[set] : 0)

/* Tells the length of what a whole operation makes of in bytes; false when only doing it can tell. For decryption it is
 * an upper bound. */
bool output_size(const struct op *op, enum use use, uint64_t in, size_t *size)
{
	const struct mech *m = op->mech;
	if (!m || m->rule == SIZE_NONE)
		return false;
	switch (m->rule) {
	case SIZE_FIXED: *size = m->n; break;
	case SIZE_PARAM: *size = op->extra; break;
	case SIZE_MODULUS: *size = (op->key_bits + 7) / 8; break;
	case SIZE_CURVE2: *size = 2 * ((op->key_bits + 7) / 8); break;
	case SIZE_EDWARDS: *size = op->key_bits <= 256 ? 64 : 114; break;
	case SIZE_MLDSA: *size = BY_SET(mldsa, op->key_bits); break;
	case SIZE_SLHDSA: *size = BY_SET(slhdsa, op->key_bits); break;
	case SIZE_MLKEM: *size = BY_SET(mlkem, op->key_bits); break;
	case SIZE_SAME: *size = in; return true;
	case SIZE_PADDED: *size = use == USE_DECRYPT ? in : in - in % m->n + m->n; return true;
	case SIZE_TAGGED: *size = use == USE_DECRYPT ? in : in + op->extra; return true;
	case SIZE_NONE: break;
	}
	return *size != 0;
}

/* What an Update of in bytes may give: never more than went in and has not come out. */
bool update_size(const struct op *op, uint64_t in, size_t *size)
{
	*size = op->pending + in;
	return op->mech && op->mech->rule != SIZE_NONE;
}

/* What Final may give. */
bool final_size(const struct op *op, enum use use, size_t *size)
{
	return output_size(op, use, op->pending, size);
}

/* The ciphertext of C_EncapsulateKey; 0 when it is not known. */
size_t ciphertext_size(const struct summary *key)
{
	return key->type == CKK_ML_KEM ? BY_SET(mlkem, key->bits) : 0;
}
