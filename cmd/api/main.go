// Command api is Stent's API service: it accepts dispatches, signals and
// registrations, and answers questions. Any number of them may serve one PostgreSQL.
package main

import (
	"github.com/stent-dev/stent/internal/app"
)

func main() { app.Main("api", app.DefaultSettings(), app.API) }
