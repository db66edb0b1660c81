-- How due work is found and leased. A lane is a prefix of the index tasks_due;
-- its first entry is the task that has been due longest.

-- Leaps from one lane to the next, by one look into the index each.
-- name: Lanes :many
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
)
SELECT queue, lane, pinned, version, priority, concurrency_key, due_at::timestamptz AS oldest FROM lanes WHERE due_at <= now();

-- The microseconds until the next task becomes due that is not yet; -1: there is none.
-- name: NextDue :one
WITH RECURSIVE lanes AS (
    (SELECT t.queue, t.lane, t.pinned, t.version, t.priority, t.concurrency_key FROM tasks t
    WHERE t.namespace = @namespace AND t.due_at IS NOT NULL
    ORDER BY t.queue, t.lane, t.pinned, t.version, t.priority, t.concurrency_key, t.due_at LIMIT 1)
    UNION ALL
    SELECT n.queue, n.lane, n.pinned, n.version, n.priority, n.concurrency_key FROM lanes l CROSS JOIN LATERAL (
        SELECT t.queue, t.lane, t.pinned, t.version, t.priority, t.concurrency_key FROM tasks t
        WHERE t.namespace = @namespace AND t.due_at IS NOT NULL
            AND (t.queue, t.lane, t.pinned, t.version, t.priority, t.concurrency_key)
                > (l.queue, l.lane, l.pinned, l.version, l.priority, l.concurrency_key)
        ORDER BY t.queue, t.lane, t.pinned, t.version, t.priority, t.concurrency_key, t.due_at LIMIT 1
    ) n
)
SELECT coalesce(ceil(extract(epoch FROM min(f.due_at) - now()) * 1000000), -1)::bigint
FROM lanes l CROSS JOIN LATERAL (
    SELECT t.due_at FROM tasks t
    WHERE t.namespace = @namespace AND t.queue = l.queue AND t.lane = l.lane AND t.pinned = l.pinned
        AND t.version = l.version AND t.priority = l.priority AND t.concurrency_key = l.concurrency_key AND t.due_at > now()
    ORDER BY t.due_at LIMIT 1
) f;

-- Leases due tasks. Nothing of it waits for a lock: a task that someone else has
-- locked is passed over, and so is a root task while the pending execution that it
-- would set running is locked. What is pending of a paused execution is not due (see
-- Park in save.sql), and would be stepped over if it were.
-- The holds come after the locks of tasks, here as in a commit, so that the two
-- cannot deadlock. MATERIALIZED: a subselect that locks must run once. For OFFSET 0
-- and ARRAY see load.sql and save.sql.
-- name: Claim :many
WITH quota AS (
    SELECT @namespace::text AS namespace, unnest(@queues::text[]) AS queue, unnest(@lanes::text[]) AS lane,
        unnest(@pinneds::boolean[]) AS pinned,
        unnest(@versions::text[]) AS version, unnest(@priorities::integer[]) AS priority,
        unnest(@concurrency_keys::text[]) AS concurrency_key,
        unnest(@limits::integer[]) AS most, unnest(@kinds::text[]) AS kind, unnest(@limiteds::boolean[]) AS limited
), picked AS MATERIALIZED (
    SELECT c.*, q.kind AS kind_now, q.limited,
        q.kind <> '' AND c.state = 'pending' AND c.untried AND c.kind IN ('activity', 'orchestrator') AS takes_kind
    FROM quota q CROSS JOIN LATERAL (
        SELECT t.id, t.execution_id, t.op, t.state, t.kind, t.attempt = 0 AND t.turn = 0 AS untried,
            e.state AS execution_state, e.function, e.version AS execution_version,
            e.tags, e.seed, e.trace_parent, e.deadline_at, e.cancel_requested AS execution_cancel_requested
        FROM tasks t CROSS JOIN LATERAL (
            SELECT x.* FROM executions x
            WHERE x.id = t.execution_id AND (NOT x.paused OR t.state <> 'pending' OR t.op = 'callback') OFFSET 0
        ) e
        WHERE t.namespace = q.namespace AND t.queue = q.queue AND t.lane = q.lane AND t.pinned = q.pinned
            AND t.version = q.version AND t.priority = q.priority AND t.concurrency_key = q.concurrency_key AND t.due_at <= now()
        ORDER BY t.due_at LIMIT q.most
        FOR UPDATE OF t SKIP LOCKED
    ) c
), beginning AS MATERIALIZED (
    SELECT e.id FROM picked p CROSS JOIN LATERAL (
        SELECT x.id FROM executions x
        WHERE x.id = p.execution_id AND p.op = 'start' AND (x.state = 'pending') IS TRUE
        FOR UPDATE SKIP LOCKED
    ) e
), marked AS MATERIALIZED (
    SELECT p.*, p.op = 'start' AND p.execution_id IN (SELECT b.id FROM beginning b) AS begins FROM picked p
), mine AS MATERIALIZED (
    SELECT * FROM marked k WHERE k.begins OR k.op <> 'start' OR k.execution_state <> 'pending'
), begun AS (
    UPDATE executions e SET state = 'running', started_at = coalesce(e.started_at, now())
    WHERE e.id = ANY(ARRAY(SELECT b.id FROM beginning b))
), held AS (
    INSERT INTO holds (namespace, scheduler_id, execution_id)
    SELECT DISTINCT @namespace, @scheduler::uuid, m.execution_id FROM mine m ORDER BY m.execution_id
    ON CONFLICT DO NOTHING
)
UPDATE tasks t SET
    kind = CASE WHEN m.takes_kind THEN m.kind_now ELSE t.kind END,
    state = CASE WHEN m.state = 'pending' THEN 'running' ELSE t.state END,
    slot = CASE WHEN m.state = 'pending' THEN m.limited ELSE t.slot END,
    due_at = NULL, scheduled_for = t.due_at, holder = @scheduler::uuid, token = t.token + 1,
    attempt = t.attempt + CASE WHEN m.state = 'pending' AND t.kind IN ('activity', 'orchestrator') THEN 1 ELSE 0 END,
    started_at = CASE
        WHEN m.state <> 'pending' THEN t.started_at
        WHEN CASE WHEN m.takes_kind THEN m.kind_now ELSE t.kind END = 'activity' THEN now()
        ELSE coalesce(t.started_at, now()) END
FROM mine m
WHERE t.id = ANY(ARRAY[m.id])
RETURNING sqlc.embed(t), (m.state <> 'pending')::boolean AS elapsed, m.begins::boolean AS begins, m.execution_state,
    m.function, m.execution_version, m.tags, m.seed, m.trace_parent, m.deadline_at, m.execution_cancel_requested,
    (CASE WHEN t.op = 'start' AND t.input IS NULL
        THEN (SELECT e.input FROM executions e WHERE e.id = t.execution_id) END)::bytea AS execution_input;

-- The meters of limited functions: made if they are new, locked in their order, and
-- counted under the locks, so by statements that come after them.
-- name: MakeMeters :exec
INSERT INTO limits (namespace, function, concurrency_key, idle_at)
SELECT @namespace, u.function, u.concurrency_key, now() FROM (SELECT
    unnest(@functions::text[]) AS function, unnest(@concurrency_keys::text[]) AS concurrency_key
) u
ORDER BY u.function COLLATE "C", u.concurrency_key COLLATE "C"
ON CONFLICT DO NOTHING;

-- name: LockMeters :many
SELECT l.function, l.concurrency_key, l.starts FROM (
    SELECT u.function, u.concurrency_key FROM (SELECT
        unnest(@functions::text[]) AS function, unnest(@concurrency_keys::text[]) AS concurrency_key
    ) u ORDER BY u.function COLLATE "C", u.concurrency_key COLLATE "C"
) w
CROSS JOIN LATERAL (
    SELECT x.* FROM limits x
    WHERE x.function = w.function AND x.concurrency_key = w.concurrency_key AND (x.namespace = @namespace) IS TRUE
    FOR UPDATE
) l;

-- name: CountSlots :many
SELECT w.function::text AS function, w.concurrency_key::text AS concurrency_key, t.running FROM (SELECT
    unnest(@functions::text[]) AS function, unnest(@concurrency_keys::text[]) AS concurrency_key
) w
CROSS JOIN LATERAL (
    SELECT count(*) AS running FROM tasks x
    WHERE x.slot AND x.name = w.function AND x.concurrency_key = w.concurrency_key AND (x.namespace = @namespace) IS TRUE
) t;

-- name: SaveMeters :exec
UPDATE limits l SET starts = u.starts, idle_at = u.idle_at
FROM (SELECT
    unnest(@functions::text[]) AS function, unnest(@concurrency_keys::text[]) AS concurrency_key,
    unnest(@starts::bytea[]) AS starts, unnest(@idle_ats::timestamptz[]) AS idle_at
) u
WHERE l.function = ANY(ARRAY[u.function]) AND l.concurrency_key = u.concurrency_key AND (l.namespace = @namespace) IS TRUE;

-- A meter that is locked is in use.
-- name: ForgetMeters :execrows
DELETE FROM limits l WHERE l.ctid = ANY(ARRAY(
    SELECT x.ctid FROM limits x WHERE x.idle_at < now() - interval '1 minute' AND (x.namespace = @namespace) IS TRUE
    ORDER BY x.idle_at LIMIT @most FOR UPDATE SKIP LOCKED
));

-- name: Hasten :exec
UPDATE tasks t SET due_at = now(), scheduled_for = now()
WHERE t.id = ANY(ARRAY(
    SELECT x.id FROM tasks x
    WHERE x.namespace = @namespace AND x.lane = @function AND x.due_at > now() AND x.state = 'pending' AND x.failures > 0
    FOR UPDATE SKIP LOCKED
));
