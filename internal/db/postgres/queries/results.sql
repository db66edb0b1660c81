-- Shared results: what calls with one key have between them. For how the plans are
-- pinned see load.sql and save.sql.

-- Locks the results that a commit decides about, in the order of their keys, which
-- is that of all who lock several. One that can be taken is not locked: it stays as
-- it is, and many read it. LoadResults, which follows, sees what those who held the
-- locks before have committed.
-- name: LockResults :exec
SELECT r.key_hash FROM (
    SELECT unnest(@keys::bytea[]) AS key_hash
    UNION
    SELECT k.key_hash FROM (SELECT unnest(@tasks::uuid[]) AS id) a
    CROSS JOIN LATERAL (
        SELECT unnest(ARRAY[x.owns_result, x.awaits_result]) AS key_hash FROM tasks x WHERE x.id = a.id OFFSET 0
    ) k
    UNION
    SELECT k.key_hash FROM (SELECT unnest(@trees::uuid[]) AS execution_id) a
    CROSS JOIN LATERAL (
        SELECT unnest(ARRAY[x.owns_result, x.awaits_result]) AS key_hash FROM tasks x WHERE x.execution_id = a.execution_id OFFSET 0
    ) k
    ORDER BY key_hash
) w CROSS JOIN LATERAL (
    SELECT x.key_hash FROM results x
    WHERE x.key_hash = w.key_hash AND (x.namespace = @namespace) IS TRUE
        AND NOT (x.state = 'completed' AND (x.expires_at IS NULL OR x.expires_at > now()))
    FOR UPDATE
) r;

-- name: LoadResults :many
SELECT r.*, coalesce(o.owns, false)::boolean AS owned FROM (
    SELECT unnest(@keys::bytea[]) AS key_hash
    UNION
    SELECT k.key_hash FROM (SELECT unnest(@tasks::uuid[]) AS id) a
    CROSS JOIN LATERAL (
        SELECT unnest(ARRAY[x.owns_result, x.awaits_result]) AS key_hash FROM tasks x WHERE x.id = a.id OFFSET 0
    ) k
    UNION
    SELECT k.key_hash FROM (SELECT unnest(@trees::uuid[]) AS execution_id) a
    CROSS JOIN LATERAL (
        SELECT unnest(ARRAY[x.owns_result, x.awaits_result]) AS key_hash FROM tasks x WHERE x.execution_id = a.execution_id OFFSET 0
    ) k
) w CROSS JOIN LATERAL (
    SELECT x.* FROM results x WHERE x.key_hash = w.key_hash AND (x.namespace = @namespace) IS TRUE OFFSET 0
) r LEFT JOIN LATERAL (
    SELECT x.state IN ('pending', 'running', 'waiting') AND x.owns_result IS NOT DISTINCT FROM r.key_hash AS owns
    FROM tasks x WHERE x.id = r.task_id OFFSET 0
) o ON true;

-- In the order of keys, so that two who insert the same never wait for each other in a circle.
-- name: InsertResults :exec
INSERT INTO results (namespace, key_hash, function, version, state, execution_id, task_id, value, created_at, completed_at,
    expires_at)
SELECT @namespace, u.key_hash, u.function, u.version, u.state, u.execution_id, u.task_id, u.value, u.created_at,
    u.completed_at, u.expires_at
FROM (SELECT
    unnest(@keys::bytea[]) AS key_hash, unnest(@functions::text[]) AS function, unnest(@versions::text[]) AS version,
    unnest(@states::text[]) AS state, unnest(@executions::uuid[]) AS execution_id, unnest(@tasks::uuid[]) AS task_id,
    unnest(@contents::bytea[]) AS value, unnest(@created_ats::timestamptz[]) AS created_at,
    unnest(@completed_ats::timestamptz[]) AS completed_at, unnest(@expires_ats::timestamptz[]) AS expires_at
) u;

-- A result whose state or owner is not the one that was loaded is not hit, and the
-- fence refuses it all.
-- name: UpdateResults :exec
WITH updated AS (
    UPDATE results r SET version = u.version, state = u.state, execution_id = u.execution_id, task_id = u.task_id,
        value = u.value, created_at = u.created_at, completed_at = u.completed_at, expires_at = u.expires_at
    FROM (SELECT
        unnest(@keys::bytea[]) AS key_hash, unnest(@was_states::text[]) AS was_state,
        unnest(@was_tasks::uuid[]) AS was_task, unnest(@versions::text[]) AS version,
        unnest(@states::text[]) AS state, unnest(@executions::uuid[]) AS execution_id, unnest(@tasks::uuid[]) AS task_id,
        unnest(@contents::bytea[]) AS value, unnest(@created_ats::timestamptz[]) AS created_at,
        unnest(@completed_ats::timestamptz[]) AS completed_at, unnest(@expires_ats::timestamptz[]) AS expires_at
    ) u
    WHERE r.key_hash = ANY(ARRAY[u.key_hash]) AND r.state = u.was_state AND r.task_id = u.was_task
    RETURNING 1
)
SELECT u.n = cardinality(@keys::bytea[]) OR stent_fence(cardinality(@keys::bytea[]), u.n, 'ST001') FROM (SELECT count(*) AS n FROM updated) u;

-- The keys that tasks wait for though nobody runs for them any more, by one look into
-- the index of those tasks for each key that is awaited.
-- name: SettledResults :many
WITH RECURSIVE awaited AS (
    (SELECT t.awaits_result FROM tasks t WHERE t.awaits_result > ''::bytea ORDER BY t.awaits_result LIMIT 1)
    UNION ALL
    SELECT n.awaits_result FROM awaited a CROSS JOIN LATERAL (
        SELECT t.awaits_result FROM tasks t WHERE t.awaits_result > a.awaits_result ORDER BY t.awaits_result LIMIT 1
    ) n
)
SELECT a.awaits_result::bytea AS key_hash, coalesce(r.state = 'completed', false)::boolean AS completed FROM awaited a
LEFT JOIN LATERAL (
    SELECT x.state, x.task_id, x.key_hash FROM results x
    WHERE x.key_hash = a.awaits_result AND (x.namespace = @namespace) IS TRUE OFFSET 0
) r ON true
LEFT JOIN LATERAL (
    SELECT x.owns_result FROM tasks x
    WHERE x.id = r.task_id AND x.state IN ('pending', 'running', 'waiting') OFFSET 0
) o ON true
WHERE r.state IS DISTINCT FROM 'running' OR o.owns_result IS DISTINCT FROM r.key_hash;

-- Those that wait for a result, the longest first. Paused executions wait on.
-- name: ResultWaiters :many
SELECT t.execution_id, t.id FROM (
    SELECT x.execution_id, x.id, x.created_at FROM tasks x
    WHERE x.awaits_result = @key_hash AND (x.namespace = @namespace) IS TRUE
    ORDER BY x.created_at
) t CROSS JOIN LATERAL (
    SELECT 1 FROM executions p WHERE p.id = t.execution_id AND NOT p.paused OFFSET 0
) e
ORDER BY t.created_at LIMIT @most;

-- Locked ones are being computed anew by now.
-- name: InvalidateResults :execrows
DELETE FROM results r WHERE r.key_hash = ANY(ARRAY(
    SELECT x.key_hash FROM results x
    WHERE x.function = @function AND x.state = 'completed' AND (sqlc.narg(version)::text IS NULL OR x.version = sqlc.narg(version)::text)
        AND (x.namespace = @namespace) IS TRUE
    LIMIT @most FOR UPDATE SKIP LOCKED
));

-- Those that expired a minute ago: who waited for them has taken them by now.
-- name: DeleteExpiredResults :execrows
DELETE FROM results r WHERE r.key_hash = ANY(ARRAY(
    SELECT x.key_hash FROM results x
    WHERE x.expires_at < now() - interval '1 minute' AND (x.namespace = @namespace) IS TRUE
    ORDER BY x.expires_at LIMIT @most FOR UPDATE SKIP LOCKED
));

-- Those that belong to nobody: the owner ended without a value, and nobody asked since.
-- A new owner would have made it younger than it has to be to be deleted.
-- name: DeleteLostResults :execrows
DELETE FROM results r WHERE r.key_hash = ANY(ARRAY(
    SELECT x.key_hash FROM results x LEFT JOIN LATERAL (
        SELECT t.owns_result FROM tasks t
        WHERE t.id = x.task_id AND t.state IN ('pending', 'running', 'waiting') OFFSET 0
    ) o ON true
    WHERE x.state = 'running' AND x.created_at < now() - interval '1 hour' AND (x.namespace = @namespace) IS TRUE
        AND o.owns_result IS DISTINCT FROM x.key_hash
    ORDER BY x.created_at LIMIT @most FOR UPDATE OF x SKIP LOCKED
));
