/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes what an answer goes through: the signature check of every call, then every decoder, for any bytes.
 * Input: one byte that chooses the call, then the body.
 */

#include <stdlib.h>
#include <string.h>

#include "../module.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slot slot = {.id = 1};
static struct session session = {.slot = &slot};

static void forget_slots(void)
{
	for (struct slot *s = module.slots, *next; s; s = next) {
		next = s->next;
		free(s);
	}
	module.slots = NULL;
}

/* The values as a program receives them: buffers of some size, and nested templates. */
static void attributes(struct view v, uint8_t room)
{
	/* Each attribute has its own room: bytes that one receives must not become pointers of the next. */
	CK_ATTRIBUTE a[8], inner[8][4];
	uint8_t buf[8][32], nested[8][4][8];
	struct view types = v;
	uint32_t n = get_u32(&types);
	if (n > 8)
		return;
	for (uint32_t i = 0; i < n; i++) {
		a[i].type = get_u64(&types);
		get_u8(&types);
		get_bytes(&types);
		a[i].pValue = room & 1 ? buf[i] : NULL;
		a[i].ulValueLen = room % 33;
		if ((a[i].type & CKF_ARRAY_ATTRIBUTE) && room & 1) {
			for (int k = 0; k < 4; k++)
				inner[i][k] = (CK_ATTRIBUTE){0, room & 2 ? nested[i][k] : NULL, room & 2 ? 8 : 0};
			a[i].pValue = inner[i];
			a[i].ulValueLen = sizeof inner[i];
		}
	}
	get_values(v, a, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	const struct call_row *row = call_row(data[0]);
	uint8_t room = data[1];
	data += 2;
	size -= 2;
	uint8_t *body = malloc(size + 1); /* of exact size, so that a read beyond it is seen */
	memcpy(body, data, size);
	struct view v = view_of(body, size);
	/* The decoders hold even for what the check refuses. */
	bool fits = row && wire_matches(row->response, body, size);
	attributes(v, room);
	summary_learn(&session, v);
	struct ctx c = {.s = &session, .in = v};
	CK_OBJECT_HANDLE handles[2];
	take_objects(&c, handles, 2);
	CK_OBJECT_HANDLE further[2];
	CK_DERIVED_KEY keys[] = {{NULL, 0, &further[0]}, {NULL, 0, &further[1]}};
	CK_SP800_108_KDF_PARAMS p = {.ulAdditionalDerivedKeys = 2, .pAdditionalDerivedKeys = keys};
	CK_MECHANISM m = {CKM_SP800_108_COUNTER_KDF, &p, sizeof p};
	struct view rest = v;
	derived_handles(&m, &rest);
	slots_learn(v);
	forget_slots();
	mechanisms_learn(&slot, v, 1);
	struct offered o;
	mechanism_offered(&slot, CKM_ECDSA, &o);
	if (fits) {
		CK_BYTE out[16];
		CK_ULONG n = room % 17;
		struct view b = v;
		answer_bytes(get_bytes(&b), out, &n);
	}
	free(body);
	return 0;
}
