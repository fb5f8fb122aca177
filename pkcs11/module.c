/* SPDX-License-Identifier: Apache-2.0
 *
 * The frame of every call: is the module initialized, in this process; which session; what the program is told.
 */

#include "module.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct module module = {
	.init = PTHREAD_MUTEX_INITIALIZER,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.hello = PTHREAD_MUTEX_INITIALIZER,
	.channel_free = PTHREAD_COND_INITIALIZER,
};

/* Begins a call that takes no session. */
CK_RV enter(struct ctx *c, const char *function)
{
	memset(c, 0, offsetof(struct ctx, reason));
	c->reason[0] = 0;
	c->function = function;
	if (!module.initialized)
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	if (module.pid != getpid())
		fork_became_child();
	if (module.inherited && module.fork_strict)
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	return CKR_OK;
}

CK_RV enter_session(struct ctx *c, const char *function, CK_SESSION_HANDLE handle)
{
	CK_RV rv = enter(c, function);
	if (rv != CKR_OK)
		return rv;
	struct session *s = session_get(handle);
	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	pthread_mutex_lock(&s->lock);
	if (s->closed) { /* by another thread, while this one waited */
		pthread_mutex_unlock(&s->lock);
		session_put(s);
		return CKR_SESSION_HANDLE_INVALID;
	}
	c->s = s;
	return CKR_OK;
}

/* Codes that only 3.x knows, for programs that never asked for a 3.x interface. */
static CK_RV for_2_40(CK_RV rv)
{
	switch (rv) {
	case CKR_AEAD_DECRYPT_FAILED: return CKR_ENCRYPTED_DATA_INVALID;
	case CKR_TOKEN_RESOURCE_EXCEEDED: return CKR_DEVICE_MEMORY;
	case CKR_TOKEN_NOT_INITIALIZED: return CKR_TOKEN_NOT_RECOGNIZED;
	case CKR_PARAMETER_SET_NOT_SUPPORTED: return CKR_DOMAIN_PARAMS_INVALID;
	case CKR_SESSION_ASYNC_NOT_SUPPORTED: return CKR_ARGUMENTS_BAD;
	}
	return rv;
}

CK_RV leave(struct ctx *c, CK_RV rv)
{
	if (!module.modern)
		rv = for_2_40(rv);
	if (module.debug[0])
		debug_line(c, rv);
	if (c->ch)
		channel_give(c->ch);
	if (c->s) {
		if (!c->keep && c->s->kept_call)
			kept_drop(c->s);
		pthread_mutex_unlock(&c->s->lock);
		session_put(c->s);
	}
	return rv;
}

/* Notes why, for the debug log only. */
void say(struct ctx *c, const char *reason)
{
	snprintf(c->reason, sizeof c->reason, "%s", reason);
}

/* GENBU_PKCS11_DEBUG: one line per call, without arguments, since these may be PINs and data. */
void debug_line(const struct ctx *c, CK_RV rv)
{
	int fd = STDERR_FILENO;
	if (strcmp(module.debug, "1") != 0 && strcmp(module.debug, "stderr") != 0) {
		/* Opened each time: a descriptor kept could become somebody else's. */
		fd = open(module.debug, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			return;
	}
	char line[256];
	int n = snprintf(line, sizeof line, "genbu-pkcs11[%d] %s: 0x%03lX", (int)getpid(), c->function, rv);
	if (c->request)
		n += snprintf(line + n, sizeof line - (size_t)n, " request %016llx%s", (unsigned long long)c->request,
			c->indicator ? " approved" : "");
	if (c->fault)
		n += snprintf(line + n, sizeof line - (size_t)n, " fault %u", c->fault);
	if (c->reason[0])
		n += snprintf(line + n, sizeof line - (size_t)n, " (%s)", c->reason);
	line[n] = '\n';
	if (write(fd, line, (size_t)n + 1) < 0) { /* nobody left to tell */
	}
	if (fd != STDERR_FILENO)
		close(fd);
}
