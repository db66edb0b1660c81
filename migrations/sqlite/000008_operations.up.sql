-- Which transaction wrote a row last: its time in microseconds, later than that of
-- every transaction before. PostgreSQL knows that of every row (xmin).
ALTER TABLE executions ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;

-- Lists of executions, newest first. Changes of the state are the only ones that
-- these indexes have to follow. Predicates that are true of all rows keep look-ups by
-- id from them.
CREATE INDEX executions_state ON executions (state, id, namespace)
    WHERE state IS NOT NULL;
CREATE INDEX executions_function ON executions (function, state, id, namespace)
    WHERE function IS NOT NULL;
CREATE INDEX executions_queue ON executions (queue, id, namespace)
    WHERE queue <> 'default';

-- PostgreSQL has an inverted index of the column tags.
CREATE TABLE execution_tags (
    namespace    TEXT NOT NULL,
    tag          TEXT NOT NULL,
    execution_id BLOB NOT NULL,
    PRIMARY KEY (tag, execution_id, namespace)
) STRICT, WITHOUT ROWID;
INSERT INTO execution_tags (namespace, tag, execution_id)
SELECT e.namespace, t.value, e.id FROM executions AS e, json_each(e.tags) AS t
WHERE true ON CONFLICT DO NOTHING;

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
UPDATE tasks SET error = CAST('{"type":"cancelled","message":"what it belonged to has ended"}' AS BLOB)
WHERE state = 'cancelled' AND error IS NULL;

-- How long executions of the function are kept once they have ended: null as the
-- service is set, 0 for good.
ALTER TABLE functions ADD COLUMN retention_us INTEGER;
