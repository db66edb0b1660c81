-- A signal may come with an idempotency key, which is unique in its execution.
ALTER TABLE signals ADD COLUMN idempotency_key TEXT;
ALTER TABLE signals ADD COLUMN request_hash BLOB;

CREATE UNIQUE INDEX signals_idempotency_key ON signals (execution_id, idempotency_key, namespace)
    WHERE idempotency_key IS NOT NULL;
