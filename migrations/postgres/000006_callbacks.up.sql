-- A signal may come with an idempotency key, which is unique in its execution.
ALTER TABLE signals ADD COLUMN idempotency_key text;
ALTER TABLE signals ADD COLUMN request_hash bytea;

CREATE UNIQUE INDEX signals_idempotency_key ON signals (execution_id, idempotency_key, namespace)
    WHERE idempotency_key IS NOT NULL;

-- What waits to be delivered of a paused execution is not due any more.
UPDATE tasks t SET due_at = NULL
FROM executions e
WHERE e.id = t.execution_id AND e.paused AND t.state = 'pending' AND t.due_at IS NOT NULL;
