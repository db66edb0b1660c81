-- What belongs to an execution beside its tasks: signals, counters, custom state.

-- name: InsertSignal :exec
INSERT INTO signals (namespace, execution_id, seq, id, name, payload, received_at, taken_by, idempotency_key, request_hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: TakeSignal :execrows
UPDATE signals SET taken_by = sqlc.arg(taken_by)
WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id) AND seq = sqlc.arg(seq) AND taken_by IS NULL;

-- name: LoadMailbox :many
SELECT * FROM signals
WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id) AND name = sqlc.arg(name) AND taken_by IS NULL
ORDER BY seq;

-- name: LoadMailboxes :many
SELECT * FROM signals
WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id) AND taken_by IS NULL
ORDER BY seq;

-- name: LoadSent :one
SELECT * FROM signals
WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id) AND idempotency_key = sqlc.arg(idempotency_key);

-- name: ListSignals :many
SELECT * FROM signals
WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id) AND id < sqlc.arg(before)
ORDER BY id DESC
LIMIT sqlc.arg(most);

-- name: LoadCounter :one
SELECT value FROM counters
WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id) AND name = sqlc.arg(name);

-- name: SetCounter :exec
INSERT INTO counters (namespace, execution_id, name, value) VALUES (?, ?, ?, ?)
ON CONFLICT (namespace, execution_id, name) DO UPDATE SET value = excluded.value;

-- name: ListCounters :many
SELECT * FROM counters WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id) ORDER BY name;

-- name: SetState :exec
INSERT INTO custom_state (namespace, execution_id, key, value) VALUES (?, ?, ?, ?)
ON CONFLICT (namespace, execution_id, key) DO UPDATE SET value = excluded.value;

-- name: ListState :many
SELECT * FROM custom_state WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id) ORDER BY key;
