-- A signal may come with an idempotency key, which is unique in its execution.
ALTER TABLE signals ADD COLUMN idempotency_key TEXT;
ALTER TABLE signals ADD COLUMN request_hash BLOB;

CREATE UNIQUE INDEX signals_idempotency_key ON signals (execution_id, idempotency_key, namespace)
    WHERE idempotency_key IS NOT NULL;

-- What waits to be delivered of a paused execution is not due any more.
UPDATE tasks SET due_at = NULL
WHERE state = 'pending' AND due_at IS NOT NULL AND execution_id IN (SELECT id FROM executions WHERE paused);
