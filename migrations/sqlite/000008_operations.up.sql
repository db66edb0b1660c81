-- Which transaction wrote a row last: its time in microseconds, later than that of
-- every transaction before. PostgreSQL knows that of every row (xmin).
ALTER TABLE executions ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
