-- Counts the changes of an execution's counters and custom state, so that whoever
-- remembers them can tell whether it remembers the newest.
ALTER TABLE executions ADD COLUMN context_seq bigint NOT NULL DEFAULT 0;
