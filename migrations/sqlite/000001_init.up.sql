-- The same tables and columns as in migrations/postgres. Ids are BLOBs of 16 bytes,
-- times and durations INTEGER microseconds (times since the epoch), lists TEXT of a
-- JSON array, booleans 0 or 1. Writers take turns here, so nothing waits for a row lock.
--
-- Everything about an execution is keyed by its id, and every table carries the
-- namespace, so that tables can be sharded and tenants be told apart later. In keys
-- the namespace comes last: first, it would let a planner without statistics take
-- any index for any look-up, as the namespace alone seems to select next to nothing.

CREATE TABLE workers (
    namespace         TEXT    NOT NULL,
    id                BLOB    NOT NULL,
    url               TEXT    NOT NULL,
    secret            TEXT    NOT NULL DEFAULT '',
    health            TEXT    NOT NULL DEFAULT 'healthy' CHECK (health IN ('healthy', 'unreachable', 'disabled')),
    unreachable_since INTEGER,
    last_error        TEXT    NOT NULL DEFAULT '',
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    PRIMARY KEY (namespace, id),
    UNIQUE (namespace, url)
) STRICT;

CREATE TABLE functions (
    namespace            TEXT    NOT NULL,
    name                 TEXT    NOT NULL,
    version              TEXT    NOT NULL,
    kind                 TEXT    NOT NULL CHECK (kind IN ('activity', 'orchestrator')),
    url                  TEXT    NOT NULL,
    worker_id            BLOB,
    queue                TEXT    NOT NULL,
    priority             INTEGER NOT NULL,
    tags                 TEXT    NOT NULL,
    timeout_us           INTEGER NOT NULL,
    heartbeat_timeout_us INTEGER NOT NULL,
    retry_policy         BLOB    NOT NULL,    -- JSON of workflow.RetryPolicy
    idempotent           INTEGER NOT NULL,
    idempotency_key_from TEXT    NOT NULL,
    cache_ttl_us         INTEGER,
    max_concurrent       INTEGER NOT NULL,
    rate_limit           BLOB,                -- JSON of workflow.RateLimit
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL,
    PRIMARY KEY (namespace, name, version)
) STRICT;

CREATE TABLE executions (
    namespace        TEXT    NOT NULL,
    id               BLOB    NOT NULL,
    function         TEXT    NOT NULL,
    version          TEXT    NOT NULL,
    input            BLOB,
    tags             TEXT    NOT NULL,
    priority         INTEGER NOT NULL,
    queue            TEXT    NOT NULL,
    seed             TEXT    NOT NULL,
    root_task_id     BLOB    NOT NULL,
    callback_url     TEXT    NOT NULL,
    trace_parent     TEXT    NOT NULL,
    idempotency_key  TEXT,
    request_hash     BLOB,
    dispatched_by    BLOB,
    created_at       INTEGER NOT NULL,
    deadline_at      INTEGER,
    state            TEXT    NOT NULL CHECK (state IN
        ('pending', 'running', 'completed', 'failed', 'timed_out', 'cancelling', 'cancelled', 'blocked')),
    result           BLOB,
    error            BLOB,                    -- JSON of workflow.Error
    retries          INTEGER NOT NULL DEFAULT 0,
    started_at       INTEGER,
    completed_at     INTEGER,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    paused           INTEGER NOT NULL DEFAULT 0,
    signal_seq       INTEGER NOT NULL DEFAULT 0,
    buffered         INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (id, namespace)
) STRICT;

CREATE UNIQUE INDEX executions_idempotency_key ON executions (idempotency_key, namespace)
    WHERE idempotency_key IS NOT NULL;

-- The hot path (insert held, settle) stays out of the partial indexes, so that each
-- update writes one page.
CREATE TABLE tasks (
    namespace        TEXT    NOT NULL,
    id               BLOB    NOT NULL,
    execution_id     BLOB    NOT NULL,
    parent_id        BLOB,
    parent_run       INTEGER NOT NULL,
    step_key         TEXT    NOT NULL,
    op               TEXT    NOT NULL,
    name             TEXT    NOT NULL,
    pinned           INTEGER NOT NULL,        -- to the version; otherwise it takes the current one
    version          TEXT    NOT NULL,
    queue            TEXT    NOT NULL,
    lane             TEXT    NOT NULL,        -- the function, of a task that is delivered; '' of the others
    priority         INTEGER NOT NULL,
    input            BLOB,
    options          BLOB,                    -- JSON of workflow.CallOptions
    item             INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    kind             TEXT    NOT NULL CHECK (kind IN ('orchestrator', 'activity', 'timer', 'signal', 'local', 'map')),
    state            TEXT    NOT NULL CHECK (state IN ('pending', 'running', 'waiting', 'completed', 'failed', 'cancelled')),
    due_at           INTEGER,
    scheduled_for    INTEGER,
    holder           BLOB,
    token            INTEGER NOT NULL,
    attempt          INTEGER NOT NULL,
    failures         INTEGER NOT NULL,
    lost_leases      INTEGER NOT NULL,
    started_at       INTEGER,
    completed_at     INTEGER,
    seq              INTEGER NOT NULL,        -- order of settling under its parent; 0: has not
    result           BLOB,
    error            BLOB,                    -- JSON of workflow.Error
    detail           BLOB,
    waiting_for      TEXT,                    -- the signal; only while it waits
    awaited_by       BLOB,                    -- JSON of Task.AwaitedBy
    run              INTEGER NOT NULL,
    turn             INTEGER NOT NULL,
    settled          INTEGER NOT NULL,
    open             INTEGER NOT NULL,
    next_item        INTEGER NOT NULL,
    items            INTEGER NOT NULL,
    await            BLOB,                    -- JSON of Task.Await
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (id, namespace)
) STRICT;

-- One task a step. Root tasks have no parent: NULLs never collide here.
CREATE UNIQUE INDEX tasks_step ON tasks (execution_id, parent_id, parent_run, step_key, namespace);

-- The items of a map, to be released and gathered in their order.
CREATE INDEX tasks_items ON tasks (execution_id, parent_id, parent_run, item, namespace)
    WHERE op = 'item';

-- The claim: a lane is (queue, lane, pinned, version, priority). Its size follows
-- what is due. No column is ever NULL, so that row comparisons leap from lane to lane.
CREATE INDEX tasks_due ON tasks (namespace, queue, lane, pinned, version, priority, due_at)
    WHERE due_at IS NOT NULL;

CREATE INDEX tasks_waiting_for ON tasks (execution_id, waiting_for, namespace)
    WHERE waiting_for IS NOT NULL;

-- Attempts that failed; those that succeed leave their trace on the task.
CREATE TABLE task_attempts (
    namespace    TEXT    NOT NULL,
    execution_id BLOB    NOT NULL,
    task_id      BLOB    NOT NULL,
    number       INTEGER NOT NULL,
    started_at   INTEGER NOT NULL,
    ended_at     INTEGER NOT NULL,
    status_code  INTEGER NOT NULL,
    error        BLOB    NOT NULL
) STRICT;

CREATE INDEX task_attempts_task ON task_attempts (task_id, number, namespace);

CREATE TABLE signals (
    namespace    TEXT    NOT NULL,
    execution_id BLOB    NOT NULL,
    seq          INTEGER NOT NULL,
    id           BLOB    NOT NULL,
    name         TEXT    NOT NULL,
    payload      BLOB    NOT NULL,
    received_at  INTEGER NOT NULL,
    taken_by     BLOB,
    PRIMARY KEY (execution_id, seq, namespace)
) STRICT;

CREATE INDEX signals_buffered ON signals (execution_id, name, seq, namespace)
    WHERE taken_by IS NULL;

CREATE TABLE counters (
    namespace    TEXT    NOT NULL,
    execution_id BLOB    NOT NULL,
    name         TEXT    NOT NULL,
    value        INTEGER NOT NULL,
    PRIMARY KEY (execution_id, name, namespace)
) STRICT, WITHOUT ROWID;

CREATE TABLE custom_state (
    namespace    TEXT    NOT NULL,
    execution_id BLOB    NOT NULL,
    key          TEXT    NOT NULL,
    value        BLOB    NOT NULL,
    PRIMARY KEY (execution_id, key, namespace)
) STRICT;

CREATE TABLE schedulers (
    id         BLOB    NOT NULL PRIMARY KEY,
    host       TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('starting', 'ready', 'draining', 'stopped', 'expired')),
    queues     TEXT    NOT NULL,
    tags       TEXT    NOT NULL,
    capacity   INTEGER NOT NULL,
    in_flight  INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    lease_us   INTEGER NOT NULL
) STRICT;

-- Which scheduler holds tasks of which execution, or has: written once for each
-- stretch of holding, so that the tasks of a dead scheduler are found without an
-- index on their holder.
CREATE TABLE holds (
    namespace    TEXT    NOT NULL,
    scheduler_id BLOB    NOT NULL,
    execution_id BLOB    NOT NULL,
    PRIMARY KEY (scheduler_id, execution_id, namespace)
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
    name  TEXT    NOT NULL PRIMARY KEY,
    value BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
