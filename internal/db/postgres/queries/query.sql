-- Reads for people. Filters that are empty fold away, because these plans are made
-- for their arguments.

-- name: GetExecution :one
SELECT * FROM executions WHERE namespace = @namespace AND id = @id;

-- A run of a list, see db.ExecutionRun: of what is single and set, an index gives the
-- ids in order.
-- name: ExecutionIDs :many
SELECT id FROM executions
WHERE namespace = @namespace AND id < @below AND (@least::uuid IS NULL OR id >= @least::uuid)
    AND (sqlc.narg(state)::text IS NULL OR state = sqlc.narg(state)::text)
    AND (sqlc.narg(function)::text IS NULL OR function = sqlc.narg(function)::text)
    AND (sqlc.narg(queue)::text IS NULL OR queue = sqlc.narg(queue)::text)
    AND (cardinality(@states::text[]) = 0 OR state = ANY(@states::text[]))
    AND (cardinality(@functions::text[]) = 0 OR function = ANY(@functions::text[]))
    AND (cardinality(@queues::text[]) = 0 OR queue = ANY(@queues::text[]))
    AND (cardinality(@tags::text[]) = 0 OR tags && @tags::text[])
    AND (cardinality(@among::uuid[]) = 0 OR id = ANY(@among::uuid[]))
    AND (@created_after::timestamptz IS NULL OR created_at >= @created_after::timestamptz)
    AND (@created_before::timestamptz IS NULL OR created_at < @created_before::timestamptz)
    AND (sqlc.narg(paused)::boolean IS NULL OR paused = sqlc.narg(paused)::boolean)
ORDER BY id DESC LIMIT @most;

-- Those with one of these tags, in any order, by the index of tags, but no more than so
-- many: if there are more, they are common enough to be met in the order of a list. The
-- index is of executions that have tags, which has to be said.
-- name: TaggedExecutions :many
SELECT id FROM executions WHERE tags && @tags::text[] AND tags <> '{}' AND namespace = @namespace LIMIT @most;

-- name: ExecutionsByID :many
SELECT * FROM executions WHERE id = ANY(@ids::uuid[]) AND namespace = @namespace ORDER BY id DESC;

-- name: OpenExecutions :many
SELECT e.id FROM (SELECT unnest(@states::text[]) AS state) s CROSS JOIN LATERAL (
    SELECT x.id FROM executions x WHERE x.state = s.state AND x.id < @below AND x.namespace = @namespace
    ORDER BY x.id DESC LIMIT @most
) e
ORDER BY e.id DESC LIMIT @most;

-- name: ExecutionStates :many
SELECT id, state FROM executions WHERE namespace = @namespace AND id = ANY(@ids::uuid[]);

-- name: GetTask :one
SELECT * FROM tasks WHERE namespace = @namespace AND id = @id;

-- name: ListAttempts :many
SELECT * FROM task_attempts WHERE namespace = @namespace AND task_id = @task_id ORDER BY ended_at, number;

-- A run of a list, see db.TaskRun.
-- name: TaskIDs :many
SELECT id FROM tasks
WHERE namespace = @namespace AND id < @below
    AND (sqlc.narg(function)::text IS NULL OR (queue <> '' AND name = sqlc.narg(function)::text))
    AND (sqlc.narg(queue)::text IS NULL OR queue = sqlc.narg(queue)::text)
    AND (sqlc.narg(kind)::text IS NULL OR kind = sqlc.narg(kind)::text)
    AND (NOT @erred::boolean OR error IS NOT NULL)
    AND (cardinality(@states::text[]) = 0 OR state = ANY(@states::text[]))
    AND (cardinality(@queues::text[]) = 0 OR queue = ANY(@queues::text[]))
    AND (cardinality(@kinds::text[]) = 0 OR kind = ANY(@kinds::text[]))
ORDER BY id DESC LIMIT @most;

-- OFFSET 0 keeps it from going through the tasks of all executions in their order, as
-- would seem quick for one with very many.
-- name: TaskIDsOf :many
SELECT t.id FROM (
    SELECT x.id FROM tasks x
    WHERE x.execution_id = @execution AND x.namespace = @namespace AND x.id < @below
        AND (cardinality(@states::text[]) = 0 OR x.state = ANY(@states::text[]))
        AND (cardinality(@functions::text[]) = 0 OR (x.queue <> '' AND x.name = ANY(@functions::text[])))
        AND (cardinality(@queues::text[]) = 0 OR x.queue = ANY(@queues::text[]))
        AND (cardinality(@kinds::text[]) = 0 OR x.kind = ANY(@kinds::text[]))
    OFFSET 0
) t
ORDER BY t.id DESC LIMIT @most;

-- name: OpenTasks :many
SELECT u.id::uuid AS execution_id, t.id FROM (SELECT unnest(@executions::uuid[]) AS id) u CROSS JOIN LATERAL (
    SELECT x.id FROM tasks x
    WHERE x.execution_id = u.id AND x.namespace = @namespace AND x.state = ANY(@states::text[])
        AND (@last_execution::uuid IS NULL OR u.id <> @last_execution::uuid OR x.id < @last_task::uuid)
        AND (cardinality(@functions::text[]) = 0 OR (x.queue <> '' AND x.name = ANY(@functions::text[])))
        AND (cardinality(@queues::text[]) = 0 OR x.queue = ANY(@queues::text[]))
        AND (cardinality(@kinds::text[]) = 0 OR x.kind = ANY(@kinds::text[]))
    OFFSET 0
) t
ORDER BY u.id DESC, t.id DESC LIMIT @most;

-- From the root down, each parent's children of its newest run: what earlier runs made, of
-- which there may be ever more, is not looked at.
-- name: Progress :many
WITH RECURSIVE parents AS (
    SELECT t.id, t.run FROM executions e CROSS JOIN LATERAL (
        SELECT x.id, x.run FROM tasks x WHERE x.id = e.root_task_id AND (x.namespace = e.namespace) IS TRUE OFFSET 0
    ) t
    WHERE e.namespace = @namespace AND e.id = @execution
    UNION ALL
    SELECT t.id, t.run FROM parents p CROSS JOIN LATERAL (
        SELECT x.id, x.run FROM tasks x
        WHERE x.namespace = @namespace AND x.execution_id = @execution AND x.parent_id = p.id AND x.parent_run = p.run
            AND x.kind IN ('orchestrator', 'map')
        OFFSET 0
    ) t
)
SELECT t.id, t.step_key, t.kind, t.state, t.started_at, t.completed_at, t.scheduled_for, t.error, t.detail, t.waiting_for,
    t.items, t.open, t.cache_hit, (t.awaits_result IS NOT NULL)::boolean AS awaits_result
FROM parents p CROSS JOIN LATERAL (
    SELECT * FROM tasks x
    WHERE x.namespace = @namespace AND x.execution_id = @execution AND x.parent_id = p.id AND x.parent_run = p.run
        AND x.op <> 'item'
    OFFSET 0
) t
ORDER BY t.created_at, t.id;

-- name: ListSignals :many
SELECT * FROM signals
WHERE namespace = @namespace AND execution_id = @execution AND (@before::uuid IS NULL OR id < @before::uuid)
ORDER BY id DESC LIMIT @most;

-- name: ListCounters :many
SELECT * FROM counters WHERE namespace = @namespace AND execution_id = @execution ORDER BY name;

-- name: ListState :many
SELECT * FROM custom_state WHERE namespace = @namespace AND execution_id = @execution ORDER BY key;

-- Leaps from lane to lane (see claim.sql), and counts so many of each: the fewer the
-- more lanes there are, so that it looks at about so many in all.
-- name: QueueDepths :many
WITH RECURSIVE lanes AS (
    (SELECT t.queue, t.lane, t.pinned, t.version, t.priority, t.concurrency_key, t.due_at FROM tasks t
    WHERE t.namespace = @namespace AND t.due_at IS NOT NULL
    ORDER BY t.queue, t.lane, t.pinned, t.version, t.priority, t.concurrency_key, t.due_at LIMIT 1)
    UNION ALL
    SELECT n.queue, n.lane, n.pinned, n.version, n.priority, n.concurrency_key, n.due_at FROM lanes l CROSS JOIN LATERAL (
        SELECT t.queue, t.lane, t.pinned, t.version, t.priority, t.concurrency_key, t.due_at FROM tasks t
        WHERE t.namespace = @namespace AND t.due_at IS NOT NULL
            AND (t.queue, t.lane, t.pinned, t.version, t.priority, t.concurrency_key)
                > (l.queue, l.lane, l.pinned, l.version, l.priority, l.concurrency_key)
        ORDER BY t.queue, t.lane, t.pinned, t.version, t.priority, t.concurrency_key, t.due_at LIMIT 1
    ) n
), due AS MATERIALIZED (
    SELECT l.* FROM lanes l WHERE l.lane <> '' AND l.due_at <= now()
), bound AS MATERIALIZED (
    SELECT least(sqlc.arg(of_lane)::bigint, sqlc.arg(in_all)::bigint / greatest(count(*), 1) + 1) AS most FROM due
)
SELECT d.queue, sum(c.n)::bigint AS due, bool_or(c.n >= b.most)::boolean AS more, min(d.due_at)::timestamptz AS oldest
FROM due d CROSS JOIN bound b CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM (
        SELECT 1 FROM tasks t
        WHERE t.namespace = @namespace AND t.queue = d.queue AND t.lane = d.lane AND t.pinned = d.pinned
            AND t.version = d.version AND t.priority = d.priority AND t.concurrency_key = d.concurrency_key AND t.due_at <= now()
        LIMIT (SELECT x.most FROM bound x)
    ) t
) c
GROUP BY d.queue ORDER BY d.queue;

-- name: CountExecutions :many
SELECT s.state::text AS state, c.n FROM (SELECT unnest(@states::text[]) AS state) s CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM (
        SELECT 1 FROM executions x WHERE x.state = s.state AND x.namespace = @namespace LIMIT sqlc.arg(most)::integer
    ) y
) c;

-- The rows of each state, as the server's statistics estimate them: those of a column
-- of a table, which ANALYZE and the autovacuum renew.
-- name: EstimateStates :many
SELECT u.state::text AS state, (u.share * greatest(u.reltuples, 0))::bigint AS n FROM (
    SELECT unnest(s.most_common_vals::text::text[]) AS state, unnest(s.most_common_freqs) AS share, c.reltuples
    FROM pg_catalog.pg_stats s JOIN pg_catalog.pg_class c ON c.oid = sqlc.arg(table_name)::text::regclass
    WHERE s.schemaname = current_schema() AND s.tablename = sqlc.arg(table_name)::text AND s.attname = 'state'
) u;

-- name: SizeOfTasks :one
SELECT pg_relation_size('tasks')::bigint AS bytes;

-- Some pages of the table, for when nobody has looked at it yet: share is how many in a
-- hundred.
-- name: SampleTasks :many
SELECT state, count(*) AS n FROM tasks TABLESAMPLE SYSTEM (sqlc.arg(share)::real) GROUP BY state;

-- name: CountDeadLetters :one
SELECT count(*) AS n, (SELECT greatest(c.reltuples, 0)::bigint FROM pg_catalog.pg_class c WHERE c.oid = 'dead_letters'::regclass) AS estimated
FROM (
    SELECT 1 FROM dead_letters d WHERE (d.namespace = @namespace) IS TRUE LIMIT sqlc.arg(most)::integer
) d;

-- name: CountTasks :many
SELECT state, count(*) AS n FROM tasks WHERE namespace = @namespace GROUP BY state;

-- The open tasks of the oldest and of the newest executions of each open state.
-- name: SampleOpenTasks :many
WITH sample AS MATERIALIZED (
    SELECT s.state, e.id FROM (SELECT unnest(@states::text[]) AS state) s CROSS JOIN LATERAL (
        (SELECT x.id FROM executions x WHERE x.state = s.state AND x.namespace = @namespace ORDER BY x.id LIMIT sqlc.arg(most)::integer)
        UNION
        (SELECT x.id FROM executions x WHERE x.state = s.state AND x.namespace = @namespace ORDER BY x.id DESC LIMIT sqlc.arg(most)::integer)
    ) e
)
SELECT e.state::text AS execution_state, t.state, count(*) AS n, (SELECT count(*) FROM sample s WHERE s.state = e.state) AS executions
FROM sample e CROSS JOIN LATERAL (
    SELECT x.state FROM tasks x
    WHERE x.execution_id = e.id AND x.namespace = @namespace AND x.state IN ('pending', 'running', 'waiting') OFFSET 0
) t
GROUP BY e.state, t.state;

-- name: ReadMeters :many
SELECT w.function::text AS function, w.concurrency_key::text AS concurrency_key, l.starts, t.running FROM (SELECT
    unnest(@functions::text[]) AS function, unnest(@concurrency_keys::text[]) AS concurrency_key
) w
LEFT JOIN limits l ON l.namespace = @namespace AND l.function = w.function AND l.concurrency_key = w.concurrency_key
CROSS JOIN LATERAL (
    SELECT count(*) AS running FROM tasks x
    WHERE x.slot AND x.name = w.function AND x.concurrency_key = w.concurrency_key AND x.namespace = @namespace
) t;

-- What changed is told by the transactions that wrote the rows: xmin, of which a
-- snapshot says whether it had seen it. xmin has 32 bits, so it is taken for the
-- newest transaction that ends in them; a row that is older than that only counts as
-- changed. A snapshot of another run of the server, as after a failover, or of the
-- future, says nothing: then all counts as changed.

-- name: ChangedExecution :one
SELECT e.state, pg_current_snapshot()::text AS snapshot, pg_postmaster_start_time()::timestamptz AS server,
    (NOT pg_visible_in_snapshot(
        (m.upcoming - ((m.upcoming - e.xmin::text::bigint) & 4294967295))::text::xid8, m.seen::pg_snapshot))::boolean AS changed
FROM (
    SELECT s.upcoming, CASE
        WHEN pg_postmaster_start_time() = sqlc.arg(server)::timestamptz
            AND pg_snapshot_xmax((sqlc.arg(seen)::text)::pg_snapshot)::text::bigint <= s.upcoming
        THEN sqlc.arg(seen)::text ELSE '1:1:' END AS seen
    FROM (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS upcoming) s
    OFFSET 0
) m CROSS JOIN executions e
WHERE e.id = @execution AND e.namespace = @namespace;

-- name: ChangedTasks :many
SELECT t.id
FROM (
    SELECT s.upcoming, CASE
        WHEN pg_postmaster_start_time() = sqlc.arg(server)::timestamptz
            AND pg_snapshot_xmax((sqlc.arg(seen)::text)::pg_snapshot)::text::bigint <= s.upcoming
        THEN sqlc.arg(seen)::text ELSE '1:1:' END AS seen
    FROM (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS upcoming) s
    OFFSET 0
) m CROSS JOIN tasks t
WHERE t.execution_id = @execution AND t.namespace = @namespace AND NOT pg_visible_in_snapshot(
    (m.upcoming - ((m.upcoming - t.xmin::text::bigint) & 4294967295))::text::xid8, m.seen::pg_snapshot)
ORDER BY t.id;

-- name: TasksByID :many
SELECT * FROM tasks WHERE id = ANY(@ids::uuid[]) AND namespace = @namespace ORDER BY id;
