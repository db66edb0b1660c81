// Command scheduler leases due tasks and delivers them to workers. Any number of
// them may work on one PostgreSQL.
package main

import (
	"github.com/stent-dev/stent/internal/app"
)

func main() { app.Main("scheduler", app.SchedulerSettings(), app.Scheduler) }
