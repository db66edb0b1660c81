-- Whether a scheduler that is gone holds nothing any more: others took over all that
-- it left behind. Its state keeps telling how it went.
ALTER TABLE schedulers ADD COLUMN released boolean NOT NULL DEFAULT false;
UPDATE schedulers SET released = true WHERE state = 'stopped';
