-- Dead letters, and what opening a task again wants beside them. Lists of several
-- functions, queues or kinds are merged in Go.

-- name: IsDeadLetter :one
SELECT EXISTS (SELECT 1 FROM dead_letters WHERE task_id = sqlc.arg(task_id) AND namespace = sqlc.arg(namespace));

-- name: PutDeadLetter :exec
INSERT INTO dead_letters (namespace, task_id, execution_id, function, queue, kind, error, attempts, failed_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (task_id, namespace) DO UPDATE SET queue = excluded.queue, kind = excluded.kind, error = excluded.error,
    attempts = excluded.attempts, failed_at = excluded.failed_at;

-- name: DeleteDeadLetter :exec
DELETE FROM dead_letters WHERE task_id = sqlc.arg(task_id) AND namespace = sqlc.arg(namespace);

-- Comes before UpdateTask, which leaves results and errors that are not set.
-- name: ReopenTask :execrows
UPDATE tasks SET result = NULL, error = NULL, queue = CASE WHEN sqlc.arg(queue) = '' THEN queue ELSE sqlc.arg(queue) END,
    changed = sqlc.arg(changed)
WHERE namespace = sqlc.arg(namespace) AND id = sqlc.arg(id);

-- name: MoveStep :execrows
UPDATE tasks SET parent_run = sqlc.arg(parent_run), parent_turn = 0, changed = sqlc.arg(changed)
WHERE namespace = sqlc.arg(namespace) AND id = sqlc.arg(id);

-- name: GetDeadLetter :one
SELECT * FROM dead_letters WHERE task_id = sqlc.arg(task_id) AND namespace = sqlc.arg(namespace);

-- name: ListDeadLetters :many
SELECT d.* FROM dead_letters AS d
WHERE d.namespace = sqlc.arg(namespace)
    AND d.failed_at > sqlc.arg(failed_after) AND d.failed_at < sqlc.arg(failed_before)
    AND d.failed_at <= sqlc.arg(before_at) AND (d.failed_at < sqlc.arg(before_at) OR d.task_id < sqlc.arg(before_task))
ORDER BY d.failed_at DESC, d.task_id DESC LIMIT sqlc.arg(most);

-- name: ListDeadLettersOfFunction :many
SELECT d.* FROM dead_letters AS d
WHERE d.namespace = sqlc.arg(namespace) AND d.function = sqlc.arg(function)
    AND d.failed_at > sqlc.arg(failed_after) AND d.failed_at < sqlc.arg(failed_before)
    AND d.failed_at <= sqlc.arg(before_at) AND (d.failed_at < sqlc.arg(before_at) OR d.task_id < sqlc.arg(before_task))
    AND (CAST(sqlc.narg(queues) AS TEXT) IS NULL OR d.queue IN (SELECT value FROM json_each(CAST(sqlc.narg(queues) AS TEXT))))
    AND (CAST(sqlc.narg(kinds) AS TEXT) IS NULL OR d.kind IN (SELECT value FROM json_each(CAST(sqlc.narg(kinds) AS TEXT))))
ORDER BY d.failed_at DESC, d.task_id DESC LIMIT sqlc.arg(most);

-- name: ListDeadLettersOfQueue :many
SELECT d.* FROM dead_letters AS d
WHERE d.namespace = sqlc.arg(namespace) AND d.queue = sqlc.arg(queue)
    AND d.failed_at > sqlc.arg(failed_after) AND d.failed_at < sqlc.arg(failed_before)
    AND d.failed_at <= sqlc.arg(before_at) AND (d.failed_at < sqlc.arg(before_at) OR d.task_id < sqlc.arg(before_task))
    AND (CAST(sqlc.narg(kinds) AS TEXT) IS NULL OR d.kind IN (SELECT value FROM json_each(CAST(sqlc.narg(kinds) AS TEXT))))
ORDER BY d.failed_at DESC, d.task_id DESC LIMIT sqlc.arg(most);

-- name: ListDeadLettersOfKind :many
SELECT d.* FROM dead_letters AS d
WHERE d.namespace = sqlc.arg(namespace) AND d.kind = sqlc.arg(kind)
    AND d.failed_at > sqlc.arg(failed_after) AND d.failed_at < sqlc.arg(failed_before)
    AND d.failed_at <= sqlc.arg(before_at) AND (d.failed_at < sqlc.arg(before_at) OR d.task_id < sqlc.arg(before_task))
ORDER BY d.failed_at DESC, d.task_id DESC LIMIT sqlc.arg(most);

-- name: ExpireDeadLetters :execrows
DELETE FROM dead_letters WHERE rowid IN (
    SELECT d.rowid FROM dead_letters AS d
    WHERE d.failed_at < sqlc.arg(failed_before) AND d.namespace = sqlc.arg(namespace)
    ORDER BY d.failed_at LIMIT sqlc.arg(most));

-- name: CountDeadLettersOf :one
SELECT count(*) FROM dead_letters WHERE failed_at < sqlc.arg(failed_before) AND namespace = sqlc.arg(namespace);
