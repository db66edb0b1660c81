DROP TABLE paused_queues;
DROP TABLE limits;
DROP INDEX tasks_slots;
DROP INDEX tasks_due;
ALTER TABLE tasks DROP COLUMN slot, DROP COLUMN concurrency_key;
CREATE INDEX tasks_due ON tasks (namespace, queue, lane, pinned, version, priority, due_at)
    WHERE due_at IS NOT NULL;
