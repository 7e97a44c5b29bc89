/*-------------------------------------------------------------------------
 *
 * http_loop.c
 *		libcurl's multi handle behind one descriptor, and the clock of waiting.
 *
 * libcurl tells its sockets and its timer through two callbacks; they feed one
 * epoll descriptor, which is all that anybody waits for.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/http_loop.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/wait.h"
#include "net/http_loop.h"
#include "net/http_request.h"

/* Idle connections kept; few servers allow more requests at a time. */
#define MAX_IDLE			8

/* epoll, timerfd, and the pair of sockets that a multi handle opens. */
#define OWN_DESCRIPTORS		4

#define EVENTS_PER_ROUND	16
#define ROUNDS_PER_RUN		8

#define MAX_ATTEND_US		INT64CONST(1000000)

/* Who runs the loop this often waits, whatever he does in between. */
#define MAX_GAP_US			INT64CONST(100000)

#define MAX_SLEEP_US		INT64CONST(60000000)

/* Nobody looks for a cancel while the loop runs. */
#define MAX_RUN_US			INT64CONST(20000)

/* A single call of libcurl's that lasts longer is left for a cancel. */
#define MAX_CALL_US			INT64CONST(50000)

#define NEVER				PG_INT64_MAX

static TplusHttpLoopSocket tell_socket; /* told of the sockets of handles */
static CURLM *multi = NULL;
static int	epoll_fd = -1;
static int	timer_fd = -1;
static int64 waited_us = 0;		/* the clock of waiting */
static int64 last_run = 0;		/* monotonic: up to where it has counted */
static int64 running_since = 0; /* monotonic; 0: libcurl is not busy */
static sigset_t usual_signals;	/* what act() has found */
static int64 attend_since = 0;	/* monotonic; 0: nobody waits elsewhere */
static int64 attend_until = NEVER;	/* monotonic */
static int64 curl_due = NEVER;	/* monotonic: when libcurl wants a call */

int64
tplus_http_loop_now(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MICROSEC(now);
}

int64
tplus_http_loop_waited(void)
{
	if (running_since > 0)
		return waited_us + tplus_http_loop_now() - running_since;
	return waited_us;
}

/* Would CHECK_FOR_INTERRUPTS() throw? */
static bool
is_interrupted(void)
{
	if (!InterruptPending || InterruptHoldoffCount > 0 || CritSectionCount > 0)
		return false;
	return ProcDiePending || ClientConnectionLost ||
		tplus_transaction_timeout_pending() ||
		(QueryCancelPending && QueryCancelHoldoffCount == 0);
}

bool
tplus_http_loop_is_interrupted(void)
{
	sigset_t	blocked;

	if (running_since == 0 ||
		tplus_http_loop_now() - running_since < MAX_CALL_US)
		return false;

	/* Handlers only note what has come. */
	pthread_sigmask(SIG_SETMASK, &usual_signals, &blocked);
	pthread_sigmask(SIG_SETMASK, &blocked, NULL);
	return is_interrupted();
}

/*
 * Lets the timer's descriptor become readable when libcurl wants a call, or
 * when an external wait has lasted long enough.  A time of zero would disarm
 * it.
 */
static void
arm_timer(void)
{
	struct itimerspec when = {{0}};
	int64		due = curl_due;

	due = Min(due, attend_until);
	if (due != NEVER)
	{
		due = Max(due, 1);
		when.it_value.tv_sec = due / 1000000;
		when.it_value.tv_nsec = (due % 1000000) * 1000;
	}
	(void) timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static int
timer_callback(CURLM *handle, long timeout_ms, void *arg)
{
	curl_due = timeout_ms < 0 ? NEVER :
		tplus_http_loop_now() + timeout_ms * INT64CONST(1000);
	arm_timer();
	return 0;
}

static int
socket_callback(CURL *easy, curl_socket_t fd, int what, void *arg,
				void *socket_arg)
{
	struct epoll_event event = {0};
	char	   *owner = NULL;

	if (what == CURL_POLL_REMOVE)
	{
		/* It may be closed already; then epoll has forgotten it by itself. */
		(void) epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, &owner) == CURLE_OK &&
		owner != NULL && tell_socket != NULL)
		tell_socket(owner, fd);
	event.data.fd = fd;
	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0 ||
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	return -1;
}

/* Returns why not, or NULL. */
static const char *
open_descriptors(void)
{
	struct epoll_event event = {.events = EPOLLIN};

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	event.data.fd = timer_fd;
	if (epoll_fd < 0 || timer_fd < 0 ||
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &event) != 0)
		return strerror(errno);

	multi = curl_multi_init();
	if (multi == NULL)
		return curl_easy_strerror(CURLE_OUT_OF_MEMORY);
	if (curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION,
						  socket_callback) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION,
						  timer_callback) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS,
						  (long) MAX_IDLE) != CURLM_OK)
		return "libcurl refuses an option";
	return NULL;
}

void
tplus_http_loop_open(TplusHttpLoopSocket tell)
{
	const char *problem;
	CURLcode	code;
	int			i;

	if (tell != NULL)
		tell_socket = tell;
	if (multi != NULL)
		return;

	/* Counted by libcurl, and safe beside other users in this process. */
	code = curl_global_init(CURL_GLOBAL_ALL);
	if (code != CURLE_OK)
		tplus_http_setup_failed("curl_global_init", curl_easy_strerror(code));

	problem = open_descriptors();
	if (problem != NULL)
	{
		(void) curl_multi_cleanup(multi);
		multi = NULL;
		if (epoll_fd >= 0)
			close(epoll_fd);
		if (timer_fd >= 0)
			close(timer_fd);
		tplus_http_setup_failed("multi handle", problem);
	}

	/* Those of the idle connections, too; each transfer reserves one more. */
	for (i = 0; i < OWN_DESCRIPTORS + MAX_IDLE; i++)
		ReserveExternalFD();
}

const char *
tplus_http_loop_add(void *easy)
{
	CURLMcode	code = curl_multi_add_handle(multi, easy);

	return code == CURLM_OK ? NULL : curl_multi_strerror(code);
}

void
tplus_http_loop_remove(void *easy)
{
	(void) curl_multi_remove_handle(multi, easy);
}

/*
 * Tells libcurl about one event.  It may start a thread that resolves a name;
 * that inherits our mask, and must not run signal handlers of PostgreSQL.
 */
static void
act(curl_socket_t fd, int what)
{
	static const int synchronous[] = {
		SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS
	};
	sigset_t	blocked;
	int			still_running;
	int			i;

	sigfillset(&blocked);
	for (i = 0; i < (int) lengthof(synchronous); i++)
		sigdelset(&blocked, synchronous[i]);
	pthread_sigmask(SIG_SETMASK, &blocked, &usual_signals);
	(void) curl_multi_socket_action(multi, fd, what, &still_running);
	pthread_sigmask(SIG_SETMASK, &usual_signals, NULL);
}

/* Hands over what is ready now; returns false if nothing was. */
static bool
act_on_events(void)
{
	struct epoll_event events[EVENTS_PER_ROUND];
	int			count = epoll_wait(epoll_fd, events, EVENTS_PER_ROUND, 0);
	bool		any = false;
	uint64		expirations;
	int			i;

	for (i = 0; i < count; i++)
	{
		int			what = 0;

		if (events[i].data.fd == timer_fd)
		{
			/* Another event may have moved it meanwhile. */
			any = read(timer_fd, &expirations, sizeof(expirations)) > 0 || any;
			continue;
		}
		if (events[i].events & EPOLLIN)
			what |= CURL_CSELECT_IN;
		if (events[i].events & EPOLLOUT)
			what |= CURL_CSELECT_OUT;
		if (events[i].events & (EPOLLERR | EPOLLHUP))
			what |= CURL_CSELECT_ERR;
		act(events[i].data.fd, what);
		any = true;
	}
	if (tplus_http_loop_now() >= curl_due)
	{
		curl_due = NEVER;
		act(CURL_SOCKET_TIMEOUT, 0);
		any = true;
	}
	return any;
}

void
tplus_http_loop_run(void)
{
	int64		now = tplus_http_loop_now();
	int			round;

	if (multi == NULL)
		return;
	if (attend_since > 0)
		waited_us += Min(now, attend_until) - attend_since;
	else
		waited_us += Min(now - last_run, MAX_GAP_US);
	attend_since = 0;
	attend_until = NEVER;
	running_since = now;
	for (round = 0; round < ROUNDS_PER_RUN && act_on_events() &&
		 tplus_http_loop_now() - now < MAX_RUN_US; round++)
		;
	arm_timer();
	last_run = tplus_http_loop_now();
	waited_us += last_run - running_since;
	running_since = 0;
}

void *
tplus_http_loop_finished(int *code)
{
	CURLMsg    *message;
	int			left;
	char	   *owner;

	while (multi != NULL &&
		   (message = curl_multi_info_read(multi, &left)) != NULL)
	{
		if (message->msg == CURLMSG_DONE &&
			curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
							  &owner) == CURLE_OK)
		{
			*code = message->data.result;
			return owner;
		}
	}
	return NULL;
}

void
tplus_http_loop_wait(int64 at_most_us, TplusWaitReason reason)
{
	int64		begun = tplus_http_loop_now();
	int64		sleep_us = Max(0, Min(at_most_us, MAX_SLEEP_US));

	(void) tplus_wait(epoll_fd, (long) ((sleep_us + 999) / 1000), reason);
	last_run = tplus_http_loop_now();
	waited_us += last_run - begun;
}

static void
close_duplicate(void *arg)
{
	close((int) (intptr_t) arg);
	ReleaseExternalFD();
}

pgsocket
tplus_http_loop_fd(MemoryContext context)
{
	MemoryContextCallback *callback;
	int			fd = -1;

	tplus_http_loop_open(NULL);
	callback = MemoryContextAlloc(context, sizeof(MemoryContextCallback));
	if (AcquireExternalFD())
	{
		fd = fcntl(epoll_fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			ReleaseExternalFD();
	}
	if (fd < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not wait for several foreign tables at once"),
				 errdetail("There are too many open files on the local server."),
				 errhint("Raise the server's max_files_per_process and/or \"ulimit -n\" limits, or set the server option \"async_capable\" to false.")));
	callback->func = close_duplicate;
	callback->arg = (void *) (intptr_t) fd;
	MemoryContextRegisterResetCallback(context, callback);
	return fd;
}

void
tplus_http_loop_attend(int64 at_most_us)
{
	int64		now = tplus_http_loop_now();

	tplus_http_loop_open(NULL);
	if (attend_since == 0)
		attend_since = now;
	attend_until = Min(attend_until,
					   now + Max(0, Min(at_most_us, MAX_ATTEND_US)));
	arm_timer();
}

int
tplus_http_loop_threads(void)
{
	struct stat tasks;

	/* One link for each thread, and two as any directory has. */
	if (stat("/proc/self/task", &tasks) != 0)
		return 0;
	return (int) tasks.st_nlink - 3;
}
