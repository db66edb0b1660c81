-- Executions that have ended. For how the plans are pinned see load.sql and save.sql.

-- Leaps from function to function.
-- name: EndedFunctions :many
WITH RECURSIVE ended AS (
    (SELECT e.function FROM executions e WHERE e.function > '' AND e.completed_at IS NOT NULL ORDER BY e.function LIMIT 1)
    UNION ALL
    SELECT n.function FROM ended d CROSS JOIN LATERAL (
        SELECT e.function FROM executions e
        WHERE e.function > d.function AND e.completed_at IS NOT NULL ORDER BY e.function LIMIT 1
    ) n
)
SELECT d.function FROM ended d;

-- Without those that DeleteEnded leaves: only a callback is open after the end.
-- name: CountEnded :one
SELECT coalesce(sum(c.n), 0)::bigint AS n FROM (SELECT unnest(@functions::text[]) AS function) f CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM executions e CROSS JOIN LATERAL (
        SELECT e.callback_url <> '' AND EXISTS (
            SELECT 1 FROM tasks t WHERE t.execution_id = e.id AND t.state IN ('pending', 'running', 'waiting') OFFSET 0
        ) AS open
    ) k
    WHERE e.function = f.function AND e.completed_at < now() - make_interval(secs => @age::double precision)
        AND (e.namespace = @namespace) IS TRUE AND NOT k.open
) c;

-- The lock makes whoever would open one of them again wait, and then find nothing; an
-- execution that was opened since is looked at again, and has not ended. Whatever is
-- opened has an execution that has not ended, but for callbacks, which are made when
-- one ends: so no task of these can be made any more.
-- name: DeleteEnded :one
WITH candidate AS MATERIALIZED (
    SELECT x.id, x.completed_at, t.tasks FROM executions x CROSS JOIN LATERAL (
        SELECT count(*) AS tasks, count(*) FILTER (WHERE y.state IN ('pending', 'running', 'waiting')) AS open
        FROM tasks y WHERE y.execution_id = x.id OFFSET 0
    ) t
    WHERE x.function = @function AND x.completed_at < now() - make_interval(secs => @age::double precision)
        AND (x.namespace = @namespace) IS TRUE AND t.open = 0
    ORDER BY x.completed_at LIMIT sqlc.arg(most)::integer FOR UPDATE OF x SKIP LOCKED
), chosen AS MATERIALIZED (
    SELECT r.id FROM (
        SELECT c.id, sum(c.tasks) OVER (ORDER BY c.completed_at, c.id) - c.tasks AS before FROM candidate c
    ) r
    WHERE r.before < sqlc.arg(tasks)::bigint
), task AS (
    DELETE FROM tasks t WHERE t.execution_id = ANY(ARRAY(SELECT c.id FROM chosen c)) RETURNING t.id
), attempt AS (
    DELETE FROM task_attempts a WHERE a.task_id = ANY(ARRAY(SELECT t.id FROM task t))
), letter AS (
    DELETE FROM dead_letters d WHERE d.task_id = ANY(ARRAY(SELECT t.id FROM task t))
), signal AS (
    DELETE FROM signals s WHERE s.execution_id = ANY(ARRAY(SELECT c.id FROM chosen c))
), counter AS (
    DELETE FROM counters n WHERE n.execution_id = ANY(ARRAY(SELECT c.id FROM chosen c))
), state AS (
    DELETE FROM custom_state s WHERE s.execution_id = ANY(ARRAY(SELECT c.id FROM chosen c))
), deleted AS (
    DELETE FROM executions e WHERE e.id = ANY(ARRAY(SELECT c.id FROM chosen c)) RETURNING e.id
)
SELECT (SELECT count(*) FROM candidate) AS found, (SELECT count(*) FROM deleted) AS deleted;
