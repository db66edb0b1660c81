-- What the calls with one key share. A result that is running belongs to its owner
-- as long as that task is open and says that it owns it; otherwise to nobody.
CREATE TABLE results (
    namespace    text        NOT NULL,
    key_hash     bytea       NOT NULL,          -- workflow.ResultKey: of the function and the key
    function     text        NOT NULL,
    version      text        NOT NULL,          -- of the function that the owner calls
    state        text        NOT NULL CHECK (state IN ('running', 'completed')),
    execution_id uuid        NOT NULL,          -- the owner's
    task_id      uuid        NOT NULL,          -- the owner
    value        bytea,
    created_at   timestamptz NOT NULL,          -- since when the owner owns it
    completed_at timestamptz,
    expires_at   timestamptz,
    PRIMARY KEY (key_hash, namespace)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 1);

-- To be invalidated.
CREATE INDEX results_function ON results (function, version, namespace)
    WHERE state = 'completed';

-- To be cleaned away: what has expired, and what an owner left behind that failed.
CREATE INDEX results_expiry ON results (expires_at, namespace)
    WHERE expires_at IS NOT NULL;
CREATE INDEX results_running ON results (created_at, namespace)
    WHERE state = 'running';

ALTER TABLE tasks ADD COLUMN owns_result bytea;   -- the shared result that it runs for; while it is open
ALTER TABLE tasks ADD COLUMN awaits_result bytea; -- the one that it waits for; only while it waits
ALTER TABLE tasks ADD COLUMN cache_hit boolean NOT NULL DEFAULT false;

-- Few tasks ever wait, and those that do stay out of the hot path.
CREATE INDEX tasks_awaits_result ON tasks (awaits_result, created_at, namespace)
    WHERE awaits_result IS NOT NULL;
