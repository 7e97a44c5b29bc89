/*-------------------------------------------------------------------------
 *
 * renewing.h
 *		Stand-ins for what the renewal of a token pair needs of the server.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/renewing.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_RENEWING_H
#define TPLUS_RENEWING_H

#include "server.h"

#include "tplus/renew.c"
#include "tplus/renew_worker.c"

#define SECOND	USECS_PER_SEC
#define START	(1000000 * SECOND)

#define LIMIT_MS 3000			/* of a call */

Oid			MyDatabaseId = 5;
int			MyProcPid = 1;
struct Latch *MyLatch = NULL;
MemoryContext TopMemoryContext = NULL;
int			synchronous_commit = SYNCHRONOUS_COMMIT_ON;
volatile	sig_atomic_t InterruptPending;
volatile	sig_atomic_t ProcDiePending;
volatile	sig_atomic_t QueryCancelPending;
volatile uint32 InterruptHoldoffCount;
sigjmp_buf *PG_exception_stack = NULL;
ErrorContextCallback *error_context_stack = NULL;

static TimestampTz clock_us;
static bool has_table = true;
static TplusPair row;			/* as it is stored */
static TplusPair mark;			/* as the first write left it */
static int	writes;
static int	failing_writes;
static int	write_error;
static bool sigterm_while_writing;
static int	pauses;
static int64 paused_ms;
static TplusOrderOutcome outcome;
static int	calls;
static TplusGrantReply replies[8];	/* of one call after the other */
static TplusGrantRequest request_seen;
static char credentials;
static char settings_seen[1000];

TimestampTz
GetCurrentTimestamp(void)
{
	return clock_us;
}

long
TimestampDifferenceMilliseconds(TimestampTz start_time, TimestampTz stop_time)
{
	return (stop_time - start_time + 999) / 1000;
}

void
SetLatch(struct Latch *latch)
{
}

#if PG_VERSION_NUM >= 180000
void
pqsignal(int signo, pqsigfunc func)
{
}
#else
pqsigfunc
pqsignal(int signo, pqsigfunc func)
{
	return NULL;
}
#endif

void
die(SIGNAL_ARGS)
{
}

void
StatementCancelHandler(SIGNAL_ARGS)
{
}

void
ProcessInterrupts(void)
{
}

const char *
GetConfigOption(const char *name, bool missing_ok, bool restrict_privileged)
{
	return strcmp(name, "transaction_timeout") == 0 ? NULL : "";
}

void
SetConfigOption(const char *name, const char *value, GucContext context, GucSource source)
{
	snprintf(settings_seen + strlen(settings_seen),
			 sizeof(settings_seen) - strlen(settings_seen), "%s=%s;", name, value);
}

void
SetCurrentStatementStartTimestamp(void)
{
}

void
StartTransactionCommand(void)
{
}

void
CommitTransactionCommand(void)
{
}

void
AbortCurrentTransaction(void)
{
}

Snapshot
GetTransactionSnapshot(void)
{
	return NULL;
}

void
PushActiveSnapshot(Snapshot snapshot)
{
}

void
PopActiveSnapshot(void)
{
}

LockAcquireResult
LockAcquire(const LOCKTAG *locktag, LOCKMODE lockmode, bool sessionLock, bool dontWait)
{
	return LOCKACQUIRE_OK;
}

bool
LockRelease(const LOCKTAG *locktag, LOCKMODE lockmode, bool sessionLock)
{
	return true;
}

bool
RegisterDynamicBackgroundWorker(BackgroundWorker *worker, BackgroundWorkerHandle **handle)
{
	return false;
}

BgwHandleStatus
GetBackgroundWorkerPid(BackgroundWorkerHandle *handle, pid_t *pidp)
{
	return BGWH_STOPPED;
}

void
BackgroundWorkerUnblockSignals(void)
{
}

void
BackgroundWorkerInitializeConnectionByOid(Oid dboid, Oid useroid, uint32 flags)
{
}

void
pgstat_report_activity(BackendState state, const char *cmd_str)
{
}

dsm_segment *
dsm_attach(dsm_handle h)
{
	return NULL;
}

dsm_handle
dsm_segment_handle(dsm_segment *seg)
{
	return 0;
}

MemoryContext
AllocSetContextCreateInternal(MemoryContext parent, const char *name, Size minContextSize,
							  Size initBlockSize, Size maxBlockSize)
{
	return NULL;
}

int
geterrcode(void)
{
	return write_error;
}

void
EmitErrorReport(void)
{
}

void
FlushErrorState(void)
{
}

ErrorData *
CopyErrorData(void)
{
	return NULL;
}

void
pg_re_throw(void)
{
	abort();
}

bool
tplus_wait(pgsocket fd, long timeout_ms, TplusWaitReason reason)
{
	pauses++;
	paused_ms += timeout_ms;
	clock_us += timeout_ms * 1000;
	return false;
}

Oid
tplus_pair_relation(void)
{
	return has_table ? 1 : InvalidOid;
}

bool
tplus_pair_read(const TplusDigest *key, bool with_refresh_token, TplusPair *pair)
{
	*pair = row;
	return true;
}

void
tplus_pair_write(const TplusDigest *key, const char *server, const char *auth,
				 const TplusPair *pair)
{
	if (failing_writes > 0)
	{
		failing_writes--;
		terminated |= sigterm_while_writing;
		siglongjmp(*PG_exception_stack, 1);
	}
	if (writes++ == 0)
		mark = *pair;
	row = *pair;
}

void
tplus_pair_credentials(const TplusAccount *account, TplusDigest *digest)
{
	memset(digest, credentials, sizeof(*digest));
}

void
tplus_pair_holder(const TplusAccount *account, TplusDigest *digest)
{
	memset(digest, 9, sizeof(*digest));
}

void
tplus_pair_heirs(const TplusAccount *account, TplusDigest *for_server,
				 TplusDigest *for_mapping)
{
	memset(for_server, 7, sizeof(*for_server));
	memset(for_mapping, 8, sizeof(*for_mapping));
}

bool
tplus_pair_take_over(const TplusAccount *account,
					 void (*lock) (const TplusDigest *key), TplusPair *pair)
{
	return false;
}

bool
tplus_pair_same_digest(const TplusDigest *a, const TplusDigest *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

dsm_segment *
tplus_order_post(const TplusOrder *order)
{
	return NULL;
}

TplusOrder *
tplus_order_take(dsm_segment *segment, MemoryContext context)
{
	return NULL;
}

void
tplus_order_report(dsm_segment *segment, TplusOrderOutcome what, int sqlstate,
				   const char *message, const char *hint)
{
	outcome = what;
}

void
tplus_order_collect(dsm_segment *segment, TplusOrderReport *report)
{
}

TplusGrantCall *
tplus_auth_prepare(const TplusAccount *account, const TplusGrantRequest *request)
{
	request_seen = *request;
	return NULL;
}

void
tplus_auth_run(TplusGrantCall *call, const volatile sig_atomic_t * stop)
{
	clock_us += SECOND;
}

void
tplus_auth_read(TplusGrantCall *call, TplusGrantReply *reply)
{
	*reply = replies[Min(calls, (int) lengthof(replies) - 1)];
	calls++;
}

void
tplus_auth_free(TplusGrantCall *call)
{
}

int
tplus_renew_slot_take(Oid role)
{
	return 0;
}

bool
tplus_renew_slot_pass(int slot, int asker, Oid role)
{
	return true;
}

int64
tplus_auth_limit_ms(const TplusAccount *account)
{
	return LIMIT_MS;
}

#endif							/* TPLUS_RENEWING_H */
