DROP INDEX tasks_awaits_result;
ALTER TABLE tasks DROP COLUMN owns_result, DROP COLUMN awaits_result, DROP COLUMN cache_hit;
DROP TABLE results;
