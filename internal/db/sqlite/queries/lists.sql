-- The runs that lists are made of, see db.ExecutionRun and db.TaskRun: a query for each
-- index, as SQLite chooses one before it knows the arguments. Of the rest of a filter,
-- what is empty is NULL, and alternatives are JSON arrays.

-- name: ExecutionIDs :many
SELECT id FROM executions
WHERE namespace = sqlc.arg(namespace) AND id < sqlc.arg(below) AND id >= sqlc.arg(least)
  AND (CAST(sqlc.narg(states) AS TEXT) IS NULL OR state IN (SELECT value FROM json_each(CAST(sqlc.narg(states) AS TEXT))))
  AND (CAST(sqlc.narg(functions) AS TEXT) IS NULL OR function IN (SELECT value FROM json_each(CAST(sqlc.narg(functions) AS TEXT))))
  AND (CAST(sqlc.narg(queues) AS TEXT) IS NULL OR queue IN (SELECT value FROM json_each(CAST(sqlc.narg(queues) AS TEXT))))
  AND (CAST(sqlc.narg(created_after) AS INTEGER) IS NULL OR created_at >= CAST(sqlc.narg(created_after) AS INTEGER))
  AND (CAST(sqlc.narg(created_before) AS INTEGER) IS NULL OR created_at < CAST(sqlc.narg(created_before) AS INTEGER))
  AND (CAST(sqlc.narg(paused) AS INTEGER) IS NULL OR paused = CAST(sqlc.narg(paused) AS INTEGER))
ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: ExecutionIDsOfState :many
SELECT id FROM executions
WHERE state = sqlc.arg(state) AND namespace = sqlc.arg(namespace) AND id < sqlc.arg(below) AND id >= sqlc.arg(least)
  AND (CAST(sqlc.narg(states) AS TEXT) IS NULL OR state IN (SELECT value FROM json_each(CAST(sqlc.narg(states) AS TEXT))))
  AND (CAST(sqlc.narg(functions) AS TEXT) IS NULL OR function IN (SELECT value FROM json_each(CAST(sqlc.narg(functions) AS TEXT))))
  AND (CAST(sqlc.narg(queues) AS TEXT) IS NULL OR queue IN (SELECT value FROM json_each(CAST(sqlc.narg(queues) AS TEXT))))
  AND (CAST(sqlc.narg(created_after) AS INTEGER) IS NULL OR created_at >= CAST(sqlc.narg(created_after) AS INTEGER))
  AND (CAST(sqlc.narg(created_before) AS INTEGER) IS NULL OR created_at < CAST(sqlc.narg(created_before) AS INTEGER))
  AND (CAST(sqlc.narg(paused) AS INTEGER) IS NULL OR paused = CAST(sqlc.narg(paused) AS INTEGER))
ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: ExecutionIDsOfFunction :many
SELECT id FROM executions
WHERE function = sqlc.arg(function) AND state = sqlc.arg(state) AND namespace = sqlc.arg(namespace) AND id < sqlc.arg(below) AND id >= sqlc.arg(least)
  AND (CAST(sqlc.narg(states) AS TEXT) IS NULL OR state IN (SELECT value FROM json_each(CAST(sqlc.narg(states) AS TEXT))))
  AND (CAST(sqlc.narg(functions) AS TEXT) IS NULL OR function IN (SELECT value FROM json_each(CAST(sqlc.narg(functions) AS TEXT))))
  AND (CAST(sqlc.narg(queues) AS TEXT) IS NULL OR queue IN (SELECT value FROM json_each(CAST(sqlc.narg(queues) AS TEXT))))
  AND (CAST(sqlc.narg(created_after) AS INTEGER) IS NULL OR created_at >= CAST(sqlc.narg(created_after) AS INTEGER))
  AND (CAST(sqlc.narg(created_before) AS INTEGER) IS NULL OR created_at < CAST(sqlc.narg(created_before) AS INTEGER))
  AND (CAST(sqlc.narg(paused) AS INTEGER) IS NULL OR paused = CAST(sqlc.narg(paused) AS INTEGER))
ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: ExecutionIDsOfQueue :many
SELECT id FROM executions
WHERE queue = sqlc.arg(queue) AND queue <> 'default' AND namespace = sqlc.arg(namespace) AND id < sqlc.arg(below) AND id >= sqlc.arg(least)
  AND (CAST(sqlc.narg(states) AS TEXT) IS NULL OR state IN (SELECT value FROM json_each(CAST(sqlc.narg(states) AS TEXT))))
  AND (CAST(sqlc.narg(functions) AS TEXT) IS NULL OR function IN (SELECT value FROM json_each(CAST(sqlc.narg(functions) AS TEXT))))
  AND (CAST(sqlc.narg(queues) AS TEXT) IS NULL OR queue IN (SELECT value FROM json_each(CAST(sqlc.narg(queues) AS TEXT))))
  AND (CAST(sqlc.narg(created_after) AS INTEGER) IS NULL OR created_at >= CAST(sqlc.narg(created_after) AS INTEGER))
  AND (CAST(sqlc.narg(created_before) AS INTEGER) IS NULL OR created_at < CAST(sqlc.narg(created_before) AS INTEGER))
  AND (CAST(sqlc.narg(paused) AS INTEGER) IS NULL OR paused = CAST(sqlc.narg(paused) AS INTEGER))
ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: ExecutionIDsOfTag :many
SELECT e.id FROM execution_tags AS t CROSS JOIN executions AS e ON e.id = t.execution_id AND e.namespace = t.namespace
WHERE t.tag = sqlc.arg(tag) AND t.namespace = sqlc.arg(namespace)
  AND t.execution_id < sqlc.arg(below) AND t.execution_id >= sqlc.arg(least)
  AND (CAST(sqlc.narg(states) AS TEXT) IS NULL OR e.state IN (SELECT value FROM json_each(CAST(sqlc.narg(states) AS TEXT))))
  AND (CAST(sqlc.narg(functions) AS TEXT) IS NULL OR e.function IN (SELECT value FROM json_each(CAST(sqlc.narg(functions) AS TEXT))))
  AND (CAST(sqlc.narg(queues) AS TEXT) IS NULL OR e.queue IN (SELECT value FROM json_each(CAST(sqlc.narg(queues) AS TEXT))))
  AND (CAST(sqlc.narg(created_after) AS INTEGER) IS NULL OR e.created_at >= CAST(sqlc.narg(created_after) AS INTEGER))
  AND (CAST(sqlc.narg(created_before) AS INTEGER) IS NULL OR e.created_at < CAST(sqlc.narg(created_before) AS INTEGER))
  AND (CAST(sqlc.narg(paused) AS INTEGER) IS NULL OR e.paused = CAST(sqlc.narg(paused) AS INTEGER))
ORDER BY t.execution_id DESC LIMIT sqlc.arg(most);

-- name: OpenExecutions :many
SELECT id FROM executions
WHERE state = sqlc.arg(state) AND namespace = sqlc.arg(namespace) AND id < sqlc.arg(below)
ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: TagExecution :exec
INSERT INTO execution_tags (namespace, tag, execution_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING;

-- name: TaskIDs :many
SELECT id FROM tasks
WHERE namespace = sqlc.arg(namespace) AND id < sqlc.arg(below)
  AND (CAST(sqlc.narg(states) AS TEXT) IS NULL OR state IN (SELECT value FROM json_each(CAST(sqlc.narg(states) AS TEXT))))
  AND (CAST(sqlc.narg(queues) AS TEXT) IS NULL OR queue IN (SELECT value FROM json_each(CAST(sqlc.narg(queues) AS TEXT))))
  AND (CAST(sqlc.narg(kinds) AS TEXT) IS NULL OR kind IN (SELECT value FROM json_each(CAST(sqlc.narg(kinds) AS TEXT))))
ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: TaskIDsOfFunction :many
SELECT id FROM tasks
WHERE name = sqlc.arg(function) AND queue <> '' AND namespace = sqlc.arg(namespace) AND id < sqlc.arg(below)
  AND (CAST(sqlc.narg(states) AS TEXT) IS NULL OR state IN (SELECT value FROM json_each(CAST(sqlc.narg(states) AS TEXT))))
  AND (CAST(sqlc.narg(queues) AS TEXT) IS NULL OR queue IN (SELECT value FROM json_each(CAST(sqlc.narg(queues) AS TEXT))))
  AND (CAST(sqlc.narg(kinds) AS TEXT) IS NULL OR kind IN (SELECT value FROM json_each(CAST(sqlc.narg(kinds) AS TEXT))))
ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: TaskIDsOfQueue :many
SELECT id FROM tasks
WHERE queue = sqlc.arg(queue) AND queue <> '' AND queue <> 'default' AND namespace = sqlc.arg(namespace) AND id < sqlc.arg(below)
  AND (CAST(sqlc.narg(states) AS TEXT) IS NULL OR state IN (SELECT value FROM json_each(CAST(sqlc.narg(states) AS TEXT))))
  AND (CAST(sqlc.narg(queues) AS TEXT) IS NULL OR queue IN (SELECT value FROM json_each(CAST(sqlc.narg(queues) AS TEXT))))
  AND (CAST(sqlc.narg(kinds) AS TEXT) IS NULL OR kind IN (SELECT value FROM json_each(CAST(sqlc.narg(kinds) AS TEXT))))
ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: TaskIDsOfKind :many
SELECT id FROM tasks
WHERE kind = sqlc.arg(kind) AND kind <> 'activity' AND kind <> 'orchestrator' AND namespace = sqlc.arg(namespace) AND id < sqlc.arg(below)
  AND (CAST(sqlc.narg(states) AS TEXT) IS NULL OR state IN (SELECT value FROM json_each(CAST(sqlc.narg(states) AS TEXT))))
  AND (CAST(sqlc.narg(queues) AS TEXT) IS NULL OR queue IN (SELECT value FROM json_each(CAST(sqlc.narg(queues) AS TEXT))))
  AND (CAST(sqlc.narg(kinds) AS TEXT) IS NULL OR kind IN (SELECT value FROM json_each(CAST(sqlc.narg(kinds) AS TEXT))))
ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: ErredTaskIDs :many
SELECT id FROM tasks
WHERE error IS NOT NULL AND namespace = sqlc.arg(namespace) AND id < sqlc.arg(below)
  AND (CAST(sqlc.narg(function) AS TEXT) IS NULL OR (queue <> '' AND name = CAST(sqlc.narg(function) AS TEXT)))
  AND (CAST(sqlc.narg(queue) AS TEXT) IS NULL OR queue = CAST(sqlc.narg(queue) AS TEXT))
  AND (CAST(sqlc.narg(kind) AS TEXT) IS NULL OR kind = CAST(sqlc.narg(kind) AS TEXT))
  AND (CAST(sqlc.narg(states) AS TEXT) IS NULL OR state IN (SELECT value FROM json_each(CAST(sqlc.narg(states) AS TEXT))))
  AND (CAST(sqlc.narg(queues) AS TEXT) IS NULL OR queue IN (SELECT value FROM json_each(CAST(sqlc.narg(queues) AS TEXT))))
  AND (CAST(sqlc.narg(kinds) AS TEXT) IS NULL OR kind IN (SELECT value FROM json_each(CAST(sqlc.narg(kinds) AS TEXT))))
ORDER BY id DESC LIMIT sqlc.arg(most);

-- By +id, as in tasks.sql.
-- name: TaskIDsOf :many
SELECT id FROM tasks
WHERE execution_id = sqlc.arg(execution_id) AND namespace = sqlc.arg(namespace) AND +id < sqlc.arg(below)
  AND (CAST(sqlc.narg(states) AS TEXT) IS NULL OR state IN (SELECT value FROM json_each(CAST(sqlc.narg(states) AS TEXT))))
  AND (CAST(sqlc.narg(queues) AS TEXT) IS NULL OR queue IN (SELECT value FROM json_each(CAST(sqlc.narg(queues) AS TEXT))))
  AND (CAST(sqlc.narg(kinds) AS TEXT) IS NULL OR kind IN (SELECT value FROM json_each(CAST(sqlc.narg(kinds) AS TEXT))))
  AND (CAST(sqlc.narg(functions) AS TEXT) IS NULL
    OR (queue <> '' AND name IN (SELECT value FROM json_each(CAST(sqlc.narg(functions) AS TEXT)))))
ORDER BY +id DESC LIMIT sqlc.arg(most);
