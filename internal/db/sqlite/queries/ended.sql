-- Executions that have ended.

-- name: NextEndedFunction :one
SELECT function FROM executions WHERE function > sqlc.arg(after) AND completed_at IS NOT NULL ORDER BY function LIMIT 1;

-- Without those that ListEnded leaves out: only a callback is open after the end.
-- name: CountEnded :one
SELECT count(*) FROM executions AS e
WHERE e.function = sqlc.arg(function) AND e.completed_at < sqlc.arg(completed_before) AND e.namespace = sqlc.arg(namespace)
    AND (e.callback_url = '' OR NOT EXISTS (
        SELECT 1 FROM tasks AS t
        WHERE t.execution_id = e.id AND t.namespace = e.namespace AND t.state IN ('pending', 'running', 'waiting')
    ));

-- Those with an open task, which may be a callback, stay.
-- name: ListEnded :many
SELECT e.id FROM executions AS e
WHERE e.function = sqlc.arg(function) AND e.completed_at < sqlc.arg(completed_before) AND e.namespace = sqlc.arg(namespace)
    AND NOT EXISTS (
        SELECT 1 FROM tasks AS t
        WHERE t.execution_id = e.id AND t.namespace = e.namespace AND t.state IN ('pending', 'running', 'waiting')
    )
ORDER BY e.completed_at LIMIT sqlc.arg(most);

-- Before DeleteTasksOf, which takes away what this goes by.
-- name: DeleteAttemptsOf :exec
DELETE FROM task_attempts WHERE task_attempts.namespace = sqlc.arg(namespace) AND task_id IN (
    SELECT t.id FROM tasks AS t WHERE t.execution_id = sqlc.arg(execution_id) AND t.namespace = sqlc.arg(namespace)
);

-- name: DeleteDeadLettersOf :exec
DELETE FROM dead_letters WHERE dead_letters.namespace = sqlc.arg(namespace) AND dead_letters.task_id IN (
    SELECT t.id FROM tasks AS t WHERE t.execution_id = sqlc.arg(execution_id) AND t.namespace = sqlc.arg(namespace)
);

-- name: DeleteTasksOf :execrows
DELETE FROM tasks WHERE execution_id = sqlc.arg(execution_id) AND namespace = sqlc.arg(namespace);

-- name: DeleteSignalsOf :exec
DELETE FROM signals WHERE execution_id = sqlc.arg(execution_id) AND namespace = sqlc.arg(namespace);

-- name: DeleteCountersOf :exec
DELETE FROM counters WHERE execution_id = sqlc.arg(execution_id) AND namespace = sqlc.arg(namespace);

-- name: DeleteStateOf :exec
DELETE FROM custom_state WHERE execution_id = sqlc.arg(execution_id) AND namespace = sqlc.arg(namespace);

-- Before DeleteExecution.
-- name: DeleteTagsOf :exec
DELETE FROM execution_tags
WHERE execution_tags.execution_id = sqlc.arg(execution_id) AND execution_tags.namespace = sqlc.arg(namespace) AND execution_tags.tag IN (
    SELECT tag.value FROM executions AS e, json_each(e.tags) AS tag WHERE e.id = sqlc.arg(execution_id) AND e.namespace = sqlc.arg(namespace)
);

-- name: DeleteExecution :exec
DELETE FROM executions WHERE id = sqlc.arg(execution_id) AND namespace = sqlc.arg(namespace);
