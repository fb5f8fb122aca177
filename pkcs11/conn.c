/* SPDX-License-Identifier: Apache-2.0
 *
 * One connection: the introduction by the host, and one exchange of frames with the core (docs/design/channel.md). Every
 * wait ends at a deadline; no signal and no dead peer can kill or hang the program.
 */

#include "module.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "faults.gen.h"

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int64_t now_ms(void)
{
	return now_ns() / 1000000;
}

/* Waits until fd is ready or the deadline (now_ms) is over. */
static bool wait_for(int fd, short events, int64_t deadline)
{
	for (;;) {
		int64_t left = deadline - now_ms();
		if (left <= 0)
			return false;
		struct pollfd p = {.fd = fd, .events = events};
		int n = poll(&p, 1, left > 60000 ? 60000 : (int)left);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return false;
	}
}

/* Connects to module.socket. A path too long for sockaddr_un goes through a descriptor of its directory. */
static int connect_node(struct ctx *c)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *path = module.socket;
	int dir = -1;
	if (strlen(path) < sizeof to.sun_path) {
		strcpy(to.sun_path, path);
	} else {
		char parent[sizeof module.socket];
		strcpy(parent, path);
		char *slash = strrchr(parent, '/');
		if (!slash) {
			errno = ENAMETOOLONG;
			return -1;
		}
		*slash = 0;
		dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			return -1;
		if (snprintf(to.sun_path, sizeof to.sun_path, "/proc/self/fd/%d/%s", dir, slash + 1) >= (int)sizeof to.sun_path) {
			close(dir);
			errno = ENAMETOOLONG;
			return -1;
		}
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
		int why = errno;
		close(fd);
		fd = -1;
		errno = why;
	}
	if (fd < 0)
		say(c, strerror(errno));
	if (dir >= 0) {
		int why = errno;
		close(dir);
		errno = why;
	}
	return fd;
}

/* Takes the descriptors out of a message: the first two are kept, others (there should be none) are closed. */
static void descriptors_of(struct msghdr *m, int kept[2])
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
			if (kept[0] < 0)
				kept[0] = fd;
			else if (kept[1] < 0)
				kept[1] = fd;
			else
				close(fd);
		}
	}
}

/* Reads the host's introduction: "GNBU" 1 with a socket and, where it has one for us, a pipe for the answers; or "GNBU" 0 and
 * a fault. */
static enum outcome introduction(struct ctx *c, int fd, int64_t deadline, int channel[2])
{
	uint8_t data[7];
	size_t have = 0;
	channel[0] = channel[1] = -1;
	for (;;) {
		union {
			struct cmsghdr align;
			char space[CMSG_SPACE(4 * sizeof(int))];
		} control;
		struct iovec io = {data + have, sizeof data - have};
		struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
		ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			if (!wait_for(fd, POLLIN, deadline))
				return SENT_LATE;
			continue;
		}
		if (n <= 0)
			return SENT_NOT;
		descriptors_of(&m, channel);
		have += (size_t)n;
		if (have >= 5 && memcmp(data, "GNBU\1", 5) == 0)
			return have == 5 && channel[0] >= 0 ? SENT_OK : SENT_BROKEN;
		if (have >= 5 && memcmp(data, "GNBU\0", 5) != 0)
			return SENT_BROKEN;
		if (have == sizeof data)
			break;
	}
	c->fault = (uint16_t)(data[5] | data[6] << 8);
	return c->fault == FAULT_UNAVAILABLE || c->fault == FAULT_BUSY ? SENT_NOT : SENT_BROKEN;
}

/* Remembers what a descriptor is. */
static bool describe(struct descriptor *d, int fd)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return false;
	*d = (struct descriptor){fd, st.st_dev, st.st_ino};
	return true;
}

/* SENT_NOT: the node may come back. SENT_BROKEN: it is of no use to try again. */
enum outcome channel_connect(struct ctx *c, int64_t deadline)
{
	struct channel *ch = c->ch;
	int fd = connect_node(c);
	if (fd < 0) {
		if (errno == ECONNREFUSED || errno == EAGAIN || errno == EINTR || errno == ENFILE || errno == EMFILE)
			return SENT_NOT;
		/* The socket is away while the daemon restarts; before the first application the node may not exist at all. */
		if (errno != ENOENT)
			return SENT_BROKEN;
		char parent[sizeof module.socket];
		strcpy(parent, module.socket);
		char *slash = strrchr(parent, '/');
		if (slash)
			*slash = 0;
		return module.generation || (slash && access(parent, F_OK) == 0) ? SENT_NOT : SENT_BROKEN;
	}
	int channel[2];
	enum outcome o = introduction(c, fd, deadline, channel);
	close(fd);
	struct descriptor out, in = {.fd = -1};
	if (o == SENT_OK && describe(&out, channel[0]) && (channel[1] < 0 || describe(&in, channel[1]))) {
		ch->out = out;
		ch->in = in;
		ch->application = 0;
		ch->typical = SPIN_FIRST;
		return SENT_OK;
	}
	for (int i = 0; i < 2; i++)
		if (channel[i] >= 0)
			close(channel[i]);
	if (o == SENT_BROKEN)
		say(c, c->fault ? "the node refuses" : "the socket is not a Genbu node");
	return o == SENT_OK ? SENT_BROKEN : o;
}

static enum outcome send_all(struct channel *ch, const uint8_t *p, size_t n, int64_t deadline)
{
	while (n) {
		ssize_t sent = send(ch->out.fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent > 0) {
			p += sent;
			n -= (size_t)sent;
		} else if (sent < 0 && errno == EAGAIN) {
			if (!wait_for(ch->out.fd, POLLOUT, deadline))
				return SENT_NOT; /* the core never had the whole frame */
		} else if (sent < 0 && errno != EINTR) {
			return SENT_NOT;
		}
	}
	return SENT_OK;
}

static void breathe(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Reads until the buffer holds n bytes. The first wait of an answer may spin for some time. */
static enum outcome receive(struct channel *ch, size_t n, int64_t spin, int64_t deadline)
{
	if (!buf_reserve(&ch->rx, n > 4096 ? n - ch->rx.len : 4096))
		return SENT_NO_MEMORY;
	int64_t until = spin ? now_ns() + spin : 0;
	while (ch->rx.len < n) {
		uint8_t *to = ch->rx.p + ch->rx.len;
		size_t room = ch->rx.cap - ch->rx.len;
		ssize_t got = ch->in.fd >= 0 ? read(ch->in.fd, to, room) : recv(ch->out.fd, to, room, MSG_DONTWAIT);
		if (got > 0) {
			ch->rx.len += (size_t)got;
		} else if (got < 0 && errno == EAGAIN) {
			if (until && now_ns() < until) {
				breathe();
				continue;
			}
			until = 0;
			if (!wait_for(ch->in.fd >= 0 ? ch->in.fd : ch->out.fd, POLLIN, deadline))
				return SENT_LATE;
		} else if (got == 0 || errno != EINTR) {
			return SENT_LOST;
		}
	}
	return SENT_OK;
}

/* How long to spin for the answer: not at all when others are waiting for theirs, since they need the processor. */
static int64_t spin_for(const struct channel *ch, int others)
{
	if (!module.spin || others || ch->typical > SPIN_MOST)
		return 0;
	return ch->typical + ch->typical / 2;
}

/*
 * Sends a request, whose first REQUEST_HEAD bytes are filled in here, and awaits its answer. The body of the answer is
 * a view into ch->rx, checked against the signature in calls.def.
 */
enum outcome channel_exchange(struct channel *ch, uint16_t id, struct buf *b, int64_t deadline, struct answer *a)
{
	if (b->failed || b->len > FRAME_MAX)
		return SENT_NO_MEMORY;
	uint16_t head[2] = {id, 0};
	set_u32(b, 0, (uint32_t)(b->len - 4));
	memcpy(b->p + 4, head, sizeof head);
	set_u32(b, 8, ++ch->sequence);
	buf_reset(&ch->rx);

	int others = atomic_fetch_add(&module.in_flight, 1);
	int64_t start = now_ns();
	enum outcome o = send_all(ch, b->p, b->len, deadline);
	if (o == SENT_OK)
		o = receive(ch, 4, spin_for(ch, others), deadline);
	size_t length = 0;
	if (o == SENT_OK) {
		struct view v = view_of(ch->rx.p, 4);
		length = get_u32(&v);
		if (length < ANSWER_LEAST || length > FRAME_MAX)
			o = SENT_BROKEN;
		else
			o = receive(ch, length + 4, 0, deadline);
	}
	atomic_fetch_sub(&module.in_flight, 1);
	if (o != SENT_OK)
		return o;
	int64_t took = now_ns() - start;
	ch->typical += ((took > 1000000 ? 1000000 : took) - ch->typical) / 8;

	struct view v = view_of(ch->rx.p, ch->rx.len);
	get_u32(&v);
	uint16_t echo = get_u16(&v);
	a->fault = get_u16(&v);
	uint32_t sequence = get_u32(&v);
	a->request = get_u64(&v);
	a->indicator = get_u8(&v);
	a->body = v;
	const struct call_row *row = call_row(id);
	if (ch->rx.len != length + 4 || echo != id || sequence != ch->sequence || !row)
		return SENT_BROKEN;
	return wire_matches(a->fault ? "bu" : row->response, v.p, v.len) ? SENT_OK : SENT_BROKEN;
}
