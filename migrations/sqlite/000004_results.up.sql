-- What the calls with one key share. A result that is running belongs to its owner
-- as long as that task is open and says that it owns it; otherwise to nobody.
CREATE TABLE results (
    namespace    TEXT    NOT NULL,
    key_hash     BLOB    NOT NULL,            -- workflow.ResultKey: of the function and the key
    function     TEXT    NOT NULL,
    version      TEXT    NOT NULL,            -- of the function that the owner calls
    state        TEXT    NOT NULL CHECK (state IN ('running', 'completed')),
    execution_id BLOB    NOT NULL,            -- the owner's
    task_id      BLOB    NOT NULL,            -- the owner
    value        BLOB,
    created_at   INTEGER NOT NULL,            -- since when the owner owns it
    completed_at INTEGER,
    expires_at   INTEGER,
    PRIMARY KEY (key_hash, namespace)
) STRICT;

-- To be invalidated.
CREATE INDEX results_function ON results (function, version, namespace)
    WHERE state = 'completed';

-- To be cleaned away: what has expired, and what an owner left behind that failed.
CREATE INDEX results_expiry ON results (expires_at, namespace)
    WHERE expires_at IS NOT NULL;
CREATE INDEX results_running ON results (created_at, namespace)
    WHERE state = 'running';

ALTER TABLE tasks ADD COLUMN owns_result BLOB;   -- the shared result that it runs for; while it is open
ALTER TABLE tasks ADD COLUMN awaits_result BLOB; -- the one that it waits for; only while it waits
ALTER TABLE tasks ADD COLUMN cache_hit INTEGER NOT NULL DEFAULT 0;

-- Few tasks ever wait, and those that do stay out of the hot path.
CREATE INDEX tasks_awaits_result ON tasks (awaits_result, created_at, namespace)
    WHERE awaits_result IS NOT NULL;
