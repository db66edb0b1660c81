UPDATE tasks SET due_at = scheduled_for
WHERE state = 'pending' AND due_at IS NULL AND holder IS NULL AND scheduled_for IS NOT NULL;

DROP INDEX signals_idempotency_key;
ALTER TABLE signals DROP COLUMN request_hash;
ALTER TABLE signals DROP COLUMN idempotency_key;
