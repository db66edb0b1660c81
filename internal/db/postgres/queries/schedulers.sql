-- name: Join :exec
INSERT INTO schedulers (id, host, state, queues, tags, capacity, in_flight, started_at, seen_at, lease_us)
VALUES (@id, @host, @state, @queues, @tags, @capacity, @in_flight,
    coalesce(sqlc.arg(started_at)::timestamptz, clock_timestamp()), clock_timestamp(), @lease_us);

-- An ordinary update: it changes no key, so commits that share-lock the row neither
-- wait for it nor delay it.
-- name: Beat :execrows
UPDATE schedulers SET state = @state, queues = @queues, tags = @tags, capacity = @capacity, in_flight = @in_flight,
    seen_at = clock_timestamp(), lease_us = @lease_us
WHERE id = @id AND state NOT IN ('stopped', 'expired');

-- The lock conflicts with the one of CheckAlive: a commit or claim of the scheduler
-- that is still under way, though whoever asked for it has given up, is waited for,
-- and what it leased is seen by the statements that follow.
-- name: LockScheduler :exec
SELECT id FROM schedulers WHERE id = @id FOR UPDATE;

-- One that leaves leases behind is not released, so that they are found.
-- name: Leave :execrows
WITH holding AS MATERIALIZED (
    SELECT h.execution_id FROM holds h CROSS JOIN LATERAL (
        SELECT x.id FROM tasks x
        WHERE x.execution_id = h.execution_id AND x.holder = h.scheduler_id
            AND x.state IN ('pending', 'running', 'waiting')
        LIMIT 1
    ) t
    WHERE h.scheduler_id = @id
), forgotten AS (
    DELETE FROM holds h USING schedulers s
    WHERE h.scheduler_id = s.id AND s.id = @id AND s.state <> 'expired' AND h.execution_id NOT IN (SELECT g.execution_id FROM holding g)
)
UPDATE schedulers AS me SET in_flight = 0, seen_at = clock_timestamp(), state = 'stopped',
    released = NOT EXISTS (SELECT 1 FROM holding)
WHERE me.id = @id AND me.state <> 'expired';

-- The lock conflicts with the one of CheckAlive, which the update alone would not
-- do: a commit or claim in flight that leases to such a scheduler is waited for, so
-- that Orphans then sees what it leased, and a later one is refused.
-- name: Expire :exec
WITH silent AS MATERIALIZED (
    SELECT id FROM schedulers
    WHERE state NOT IN ('stopped', 'expired')
        AND seen_at < clock_timestamp() - (lease_us + sqlc.arg(grace_us)::bigint) * interval '1 microsecond'
    ORDER BY id
    FOR UPDATE
)
UPDATE schedulers s SET state = 'expired' FROM silent WHERE s.id = silent.id;

-- name: Orphans :many
SELECT h.execution_id, t.id, t.token FROM schedulers s
CROSS JOIN LATERAL (SELECT x.execution_id FROM holds x WHERE x.scheduler_id = s.id OFFSET 0) h
CROSS JOIN LATERAL (
    SELECT x.id, x.token FROM tasks x
    WHERE x.execution_id = h.execution_id AND x.holder = s.id
        AND x.state IN ('pending', 'running', 'waiting')
    OFFSET 0
) t
WHERE s.state IN ('stopped', 'expired') AND NOT s.released
LIMIT @most;

-- Releases schedulers that are gone and hold nothing any more, and forgets those
-- that were released and last seen a day ago. One that is gone gets no new leases.
-- It is still shown as what it was when it went, with what it then had in flight.
-- name: Bury :exec
WITH holding AS MATERIALIZED (
    SELECT s.id FROM schedulers s
    CROSS JOIN LATERAL (SELECT x.execution_id FROM holds x WHERE x.scheduler_id = s.id OFFSET 0) h
    CROSS JOIN LATERAL (
        SELECT x.id FROM tasks x
        WHERE x.execution_id = h.execution_id AND x.holder = s.id
            AND x.state IN ('pending', 'running', 'waiting')
        LIMIT 1
    ) t
    WHERE s.state IN ('stopped', 'expired') AND NOT s.released
), empty AS MATERIALIZED (
    SELECT s.id FROM schedulers s
    WHERE s.state IN ('stopped', 'expired') AND NOT s.released AND s.id NOT IN (SELECT g.id FROM holding g)
), forgotten AS (
    DELETE FROM holds d USING empty WHERE d.scheduler_id = empty.id
), old AS (
    DELETE FROM schedulers
    WHERE state IN ('stopped', 'expired') AND released AND seen_at < now() - interval '1 day'
)
UPDATE schedulers s SET released = true FROM empty WHERE s.id = empty.id;

-- name: AnyToBury :one
SELECT EXISTS (SELECT 1 FROM schedulers
    WHERE state IN ('stopped', 'expired') AND (NOT released OR seen_at < now() - interval '1 day'));

-- name: Held :many
SELECT h.execution_id, t.id, t.token
FROM holds h
CROSS JOIN LATERAL (
    SELECT x.id, x.token FROM tasks x
    WHERE x.execution_id = h.execution_id AND x.holder = @scheduler
        AND x.state IN ('pending', 'running', 'waiting')
    OFFSET 0
) t
WHERE h.scheduler_id = @scheduler;

-- name: HeldIn :many
SELECT h.execution_id::uuid AS execution_id, t.id, t.token
FROM (SELECT DISTINCT unnest(@executions::uuid[]) AS execution_id) h
CROSS JOIN LATERAL (
    SELECT x.id, x.token FROM tasks x
    WHERE x.execution_id = h.execution_id AND x.holder = @scheduler
        AND x.state IN ('pending', 'running', 'waiting')
    OFFSET 0
) t;

-- name: Unhold :exec
DELETE FROM holds h WHERE h.scheduler_id = @scheduler AND h.execution_id = ANY(@executions::uuid[]) AND NOT EXISTS (
    SELECT 1 FROM tasks x
    WHERE x.execution_id = h.execution_id AND x.holder = h.scheduler_id AND x.state IN ('pending', 'running', 'waiting')
);

-- name: ListSchedulers :many
SELECT sqlc.embed(s), (s.state <> 'stopped' AND s.seen_at < clock_timestamp() - s.lease_us * interval '1 microsecond')::boolean AS expired
FROM schedulers s ORDER BY s.started_at DESC, s.id DESC;
