-- Lists of executions, newest first. Changes of the state are the only ones that
-- these indexes have to follow. Predicates that are true of all rows keep look-ups by
-- id from them.
CREATE INDEX executions_state ON executions (state, id, namespace)
    WHERE state IS NOT NULL;
CREATE INDEX executions_function ON executions (function, state, id, namespace)
    WHERE function IS NOT NULL;
CREATE INDEX executions_queue ON executions (queue, id, namespace)
    WHERE queue <> 'default';
CREATE INDEX executions_tags ON executions USING gin (tags) WHERE tags <> '{}';

-- Those that have ended, to be cleaned away when they are old enough.
CREATE INDEX executions_ended ON executions (function, completed_at, namespace)
    WHERE completed_at IS NOT NULL;

-- Lists of tasks, newest first. None of these indexes has a column, nor a predicate,
-- that the hot path changes: a task has an error once an attempt failed, or when it
-- was cancelled.
CREATE INDEX tasks_function ON tasks (name, id, namespace)
    WHERE queue <> '';
CREATE INDEX tasks_queue ON tasks (queue, id, namespace)
    WHERE queue <> '' AND queue <> 'default';
CREATE INDEX tasks_kind ON tasks (kind, id, namespace)
    WHERE kind <> 'activity' AND kind <> 'orchestrator';
CREATE INDEX tasks_error ON tasks (id, namespace)
    WHERE error IS NOT NULL;
UPDATE tasks SET error = '{"type":"cancelled","message":"what it belonged to has ended"}'
WHERE state = 'cancelled' AND error IS NULL;

-- How long executions of the function are kept once they have ended: null as the
-- service is set, 0 for good.
ALTER TABLE functions ADD COLUMN retention_us bigint;
