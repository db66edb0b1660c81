-- Everything about an execution is keyed by its id, and every table carries the
-- namespace, so that tables can be sharded and tenants be told apart later. In keys
-- the namespace comes last: first, it would let a planner without statistics take
-- any index for any look-up, as the namespace alone seems to select next to nothing.

CREATE TABLE workers (
    namespace         text        NOT NULL,
    id                uuid        NOT NULL,
    url               text        NOT NULL,
    secret            text        NOT NULL DEFAULT '',
    health            text        NOT NULL DEFAULT 'healthy' CHECK (health IN ('healthy', 'unreachable', 'disabled')),
    unreachable_since timestamptz,
    last_error        text        NOT NULL DEFAULT '',
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    PRIMARY KEY (namespace, id),
    UNIQUE (namespace, url)
);

CREATE TABLE functions (
    namespace            text        NOT NULL,
    name                 text        NOT NULL,
    version              text        NOT NULL,
    kind                 text        NOT NULL CHECK (kind IN ('activity', 'orchestrator')),
    url                  text        NOT NULL,
    worker_id            uuid,
    queue                text        NOT NULL,
    priority             integer     NOT NULL,
    tags                 text[]      NOT NULL,
    timeout_us           bigint      NOT NULL,
    heartbeat_timeout_us bigint      NOT NULL,
    retry_policy         bytea       NOT NULL, -- JSON of workflow.RetryPolicy
    idempotent           boolean     NOT NULL,
    idempotency_key_from text[]      NOT NULL,
    cache_ttl_us         bigint,
    max_concurrent       integer     NOT NULL,
    rate_limit           bytea,                -- JSON of workflow.RateLimit
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    PRIMARY KEY (namespace, name, version)
);

CREATE TABLE executions (
    namespace        text        NOT NULL,
    id               uuid        NOT NULL,
    function         text        NOT NULL,
    version          text        NOT NULL,
    input            bytea,
    tags             text[]      NOT NULL,
    priority         integer     NOT NULL,
    queue            text        NOT NULL,
    seed             text        NOT NULL,
    root_task_id     uuid        NOT NULL,
    callback_url     text        NOT NULL,
    trace_parent     text        NOT NULL,
    idempotency_key  text,
    request_hash     bytea,
    dispatched_by    uuid,
    created_at       timestamptz NOT NULL,
    deadline_at      timestamptz,
    state            text        NOT NULL CHECK (state IN
        ('pending', 'running', 'completed', 'failed', 'timed_out', 'cancelling', 'cancelled', 'blocked')),
    result           bytea,
    error            bytea,                     -- JSON of workflow.Error
    retries          integer     NOT NULL DEFAULT 0,
    started_at       timestamptz,
    completed_at     timestamptz,
    cancel_requested boolean     NOT NULL DEFAULT false,
    paused           boolean     NOT NULL DEFAULT false,
    signal_seq       bigint      NOT NULL DEFAULT 0,
    buffered         integer     NOT NULL DEFAULT 0,
    PRIMARY KEY (id, namespace)
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 1
);

CREATE UNIQUE INDEX executions_idempotency_key ON executions (idempotency_key, namespace)
    WHERE idempotency_key IS NOT NULL;

-- The hot path (insert held, settle) must not change a column of an index, nor of
-- an index's predicate: then its updates stay heap-only, as long as their page has
-- room. Tasks that were made together also settle together, with a result each, so
-- half of every page is left free.
CREATE TABLE tasks (
    namespace     text        NOT NULL,
    id            uuid        NOT NULL,
    execution_id  uuid        NOT NULL,
    parent_id     uuid,
    parent_run    integer     NOT NULL,
    step_key      text        NOT NULL,
    op            text        NOT NULL,
    name          text        NOT NULL,
    pinned        boolean     NOT NULL,         -- to the version; otherwise it takes the current one
    version       text        NOT NULL,
    queue         text        NOT NULL,
    lane          text        NOT NULL,         -- the function, of a task that is delivered; '' of the others
    priority      integer     NOT NULL,
    input         bytea,
    options       bytea,                        -- JSON of workflow.CallOptions
    item          integer     NOT NULL,
    created_at    timestamptz NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('orchestrator', 'activity', 'timer', 'signal', 'local', 'map')),
    state         text        NOT NULL CHECK (state IN ('pending', 'running', 'waiting', 'completed', 'failed', 'cancelled')),
    due_at        timestamptz,
    scheduled_for timestamptz,
    holder        uuid,
    token         bigint      NOT NULL,
    attempt       integer     NOT NULL,
    failures      integer     NOT NULL,
    lost_leases   integer     NOT NULL,
    started_at    timestamptz,
    completed_at  timestamptz,
    seq           bigint      NOT NULL,         -- order of settling under its parent; 0: has not
    result        bytea,
    error         bytea,                        -- JSON of workflow.Error
    detail        bytea,
    waiting_for   text,                         -- the signal; only while it waits
    awaited_by    bytea,                        -- JSON of Task.AwaitedBy
    run           integer     NOT NULL,
    turn          integer     NOT NULL,
    settled       bigint      NOT NULL,
    open          integer     NOT NULL,
    next_item     integer     NOT NULL,
    items         integer     NOT NULL,
    await         bytea,                        -- JSON of Task.Await
    cancel_requested boolean  NOT NULL DEFAULT false,
    PRIMARY KEY (id, namespace)
) WITH (
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_analyze_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 1
);

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
    namespace    text        NOT NULL,
    execution_id uuid        NOT NULL,
    task_id      uuid        NOT NULL,
    number       integer     NOT NULL,
    started_at   timestamptz NOT NULL,
    ended_at     timestamptz NOT NULL,
    status_code  integer     NOT NULL,
    error        bytea       NOT NULL
);

CREATE INDEX task_attempts_task ON task_attempts (task_id, number, namespace);

CREATE TABLE signals (
    namespace    text        NOT NULL,
    execution_id uuid        NOT NULL,
    seq          bigint      NOT NULL,
    id           uuid        NOT NULL,
    name         text        NOT NULL,
    payload      bytea       NOT NULL,
    received_at  timestamptz NOT NULL,
    taken_by     uuid,
    PRIMARY KEY (execution_id, seq, namespace)
);

CREATE INDEX signals_buffered ON signals (execution_id, name, seq, namespace)
    WHERE taken_by IS NULL;

CREATE TABLE counters (
    namespace    text   NOT NULL,
    execution_id uuid   NOT NULL,
    name         text   NOT NULL,
    value        bigint NOT NULL,
    PRIMARY KEY (execution_id, name, namespace)
);

CREATE TABLE custom_state (
    namespace    text  NOT NULL,
    execution_id uuid  NOT NULL,
    key          text  NOT NULL,
    value        bytea NOT NULL,
    PRIMARY KEY (execution_id, key, namespace)
);

CREATE TABLE schedulers (
    id         uuid        NOT NULL PRIMARY KEY,
    host       text        NOT NULL,
    state      text        NOT NULL CHECK (state IN ('starting', 'ready', 'draining', 'stopped', 'expired')),
    queues     text[]      NOT NULL,
    tags       text[]      NOT NULL,
    capacity   integer     NOT NULL,
    in_flight  integer     NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    lease_us   bigint      NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 100);

-- Which scheduler holds tasks of which execution, or has: written once for each
-- stretch of holding, so that the tasks of a dead scheduler are found without an
-- index on their holder.
CREATE TABLE holds (
    namespace    text NOT NULL,
    scheduler_id uuid NOT NULL,
    execution_id uuid NOT NULL,
    PRIMARY KEY (scheduler_id, execution_id, namespace)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 1);

CREATE TABLE secrets (
    name  text  NOT NULL PRIMARY KEY,
    value bytea NOT NULL
);

-- Raises an error that the adapter knows when a guarded write did not find all
-- the rows that it had loaded: the transaction is rolled back and tried again.
CREATE FUNCTION stent_fence(expected bigint, came bigint, code text) RETURNS boolean
    LANGUAGE plpgsql AS $$
BEGIN
    IF expected IS DISTINCT FROM came THEN
        RAISE EXCEPTION 'fence: expected %, came %', expected, came USING ERRCODE = code;
    END IF;
    RETURN true;
END
$$;
