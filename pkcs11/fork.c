/* SPDX-License-Identifier: Apache-2.0
 *
 * fork() (PKCS #11 3.2 section 5.4.1 and CKF_INTERFACE_FORK_SAFE). A descriptor is never used by two processes: the child
 * closes the parent's at once, without a word, and goes on with channels of its own and its own copy of the sessions,
 * which the core makes when the child first calls.
 */

#include "module.h"

#include <string.h>
#include <unistd.h>

/* The tables are whole while the fork happens; what other threads do outside module.lock is dealt with in the child. */
static void prepare(void)
{
	pthread_mutex_lock(&module.lock);
}

static void parent(void)
{
	pthread_mutex_unlock(&module.lock);
}

/* A channel that another thread was using is left alone but for its descriptor: that thread does not exist here, and
 * its buffers may have been in the middle of a change. */
static void channels_after_fork(void)
{
	module.pool = NULL;
	for (struct channel **at = &module.channels; *at;) {
		struct channel *ch = *at;
		channel_close(ch);
		if (ch->taken) {
			*at = ch->next;
			module.channel_count--;
			continue;
		}
		ch->idle = module.pool;
		module.pool = ch;
		at = &ch->next;
	}
}

/* Runs in the child. */
static void child(void)
{
	module.pid = getpid();
	module.init = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	module.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	module.hello = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	module.channel_free = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	module.in_flight = 0;
	module.forks++;
	channels_after_fork();
	sessions_after_fork();
	module.secret_inherited = module.secret_len > 0;
	module.inherited = module.initialized;
}

/* The first call in a process that was made by a bare clone(), which runs no handlers. */
void fork_became_child(void)
{
	int me = getpid();
	if (atomic_exchange(&module.pid, me) != me)
		child();
}

static void register_handlers(void)
{
	pthread_atfork(prepare, parent, child);
}

/* Called by C_Initialize, since a constructor may have no effects. */
void fork_prepare_once(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, register_handlers);
}
