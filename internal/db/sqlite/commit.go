package sqlite

import (
	"context"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

// Commit implements db.Journal. The transaction keeps every other writer out
// while decide runs, so decide must not call the store.
func (s *Store) Commit(
	ctx context.Context, need workflow.Need, decide func(*workflow.Loaded) (*workflow.Change, error),
) (saved db.Saved, err error) {
	var refused error
	err = s.write(ctx, "committing", func(ctx context.Context, tx *transaction) error {
		loaded, err := tx.load(ctx, need)
		if err != nil {
			return err
		}
		var change *workflow.Change
		if change, refused = decide(loaded); refused != nil {
			return refused
		}
		if change == nil || change.Empty() {
			return errNothing
		}
		saved, err = tx.save(ctx, change)
		return err
	})
	if refused != nil {
		return db.Saved{}, refused // as decide gave it
	}
	if err != nil {
		return db.Saved{}, err
	}
	return saved, nil
}
