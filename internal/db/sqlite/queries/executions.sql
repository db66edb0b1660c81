-- name: InsertExecution :exec
INSERT INTO executions (
    namespace, id, function, version, input, tags, priority, queue, seed, root_task_id,
    callback_url, trace_parent, idempotency_key, request_hash, dispatched_by, created_at,
    deadline_at, state, result, error, retries, started_at, completed_at, cancel_requested,
    paused, signal_seq, buffered, context_seq, changed
) VALUES (
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
);

-- name: UpdateExecution :execrows
UPDATE executions SET
    state = sqlc.arg(state), result = sqlc.arg(result), error = sqlc.arg(error),
    retries = sqlc.arg(retries), started_at = sqlc.arg(started_at),
    completed_at = sqlc.arg(completed_at), cancel_requested = sqlc.arg(cancel_requested),
    paused = sqlc.arg(paused), signal_seq = sqlc.arg(signal_seq), buffered = sqlc.arg(buffered),
    context_seq = sqlc.arg(context_seq), deadline_at = sqlc.arg(deadline_at), changed = sqlc.arg(changed)
WHERE namespace = sqlc.arg(namespace) AND id = sqlc.arg(id);

-- name: StartExecution :exec
UPDATE executions SET state = 'running', started_at = coalesce(started_at, sqlc.arg(now)),
    changed = sqlc.arg(changed)
WHERE namespace = sqlc.arg(namespace) AND id = sqlc.arg(id) AND state = 'pending';

-- name: GetExecution :one
SELECT * FROM executions WHERE namespace = sqlc.arg(namespace) AND id = sqlc.arg(id);

-- What a commit loads. The input is left out: it may be large, and no decision looks at it.
-- name: LoadExecution :one
SELECT
    namespace, id, function, version, CAST(NULL AS BLOB) AS input, tags, priority, queue, seed,
    root_task_id, callback_url, trace_parent, idempotency_key, request_hash, dispatched_by,
    created_at, deadline_at, state, result, error, retries, started_at, completed_at,
    cancel_requested, paused, signal_seq, buffered, context_seq, changed
FROM executions WHERE namespace = sqlc.arg(namespace) AND id = sqlc.arg(id);

-- name: ExecutionByKey :one
SELECT * FROM executions
WHERE namespace = sqlc.arg(namespace) AND idempotency_key = sqlc.arg(idempotency_key);

-- name: ExecutionState :one
SELECT state FROM executions WHERE namespace = sqlc.arg(namespace) AND id = sqlc.arg(id);

-- name: ChangedExecution :one
SELECT state, changed FROM executions WHERE namespace = sqlc.arg(namespace) AND id = sqlc.arg(id);
