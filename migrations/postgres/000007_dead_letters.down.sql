ALTER TABLE tasks DROP COLUMN parent_turn;
DROP TABLE dead_letters;
