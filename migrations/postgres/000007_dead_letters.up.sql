-- Tasks that failed for good, until they are replayed, discarded or expire. Their input
-- and the errors of their attempts stay with the task.
CREATE TABLE dead_letters (
    namespace    text        NOT NULL,
    task_id      uuid        NOT NULL,
    execution_id uuid        NOT NULL,
    function     text        NOT NULL,
    queue        text        NOT NULL,
    kind         text        NOT NULL CHECK (kind IN ('orchestrator', 'activity')),
    error        bytea,                        -- JSON of workflow.Error
    attempts     integer     NOT NULL,
    failed_at    timestamptz NOT NULL,
    PRIMARY KEY (task_id, namespace)
);

-- Lists, newest first: all of them, and those of a function, a queue or a kind. The
-- predicates are true of all rows, and keep look-ups by other columns from the indexes.
CREATE INDEX dead_letters_failed ON dead_letters (failed_at, task_id, namespace)
    WHERE failed_at IS NOT NULL;
CREATE INDEX dead_letters_function ON dead_letters (function, failed_at, task_id, namespace)
    WHERE function IS NOT NULL;
CREATE INDEX dead_letters_queue ON dead_letters (queue, failed_at, task_id, namespace)
    WHERE queue IS NOT NULL;
CREATE INDEX dead_letters_kind ON dead_letters (kind, failed_at, task_id, namespace)
    WHERE kind IS NOT NULL;

-- The turn of the parent, if that is an orchestrator, which commanded the step.
ALTER TABLE tasks ADD COLUMN parent_turn integer NOT NULL DEFAULT 0;
