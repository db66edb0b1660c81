-- Whether a scheduler that is gone holds nothing any more: others took over all that
-- it left behind. Its state keeps telling how it went.
ALTER TABLE schedulers ADD COLUMN released INTEGER NOT NULL DEFAULT 0;
UPDATE schedulers SET released = 1 WHERE state = 'stopped';
