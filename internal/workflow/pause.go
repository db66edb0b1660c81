package workflow

import "slices"

// While an execution is paused, its tasks are parked: what waits to be delivered
// is not due, so that claims never meet it, and its timers, its deadline, signals
// and reports go on as ever; what they lead to is parked too.

func (ev Pause) needs(n *Need) {
	n.Executions = append(n.Executions, ev.Execution)
	if !ev.Paused {
		n.Open = append(n.Open, ev.Execution)
	}
}

func (ev Pause) apply(d *decision) error {
	e, err := d.openExecution(ev.Execution)
	if err != nil {
		return err
	}
	if e.Paused != ev.Paused {
		e.Paused = ev.Paused
		d.paused[e.ID] = true
		d.touchExecution(e)
	}
	if ev.Paused {
		return nil
	}
	for _, t := range d.openTasks(e) {
		if t.Kind == KindOrchestrator && t.State == TaskPending && t.Failures > 0 {
			d.makeDue(t, d.now)
		}
	}
	return nil
}

// park takes out of what is due whatever the batch made due of executions that
// are paused when it ends, and has the tasks follow that were not loaded.
func (d *decision) park() {
	c := &d.change
	for id := range d.paused {
		c.Parks = append(c.Parks, Park{Execution: id, Paused: d.executions[id].Paused})
	}
	slices.SortFunc(c.Parks, func(a, b Park) int { return a.Execution.Compare(b.Execution) })
	if !d.anyPaused() {
		return
	}
	for _, t := range c.NewTasks {
		d.parkTask(t)
	}
	for _, u := range c.Tasks {
		d.parkTask(u.Task)
	}
	for i := range c.Releases {
		c.Releases[i].Parked = d.executions[c.Releases[i].Execution].Paused
	}
}

func (d *decision) anyPaused() bool {
	for _, e := range d.executions {
		if e.Paused {
			return true
		}
	}
	return false
}

func (d *decision) parkTask(t *Task) {
	if t.State == TaskPending && t.Op != OpCallback && d.executions[t.Execution].Paused {
		t.DueAt = nil
	}
}
