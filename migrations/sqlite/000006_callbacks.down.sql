DROP INDEX signals_idempotency_key;
ALTER TABLE signals DROP COLUMN request_hash;
ALTER TABLE signals DROP COLUMN idempotency_key;
