package sqlite_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

func TestEveryLaneIsFoundOnce(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	empty, one := "", "1"
	var want []db.Lane
	_, err := store.Commit(t.Context(), workflow.Need{}, func(l *workflow.Loaded) (*workflow.Change, error) {
		c := &workflow.Change{Now: l.Now}
		for _, queue := range []string{"", "a", "b"} {
			names := []string{"f", "g"}
			if queue == "" {
				names = []string{""} // timers, whatever their name
			}
			for _, name := range names {
				for _, version := range []*string{nil, &empty, &one} {
					for _, priority := range []int{-1, 0, 7} {
						lane := db.Lane{Queue: queue, Function: name, Priority: priority, Oldest: l.Now.Add(-time.Second)}
						if version != nil {
							lane.Version, lane.Pinned = *version, true
						}
						for i := range 3 { // due since a second, due now, and not yet due
							e, root := newExecution(name, lane.Oldest.Add(time.Duration(i)*time.Second))
							root.Queue, root.Version, root.Priority = queue, version, priority
							if queue == "" {
								root.Name = fmt.Sprint(i)
							}
							if priority == 7 {
								due := l.Now.Add(time.Hour) // a lane of which nothing is due yet
								root.DueAt = &due
							}
							c.NewExecutions, c.NewTasks = append(c.NewExecutions, e), append(c.NewTasks, root)
						}
						if priority != 7 {
							want = append(want, lane)
						}
					}
				}
			}
		}
		return c, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := store.Lanes(t.Context())
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("Lanes gave %d, %v; want %d\n%v", len(got), err, len(want), got)
	}

	scheduler, err := join(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	claimed, _, err := store.Claim(t.Context(), scheduler, []db.Quota{
		{Lane: want[4], Limit: 1, Kind: workflow.KindOrchestrator}, {Lane: want[4]}, {Lane: want[2], Limit: 100},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(claimed) < 2 || claimed[0].Task.Kind != workflow.KindOrchestrator || claimed[1].Task.Kind != workflow.KindActivity {
		t.Fatalf("claimed %+v", claimed)
	}
	for i, c := range claimed {
		lane := want[2]
		if i == 0 {
			lane = want[4]
		}
		if c.Task.Queue != lane.Queue || c.Task.Priority != lane.Priority || (c.Task.Version != nil) != lane.Pinned {
			t.Errorf("claimed %+v from the lane %+v", c.Task, lane)
		}
	}
	held, err := store.Held(t.Context(), scheduler, nil)
	if err != nil || len(held) != len(claimed) {
		t.Errorf("holds %d leases, %v; want %d", len(held), err, len(claimed))
	}
}

func TestAnExpiredSchedulerGetsNothingAndGoesWithItsLastLease(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.start("f")
	c := s.claimAll()["f"][0]
	if err := s.store.Expire(t.Context(), -time.Hour); err != nil {
		t.Fatal(err)
	}
	s.start("f")
	if _, err := claim(t.Context(), s.store, s.scheduler, "f", 1); !isExpired(err) {
		t.Errorf("Claim gave %v, want ErrExpired", err)
	}
	if err := s.store.Beat(t.Context(), db.Scheduler{ID: s.scheduler, State: db.SchedulerReady}); !isExpired(err) {
		t.Errorf("Beat gave %v, want ErrExpired", err)
	}
	_, err := s.store.Commit(t.Context(), workflow.Need{}, func(l *workflow.Loaded) (*workflow.Change, error) {
		return &workflow.Change{
			Now: l.Now, Lessee: s.scheduler, Holds: []workflow.Hold{{Scheduler: s.scheduler, Execution: c.Execution.ID}},
		}, nil
	})
	if !isExpired(err) {
		t.Errorf("Commit gave %v, want ErrExpired", err)
	}
	orphans, err := s.store.Orphans(t.Context(), 10)
	if err != nil || len(orphans) != 1 || orphans[0] != leaseOf(c) {
		t.Fatalf("Orphans gave %v, %v", orphans, err)
	}
	s.happen(workflow.Orphaned{Lease: orphans[0]})
	if orphans, err = s.store.Orphans(t.Context(), 10); err != nil || len(orphans) != 0 {
		t.Errorf("Orphans gave %v, %v after all were taken over", orphans, err)
	}
	if left, err := s.store.Schedulers(t.Context()); err != nil || len(left) != 1 || left[0].State != db.SchedulerExpired {
		t.Errorf("schedulers are %v, %v; want one that has expired", left, err)
	}
}
