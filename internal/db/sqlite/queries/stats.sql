-- name: CountExecutions :one
SELECT count(*) FROM (
    SELECT 1 FROM executions WHERE state = sqlc.arg(state) AND namespace = sqlc.arg(namespace) LIMIT sqlc.arg(most)
);

-- Rows are numbered as they are made, so the newest are those with the highest numbers.
-- name: SampleTasks :many
SELECT t.state, count(*) AS n FROM (
    SELECT x.state FROM tasks AS x ORDER BY x.rowid DESC LIMIT sqlc.arg(most)
) AS t
GROUP BY t.state;

-- name: TaskRange :one
SELECT
    CAST(coalesce((SELECT a.rowid FROM tasks AS a ORDER BY a.rowid LIMIT 1), 1) AS INTEGER) AS oldest,
    CAST(coalesce((SELECT b.rowid FROM tasks AS b ORDER BY b.rowid DESC LIMIT 1), 0) AS INTEGER) AS newest;

-- name: OldestExecutions :many
SELECT id FROM executions WHERE state = sqlc.arg(state) AND namespace = sqlc.arg(namespace) ORDER BY id LIMIT sqlc.arg(most);

-- name: CountOpenTasks :many
SELECT state, count(*) AS n FROM tasks
WHERE execution_id = sqlc.arg(execution_id) AND namespace = sqlc.arg(namespace) AND state IN ('pending', 'running', 'waiting')
GROUP BY state;

-- name: CountDeadLetters :one
SELECT count(*) FROM (SELECT 1 FROM dead_letters WHERE failed_at > 0 AND namespace = sqlc.arg(namespace) LIMIT sqlc.arg(most));
