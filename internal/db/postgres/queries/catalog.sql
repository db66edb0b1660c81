-- Each function has its own moment of registration, in the order of the call.
-- name: PutFunction :exec
INSERT INTO functions (namespace, name, version, kind, url, worker_id, queue, priority, tags, timeout_us,
    heartbeat_timeout_us, retry_policy, idempotent, idempotency_key_from, cache_ttl_us, max_concurrent, rate_limit,
    created_at, updated_at, retention_us)
VALUES (@namespace, @name, @version, @kind, @url, @worker_id, @queue, @priority, @tags, @timeout_us,
    @heartbeat_timeout_us, @retry_policy, @idempotent, @idempotency_key_from, @cache_ttl_us, @max_concurrent, @rate_limit,
    clock_timestamp(), clock_timestamp(), @retention_us)
ON CONFLICT (namespace, name, version) DO UPDATE SET kind = excluded.kind, url = excluded.url,
    worker_id = excluded.worker_id, queue = excluded.queue, priority = excluded.priority, tags = excluded.tags,
    timeout_us = excluded.timeout_us, heartbeat_timeout_us = excluded.heartbeat_timeout_us,
    retry_policy = excluded.retry_policy, idempotent = excluded.idempotent,
    idempotency_key_from = excluded.idempotency_key_from, cache_ttl_us = excluded.cache_ttl_us,
    max_concurrent = excluded.max_concurrent, rate_limit = excluded.rate_limit, retention_us = excluded.retention_us,
    updated_at = excluded.updated_at;

-- name: ListFunctions :many
SELECT * FROM functions WHERE namespace = @namespace ORDER BY updated_at DESC, name, version;

-- name: DeleteFunction :execrows
DELETE FROM functions WHERE namespace = @namespace AND name = @name;

-- name: PutWorker :one
INSERT INTO workers (namespace, id, url, secret, health, unreachable_since, last_error, created_at, updated_at)
VALUES (@namespace, @id, @url, @secret, @health, @unreachable_since, @last_error, clock_timestamp(), clock_timestamp())
ON CONFLICT (namespace, url) DO UPDATE SET secret = excluded.secret, health = excluded.health,
    unreachable_since = excluded.unreachable_since, last_error = excluded.last_error, updated_at = excluded.updated_at
RETURNING *;

-- name: DropFunctionsOfWorker :exec
DELETE FROM functions f
WHERE f.namespace = @namespace AND f.worker_id = @worker_id
    AND NOT EXISTS (SELECT 1 FROM (SELECT unnest(@names::text[]) AS name, unnest(@versions::text[]) AS version) k
        WHERE k.name = f.name AND k.version = f.version);

-- name: ListWorkers :many
SELECT * FROM workers WHERE namespace = @namespace ORDER BY id DESC;

-- name: DeleteWorker :execrows
WITH gone AS (
    DELETE FROM functions f WHERE f.namespace = @namespace AND f.worker_id = @id
)
DELETE FROM workers w WHERE w.namespace = @namespace AND w.id = @id;

-- name: SetWorkerHealth :execrows
UPDATE workers SET health = @health, last_error = @last_error, updated_at = clock_timestamp(),
    unreachable_since = CASE
        WHEN @health <> 'unreachable' THEN NULL
        WHEN health = 'unreachable' THEN coalesce(unreachable_since, clock_timestamp())
        ELSE clock_timestamp() END
WHERE namespace = @namespace AND id = @id;

-- name: PauseQueue :exec
INSERT INTO paused_queues (namespace, name, paused_at) VALUES (@namespace, @name, now()) ON CONFLICT DO NOTHING;

-- name: ResumeQueue :exec
DELETE FROM paused_queues WHERE namespace = @namespace AND name = @name;

-- name: PausedQueues :many
SELECT name FROM paused_queues WHERE namespace = @namespace ORDER BY name;

-- name: PutSecret :exec
INSERT INTO secrets (name, value) VALUES (@name, @value) ON CONFLICT DO NOTHING;

-- name: GetSecret :one
SELECT value FROM secrets WHERE name = @name;
