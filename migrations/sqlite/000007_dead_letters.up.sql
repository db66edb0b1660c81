-- Tasks that failed for good, until they are replayed, discarded or expire. Their input
-- and the errors of their attempts stay with the task.
CREATE TABLE dead_letters (
    namespace    TEXT    NOT NULL,
    task_id      BLOB    NOT NULL,
    execution_id BLOB    NOT NULL,
    function     TEXT    NOT NULL,
    queue        TEXT    NOT NULL,
    kind         TEXT    NOT NULL CHECK (kind IN ('orchestrator', 'activity')),
    error        BLOB,                        -- JSON of workflow.Error
    attempts     INTEGER NOT NULL,
    failed_at    INTEGER NOT NULL,
    PRIMARY KEY (task_id, namespace)
) STRICT;

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
ALTER TABLE tasks ADD COLUMN parent_turn INTEGER NOT NULL DEFAULT 0;
