-- Dead letters, and what opening a task again wants beside them. For how the plans are
-- pinned see load.sql and save.sql.

-- name: LoadDeadLetters :many
SELECT d.task_id FROM (SELECT unnest(@ids::uuid[]) AS id) w CROSS JOIN LATERAL (
    SELECT x.task_id FROM dead_letters x WHERE x.task_id = w.id AND (x.namespace = @namespace) IS TRUE OFFSET 0
) d;

-- name: PutDeadLetters :exec
INSERT INTO dead_letters (namespace, task_id, execution_id, function, queue, kind, error, attempts, failed_at)
SELECT @namespace, u.task_id, u.execution_id, u.function, u.queue, u.kind, u.error, u.attempts, u.failed_at FROM (SELECT
    unnest(@tasks::uuid[]) AS task_id, unnest(@executions::uuid[]) AS execution_id, unnest(@functions::text[]) AS function,
    unnest(@queues::text[]) AS queue, unnest(@kinds::text[]) AS kind, unnest(@errors::bytea[]) AS error,
    unnest(@attempts::integer[]) AS attempts, unnest(@failed_ats::timestamptz[]) AS failed_at
) u
ON CONFLICT (task_id, namespace) DO UPDATE SET queue = excluded.queue, kind = excluded.kind, error = excluded.error,
    attempts = excluded.attempts, failed_at = excluded.failed_at;

-- name: DeleteDeadLetters :exec
DELETE FROM dead_letters d USING (SELECT unnest(@tasks::uuid[]) AS task_id) u WHERE d.task_id = ANY(ARRAY[u.task_id]);

-- Comes before UpdateTasks, which leaves results and errors that are not set.
-- name: ReopenTasks :exec
UPDATE tasks t SET result = NULL, error = NULL, queue = coalesce(nullif(u.queue, ''), t.queue)
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@queues::text[]) AS queue) u
WHERE t.id = ANY(ARRAY[u.id]);

-- name: MoveSteps :exec
UPDATE tasks t SET parent_run = u.run, parent_turn = 0
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@runs::integer[]) AS run) u
WHERE t.id = ANY(ARRAY[u.id]);

-- name: GetDeadLetter :one
SELECT * FROM dead_letters WHERE task_id = @task AND (namespace = @namespace) IS TRUE;

-- Lists, newest first, from one that was listed. Each walks the index that fits its
-- filter from there on, so that a page costs what is on it.
-- name: ListDeadLetters :many
SELECT x.* FROM dead_letters x
WHERE x.failed_at > @failed_after::timestamptz AND x.failed_at < @failed_before::timestamptz
    AND (x.failed_at, x.task_id) < (@before_at::timestamptz, @before_task::uuid) AND (x.namespace = @namespace) IS TRUE
ORDER BY x.failed_at DESC, x.task_id DESC LIMIT @most;

-- name: ListDeadLettersOfFunctions :many
SELECT d.* FROM (SELECT DISTINCT unnest(@functions::text[]) AS function) w CROSS JOIN LATERAL (
    SELECT x.* FROM dead_letters x
    WHERE x.function = w.function AND x.failed_at > @failed_after::timestamptz AND x.failed_at < @failed_before::timestamptz
        AND (x.failed_at, x.task_id) < (@before_at::timestamptz, @before_task::uuid) AND (x.namespace = @namespace) IS TRUE
        AND (cardinality(@queues::text[]) = 0 OR x.queue = ANY(@queues::text[]))
        AND (cardinality(@kinds::text[]) = 0 OR x.kind = ANY(@kinds::text[]))
    ORDER BY x.failed_at DESC, x.task_id DESC LIMIT @most
) d
ORDER BY d.failed_at DESC, d.task_id DESC LIMIT @most;

-- name: ListDeadLettersOfQueues :many
SELECT d.* FROM (SELECT DISTINCT unnest(@queues::text[]) AS queue) w CROSS JOIN LATERAL (
    SELECT x.* FROM dead_letters x
    WHERE x.queue = w.queue AND x.failed_at > @failed_after::timestamptz AND x.failed_at < @failed_before::timestamptz
        AND (x.failed_at, x.task_id) < (@before_at::timestamptz, @before_task::uuid) AND (x.namespace = @namespace) IS TRUE
        AND (cardinality(@kinds::text[]) = 0 OR x.kind = ANY(@kinds::text[]))
    ORDER BY x.failed_at DESC, x.task_id DESC LIMIT @most
) d
ORDER BY d.failed_at DESC, d.task_id DESC LIMIT @most;

-- name: ListDeadLettersOfKinds :many
SELECT d.* FROM (SELECT DISTINCT unnest(@kinds::text[]) AS kind) w CROSS JOIN LATERAL (
    SELECT x.* FROM dead_letters x
    WHERE x.kind = w.kind AND x.failed_at > @failed_after::timestamptz AND x.failed_at < @failed_before::timestamptz
        AND (x.failed_at, x.task_id) < (@before_at::timestamptz, @before_task::uuid) AND (x.namespace = @namespace) IS TRUE
    ORDER BY x.failed_at DESC, x.task_id DESC LIMIT @most
) d
ORDER BY d.failed_at DESC, d.task_id DESC LIMIT @most;

-- name: ExpireDeadLetters :execrows
DELETE FROM dead_letters d WHERE d.task_id = ANY(ARRAY(
    SELECT x.task_id FROM dead_letters x
    WHERE x.failed_at < now() - make_interval(secs => @age::double precision) AND (x.namespace = @namespace) IS TRUE
    ORDER BY x.failed_at LIMIT @most FOR UPDATE SKIP LOCKED
));

-- name: CountDeadLettersOf :one
SELECT count(*) FROM dead_letters x
WHERE x.failed_at < now() - make_interval(secs => @age::double precision) AND (x.namespace = @namespace) IS TRUE;
