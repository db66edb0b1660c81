-- Each function has its own moment of registration, in the order of the call.
-- name: PutFunction :exec
INSERT INTO functions (
    namespace, name, version, kind, url, worker_id, queue, priority, tags, timeout_us,
    heartbeat_timeout_us, retry_policy, idempotent, idempotency_key_from, cache_ttl_us,
    max_concurrent, rate_limit, created_at, updated_at, retention_us
) VALUES (
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
)
ON CONFLICT (namespace, name, version) DO UPDATE SET
    kind = excluded.kind, url = excluded.url, worker_id = excluded.worker_id,
    queue = excluded.queue, priority = excluded.priority, tags = excluded.tags,
    timeout_us = excluded.timeout_us, heartbeat_timeout_us = excluded.heartbeat_timeout_us,
    retry_policy = excluded.retry_policy, idempotent = excluded.idempotent,
    idempotency_key_from = excluded.idempotency_key_from, cache_ttl_us = excluded.cache_ttl_us,
    max_concurrent = excluded.max_concurrent, rate_limit = excluded.rate_limit,
    retention_us = excluded.retention_us, updated_at = excluded.updated_at;

-- name: ListFunctions :many
SELECT * FROM functions WHERE namespace = sqlc.arg(namespace) ORDER BY updated_at DESC, name, version;

-- name: DeleteFunction :execrows
DELETE FROM functions WHERE namespace = sqlc.arg(namespace) AND name = sqlc.arg(name);

-- name: ListWorkerFunctions :many
SELECT name, version FROM functions WHERE namespace = sqlc.arg(namespace) AND worker_id = sqlc.arg(worker_id);

-- name: DeleteWorkerFunction :exec
DELETE FROM functions
WHERE namespace = sqlc.arg(namespace) AND name = sqlc.arg(name) AND version = sqlc.arg(version) AND worker_id = sqlc.arg(worker_id);

-- name: DeleteWorkerFunctions :exec
DELETE FROM functions WHERE namespace = sqlc.arg(namespace) AND worker_id = sqlc.arg(worker_id);

-- name: PutWorker :one
INSERT INTO workers (namespace, id, url, secret, health, unreachable_since, last_error, created_at, updated_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (namespace, url) DO UPDATE SET
    secret = excluded.secret, health = excluded.health, unreachable_since = excluded.unreachable_since,
    last_error = excluded.last_error, updated_at = excluded.updated_at
RETURNING *;

-- name: ListWorkers :many
SELECT * FROM workers WHERE namespace = sqlc.arg(namespace) ORDER BY id DESC;

-- name: DeleteWorker :execrows
DELETE FROM workers WHERE namespace = sqlc.arg(namespace) AND id = sqlc.arg(id);

-- name: SetWorkerHealth :execrows
UPDATE workers SET
    health = sqlc.arg(health), last_error = sqlc.arg(last_error), updated_at = sqlc.arg(now),
    unreachable_since = CASE
        WHEN CAST(sqlc.arg(health) AS TEXT) <> 'unreachable' THEN NULL
        WHEN health = 'unreachable' THEN coalesce(unreachable_since, sqlc.arg(now))
        ELSE sqlc.arg(now) END
WHERE namespace = sqlc.arg(namespace) AND id = sqlc.arg(id);

-- name: PauseQueue :exec
INSERT INTO paused_queues (namespace, name, paused_at) VALUES (sqlc.arg(namespace), sqlc.arg(name), sqlc.arg(now)) ON CONFLICT DO NOTHING;

-- name: ResumeQueue :exec
DELETE FROM paused_queues WHERE namespace = sqlc.arg(namespace) AND name = sqlc.arg(name);

-- name: PausedQueues :many
SELECT name FROM paused_queues WHERE namespace = sqlc.arg(namespace) ORDER BY name;

-- name: PutSecret :exec
INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING;

-- name: GetSecret :one
SELECT value FROM secrets WHERE name = sqlc.arg(name);
