-- name: Join :exec
INSERT INTO schedulers (id, host, state, queues, tags, capacity, in_flight, started_at, seen_at, lease_us, released)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: Beat :execrows
UPDATE schedulers SET
    state = sqlc.arg(state), queues = sqlc.arg(queues), tags = sqlc.arg(tags), capacity = sqlc.arg(capacity),
    in_flight = sqlc.arg(in_flight), seen_at = sqlc.arg(seen_at), lease_us = sqlc.arg(lease_us)
WHERE id = sqlc.arg(id) AND state NOT IN ('stopped', 'expired');

-- name: SchedulerState :one
SELECT state FROM schedulers WHERE id = sqlc.arg(id);

-- name: Expire :exec
UPDATE schedulers SET state = 'expired'
WHERE state NOT IN ('stopped', 'expired') AND seen_at + lease_us <= sqlc.arg(ended_before);

-- Those that are gone and may still hold something.
-- name: ListUnreleased :many
SELECT id FROM schedulers WHERE state IN ('stopped', 'expired') AND NOT released ORDER BY id;

-- name: ListSchedulers :many
SELECT * FROM schedulers ORDER BY started_at DESC, id DESC;

-- name: Leave :execrows
UPDATE schedulers SET state = 'stopped', in_flight = 0, seen_at = sqlc.arg(seen_at), released = sqlc.arg(released)
WHERE id = sqlc.arg(id) AND state <> 'expired';

-- Releases a scheduler that is gone and holds nothing any more. It is still shown as
-- what it was when it went, with what it then had in flight.
-- name: Bury :exec
UPDATE schedulers SET released = 1 WHERE id = sqlc.arg(id) AND state IN ('stopped', 'expired');

-- name: DeleteReleased :exec
DELETE FROM schedulers
WHERE state IN ('stopped', 'expired') AND released AND seen_at < sqlc.arg(seen_before);

-- name: AnyReleased :one
SELECT EXISTS (SELECT 1 FROM schedulers
    WHERE state IN ('stopped', 'expired') AND released AND seen_at < sqlc.arg(seen_before));

-- name: InsertHold :exec
INSERT INTO holds (namespace, scheduler_id, execution_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING;

-- name: Unhold :exec
DELETE FROM holds
WHERE namespace = sqlc.arg(namespace) AND scheduler_id = sqlc.arg(scheduler_id) AND execution_id = sqlc.arg(execution_id);

-- name: ListHolds :many
SELECT execution_id FROM holds
WHERE scheduler_id = sqlc.arg(scheduler_id) AND namespace = sqlc.arg(namespace)
ORDER BY execution_id;

-- By +id, as in tasks.sql.
-- name: HeldIn :many
SELECT id, token FROM tasks
WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id) AND holder = sqlc.arg(holder)
ORDER BY +id;
