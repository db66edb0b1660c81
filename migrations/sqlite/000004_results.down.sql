DROP INDEX tasks_awaits_result;
ALTER TABLE tasks DROP COLUMN cache_hit;
ALTER TABLE tasks DROP COLUMN awaits_result;
ALTER TABLE tasks DROP COLUMN owns_result;
DROP TABLE results;
