-- A task of a limited function that is claimed holds a slot until its attempt ends.
-- The hot path never changes slot, so its updates stay heap-only.
ALTER TABLE tasks
    ADD COLUMN concurrency_key text NOT NULL DEFAULT '',
    ADD COLUMN slot boolean NOT NULL DEFAULT false;

-- A lane is now (queue, lane, pinned, version, priority, concurrency_key).
DROP INDEX tasks_due;
CREATE INDEX tasks_due ON tasks (namespace, queue, lane, pinned, version, priority, concurrency_key, due_at)
    WHERE due_at IS NOT NULL;

-- The slots that are taken of a function and concurrency key, to be counted.
CREATE INDEX tasks_slots ON tasks (name, concurrency_key, namespace)
    WHERE slot;

-- A limited function and concurrency key: who claims tasks of it holds the row's lock.
CREATE TABLE limits (
    namespace       text        NOT NULL,
    function        text        NOT NULL,
    concurrency_key text        NOT NULL,
    starts          bytea,                -- JSON of workflow.Meter.Starts
    idle_at         timestamptz NOT NULL, -- from when on the row says nothing
    PRIMARY KEY (function, concurrency_key, namespace)
) WITH (fillfactor = 50);

CREATE INDEX limits_idle ON limits (idle_at, namespace);

-- Queues that somebody paused.
CREATE TABLE paused_queues (
    namespace text        NOT NULL,
    name      text        NOT NULL,
    paused_at timestamptz NOT NULL,
    PRIMARY KEY (namespace, name)
);
