/* SPDX-License-Identifier: Apache-2.0
 *
 * General-purpose functions (PKCS #11 3.2 section 5.4). Nothing is sent before the first call that needs the core.
 */

#include "module.h"

#include <string.h>
#include <unistd.h>

/* The four ways to lock (5.4.1) are all accepted: a program that brings mutex functions of its own gets pthread ones all
 * the same, since those work wherever this library loads. */
static CK_RV check_args(const CK_C_INITIALIZE_ARGS *a)
{
	if (!a)
		return CKR_OK;
	int given = !!a->CreateMutex + !!a->DestroyMutex + !!a->LockMutex + !!a->UnlockMutex;
	return given == 0 || given == 4 ? CKR_OK : CKR_ARGUMENTS_BAD;
}

/* Forgets all that an application has here. module.lock is not held. */
static void forget_all(void)
{
	sessions_forget();
	summary_forget_all();
	pthread_mutex_lock(&module.lock);
	for (struct slot *slot = module.slots; slot; slot = slot->next) {
		slot->present = slot->logged_in = false;
		slot->offered_in = 0;
		buf_free(&slot->ticket);
	}
	explicit_bzero(module.secret, sizeof module.secret);
	module.secret_len = 0;
	module.secret_inherited = module.rights_changed = false;
	pool_close();
	pthread_mutex_unlock(&module.lock);
}

CK_RV C_Initialize(void *pInitArgs)
{
	CK_C_INITIALIZE_ARGS *args = pInitArgs;
	CK_RV rv = check_args(args);
	if (rv != CKR_OK)
		return rv;
	if (module.initialized && module.pid != getpid())
		fork_became_child();
	pthread_mutex_lock(&module.init);
	if (module.initialized && !module.inherited) {
		rv = CKR_CRYPTOKI_ALREADY_INITIALIZED;
	} else {
		/* A forked child starts anew: it says that it does not want what it has from its parent. */
		fork_prepare_once();
		forget_all();
		config_read(args ? args->pReserved : NULL);
		module.inherited = false;
		module.pid = getpid();
		module.initialized = true;
	}
	pthread_mutex_unlock(&module.init);
	struct ctx c = {.function = __func__};
	return leave(&c, rv);
}

/* Safe from an atexit handler: it needs nothing that other libraries clean up. */
CK_RV C_Finalize(void *pReserved)
{
	struct ctx c;
	CK_RV rv = enter(&c, __func__);
	if (rv == CKR_OK && pReserved)
		rv = CKR_ARGUMENTS_BAD;
	if (rv != CKR_OK)
		return leave(&c, rv);
	/* Sessions and logins end now, not when the core notices that we are gone; an inherited application is the parent's. */
	if (module.generation && module.secret_len && !module.secret_inherited && module.pool && module.session_count) {
		c.hurry = true;
		put_u64(request(&c), 0);
		call(&c, CALL_SESSION_CLOSE);
	}
	if (c.ch)
		channel_give(c.ch);
	c.ch = NULL;
	module.initialized = false;
	module.inherited = false;
	forget_all();
	return leave(&c, CKR_OK);
}

CK_RV C_GetInfo(CK_INFO *pInfo)
{
	struct ctx c;
	CK_RV rv = enter(&c, __func__);
	if (rv == CKR_OK && !pInfo)
		rv = CKR_ARGUMENTS_BAD;
	if (rv != CKR_OK)
		return leave(&c, rv);
	memset(pInfo, 0, sizeof *pInfo);
	pInfo->cryptokiVersion = (CK_VERSION){3, 2};
	memset(pInfo->manufacturerID, ' ', sizeof pInfo->manufacturerID);
	memcpy(pInfo->manufacturerID, "Genbu", 5);
	memset(pInfo->libraryDescription, ' ', sizeof pInfo->libraryDescription);
	memcpy(pInfo->libraryDescription, "Genbu PKCS #11 module", 21);
	pInfo->libraryVersion = (CK_VERSION){0, 1};
	return leave(&c, CKR_OK);
}
