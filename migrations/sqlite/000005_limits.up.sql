-- A task of a limited function that is claimed holds a slot until its attempt ends.
ALTER TABLE tasks ADD COLUMN concurrency_key TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN slot INTEGER NOT NULL DEFAULT 0;

-- A lane is now (queue, lane, pinned, version, priority, concurrency_key).
DROP INDEX tasks_due;
CREATE INDEX tasks_due ON tasks (namespace, queue, lane, pinned, version, priority, concurrency_key, due_at)
    WHERE due_at IS NOT NULL;

-- The slots that are taken of a function and concurrency key, to be counted.
CREATE INDEX tasks_slots ON tasks (name, concurrency_key, namespace)
    WHERE slot = 1;

-- A limited function and concurrency key.
CREATE TABLE limits (
    namespace       TEXT    NOT NULL,
    function        TEXT    NOT NULL,
    concurrency_key TEXT    NOT NULL,
    starts          BLOB,             -- JSON of workflow.Meter.Starts
    idle_at         INTEGER NOT NULL, -- from when on the row says nothing
    PRIMARY KEY (function, concurrency_key, namespace)
) STRICT;

CREATE INDEX limits_idle ON limits (idle_at, namespace);

-- Queues that somebody paused.
CREATE TABLE paused_queues (
    namespace TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    paused_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, name)
) STRICT;
